public import Notation
public import People
import Storage

/// A public key with which a service signs what it shows instead of a secret (SMART App Launch 2.0, `private_key_jwt`).
public struct ServiceKey: Sendable, Equatable {
    public enum Algorithm: String, Sendable, CaseIterable { case RS384, ES384 }

    /// The key's own name (`kid`): one of the service's keys has it.
    public let name: String
    /// A JWK (RFC 7517) with what belongs to a public key of its kind, and nothing else.
    public let document: String
    public let algorithm: Algorithm

    /// - Parameters:
    ///   - modulus: `n`, base64url, of 2,048 bits at least.
    ///   - exponent: `e`.
    public init(name: String, modulus: String, exponent: String) {
        self.name = name
        algorithm = .RS384
        document = Self.object([("alg", "RS384"), ("e", exponent), ("kid", name), ("kty", "RSA"), ("n", modulus)])
    }

    /// - Parameters:
    ///   - x: of a point of the curve P-384, base64url.
    ///   - y: the same.
    public init(name: String, x: String, y: String) {
        self.name = name
        algorithm = .ES384
        document = Self.object([("alg", "ES384"), ("crv", "P-384"), ("kid", name), ("kty", "EC"), ("x", x), ("y", y)])
    }

    private static func object(_ members: [(String, String)]) -> String {
        var json = JSONWriter(reserving: 512)
        json.object { json in for (name, value) in members { json.member(name, value) } }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    init(name: String, document: String) throws {
        guard let algorithm = try JSON(parsing: document)["alg"]?.string.flatMap(Algorithm.init) else {
            throw StorageFault.statement("a service has a key of a kind nobody knows")
        }
        (self.name, self.document, self.algorithm) = (name, document, algorithm)
    }
}

/// What a service has signed to get one token. Its form and its claims are as they should be; whether a key of the service has signed it,
/// and whether it is new, is for the clinic to know.
public struct ServiceAssertion: Sendable {
    /// How long before it expires one may be made.
    public static let lasting = Span.minutes(5)

    let keyName: String
    /// Named by the service, once (`jti`).
    let identifier: String
    let expiresAt: Instant
    let isSigned: @Sendable (ServiceKey) async -> Bool

    /// - Parameter isSigned: whether a key has signed it, by the key's own algorithm.
    public init(
        keyName: String, identifier: String, expiresAt: Instant, isSigned: @escaping @Sendable (ServiceKey) async -> Bool
    ) {
        self.keyName = keyName
        self.identifier = identifier
        self.expiresAt = expiresAt
        self.isSigned = isSigned
    }

    func isTimely(at now: Instant) -> Bool { now < expiresAt && expiresAt <= now + Self.lasting }
}

struct KeysOfService: Query {
    static let sql: SQL = "SELECT name, document FROM service_key WHERE service_id = $1 ORDER BY name LIMIT 20"
    let service: ID<Caller>
    var bindings: [SQLValue] { [.id(service)] }
    static func row(_ columns: any Columns) throws -> ServiceKey {
        try ServiceKey(name: try columns.text(0), document: try columns.text(1))
    }
}

struct InsertServiceKey: Command {
    static let sql: SQL = "INSERT INTO service_key (service_id, name, document, created_at) VALUES ($1, $2, $3, $4)"
    let service: ID<Caller>
    let key: ServiceKey
    let at: Instant
    var bindings: [SQLValue] { [.id(service), .text(key.name), .text(key.document), .instant(at)] }
}

/// Changes nothing when it was used before: of many who show it at once, one has used it.
struct UseAssertion: Command {
    static let sql: SQL = """
        INSERT INTO service_assertion (service_id, digest, expires_at) VALUES ($1, $2, $3)
        ON CONFLICT (service_id, digest) DO NOTHING
        """
    let service: ID<Caller>
    let digest: [UInt8]
    let expiresAt: Instant
    var bindings: [SQLValue] { [.id(service), .bytes(digest), .instant(expiresAt)] }
}

struct ForgetOldAssertions: Command {
    static let sql: SQL = "DELETE FROM service_assertion WHERE expires_at < $1"
    let before: Instant
    var bindings: [SQLValue] { [.instant(before)] }
}
