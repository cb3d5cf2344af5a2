public import Identity
public import Notation
public import People
import Storage

/// Another system that works with the clinic: a laboratory, a portal, a telephone assistant.
public struct ServiceRecord: Sendable {
    public let id: ID<Caller>
    public internal(set) var name: Personal<String>
    public let scopes: Set<Scope>
    public let createdAt: Instant
    /// When it was last given a token, to the hour.
    public let lastUsedAt: Instant?
    public let revokedAt: Instant?

    public var caller: Caller { Caller(role: .service, subject: id, scopes: scopes) }
    /// What its access tokens carry, so that they end with it: `EndedSessions` knows services as it knows sessions.
    public var session: ID<Session> { id.of() }
}

/// A secret of a service, as far as it is kept.
struct ServiceSecretRecord: Sendable {
    let digest: [UInt8]
    /// Nil until another has taken its place.
    let expiresAt: Instant?
}

struct ServiceByID: Query {
    static let sql: SQL = "SELECT id, name, scopes, created_at, last_used_at, revoked_at FROM service WHERE id = $1"
    let id: ID<Caller>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<ServiceRecord> { Sealed(kept: try ServiceRecord(columns)) }
}

/// The same, and nobody else changes it until this transaction has ended.
struct ServiceToChange: Query {
    static let sql = SQL(sqlite: ServiceByID.sql.sqlite, postgres: ServiceByID.sql.postgres + " FOR NO KEY UPDATE")
    let id: ID<Caller>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<ServiceRecord> { Sealed(kept: try ServiceRecord(columns)) }
}

/// Services by identifier, oldest first, after one.
struct ServicesAfter: Query {
    static let sql: SQL = """
        SELECT id, name, scopes, created_at, last_used_at, revoked_at FROM service WHERE id > $1 ORDER BY id LIMIT $2
        """
    let id: ID<Caller>
    let limit: Int
    var bindings: [SQLValue] { [.id(id), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Sealed<ServiceRecord> { Sealed(kept: try ServiceRecord(columns)) }
}

/// Services that were revoked after a moment: their access tokens may not have expired yet.
struct RevokedSince: Query {
    static let sql: SQL = "SELECT id, revoked_at FROM service WHERE revoked_at > $1"
    let at: Instant
    var bindings: [SQLValue] { [.instant(at)] }
    static func row(_ columns: any Columns) throws -> (id: ID<Session>, at: Instant) {
        (id: try columns.id(0), at: try columns.instant(1))
    }
}

extension ServiceRecord {
    fileprivate init(_ columns: any Columns) throws {
        guard let scopes = Scope.list(try columns.text(2)) else {
            throw StorageFault.statement("a service has scopes that are none")
        }
        self.init(
            id: try columns.id(0), name: Personal(try columns.text(1)), scopes: scopes, createdAt: try columns.instant(3),
            lastUsedAt: try columns.optional(4, columns.instant), revokedAt: try columns.optional(5, columns.instant))
    }
}

struct SecretsOfService: Query {
    static let sql: SQL = "SELECT digest, expires_at FROM service_secret WHERE service_id = $1 LIMIT 100"
    let service: ID<Caller>
    var bindings: [SQLValue] { [.id(service)] }
    static func row(_ columns: any Columns) throws -> ServiceSecretRecord {
        ServiceSecretRecord(digest: try columns.bytes(0), expiresAt: try columns.optional(1, columns.instant))
    }
}

struct InsertService: Command {
    static let sql: SQL = "INSERT INTO service (id, name, scopes, created_at) VALUES ($1, $2, $3, $4)"
    let service: Sealed<ServiceRecord>
    var bindings: [SQLValue] {
        let service = service.kept
        return [.id(service.id), .text(service.name.revealed), .text(Scope.text(service.scopes)), .instant(service.createdAt)]
    }
}

struct InsertServiceSecret: Command {
    static let sql: SQL = "INSERT INTO service_secret (service_id, digest, created_at) VALUES ($1, $2, $3)"
    let service: ID<Caller>
    let digest: [UInt8]
    let at: Instant
    var bindings: [SQLValue] { [.id(service), .bytes(digest), .instant(at)] }
}

/// Lets what was there end at a moment, or sooner where it does.
struct EndServiceSecrets: Command {
    static let sql: SQL = """
        UPDATE service_secret SET expires_at = $2 WHERE service_id = $1 AND (expires_at IS NULL OR expires_at > $2)
        """
    let service: ID<Caller>
    let at: Instant
    var bindings: [SQLValue] { [.id(service), .instant(at)] }
}

struct ForgetEndedSecrets: Command {
    static let sql: SQL = "DELETE FROM service_secret WHERE service_id = $1 AND expires_at < $2"
    let service: ID<Caller>
    let before: Instant
    var bindings: [SQLValue] { [.id(service), .instant(before)] }
}

struct RevokeService: Command {
    static let sql: SQL = "UPDATE service SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL"
    let id: ID<Caller>
    let at: Instant
    var bindings: [SQLValue] { [.id(id), .instant(at)] }
}

/// Changes nothing when it was noted within the hour.
struct NoteServiceUse: Command {
    static let sql: SQL = "UPDATE service SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)"
    let id: ID<Caller>
    let at: Instant
    let unlessAfter: Instant
    var bindings: [SQLValue] { [.id(id), .instant(at), .instant(unlessAfter)] }
}
