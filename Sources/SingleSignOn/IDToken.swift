import Crypto
public import JWTKit
public import Notation

/// The provider's keys (RFC 7517), as far as they may sign ID tokens here: each with its own id and one algorithm.
public struct ProviderKeys: Sendable {
    /// Nothing symmetric, whose secret both would have, and nothing without a signature (RFC 8725 §3.1).
    static let algorithms: Set<String> = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    ]

    private let keys: [String: JWK]

    /// Throws a `SignOnFault` when it is no set of keys. Keys of other kinds are left out: a provider may have them for other things.
    public init(_ document: JSON) throws {
        guard let list = document["keys"]?.array, list.count <= 100 else { throw SignOnFault.provider("its keys cannot be read") }
        var keys: [String: JWK] = [:]
        for one in list {
            guard ["RSA", "EC", "OKP"].contains(one["kty"]?.string), one["use"]?.string ?? "sig" == "sig",
                let id = one["kid"]?.string, (1...256).contains(id.utf8.count),
                let key = try? JWK(json: String(decoding: one.canonicalBytes, as: UTF8.self))
            else { continue }
            if keys.updateValue(key, forKey: id) != nil { throw SignOnFault.provider("two of its keys have one id") }
        }
        self.keys = keys
    }

    /// The claims of a token one of these keys has signed, with the algorithm that is the key's; nil otherwise.
    func claims(of token: IDToken) async -> JSON? {
        let (text, algorithm) = (token.text, token.algorithm)
        // A provider with one key need not name it (OpenID Connect Core §10.1).
        guard let key = token.keyID.map({ keys[$0] }) ?? (keys.count == 1 ? keys.first?.value : nil),
            Self.algorithms.contains(algorithm)
        else { return nil }
        // A key that says what it is for is for nothing else.
        if let own = key.algorithm, own.rawValue != algorithm { return nil }
        let collection = JWTKeyCollection()
        guard (try? await collection.add(jwk: key)) != nil, (try? await collection.verify(text, as: AnyClaims.self)) != nil else {
            return nil
        }
        return text.split(separator: ".").dropFirst().first.flatMap { Base64URL.bytes($0) }.flatMap { try? JSON(parsing: $0) }
    }

    /// What is in it is read afterwards, with our own eyes.
    private struct AnyClaims: JWTPayload { func verify(using algorithm: some JWTAlgorithm) throws {} }
}

/// A token that says who somebody is, before anybody has believed it (OpenID Connect Core §2).
struct IDToken {
    let text: String
    let keyID: String?
    let algorithm: String

    /// Nil unless it has the shape of one: three parts, and a header that names an algorithm, a key if any, and carries nothing that would
    /// have to be understood.
    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, text.utf8.count <= 16_384,
            let header = Base64URL.bytes(parts[0]).flatMap({ try? JSON(parsing: $0) }),
            let alg = header["alg"]?.string, ProviderKeys.algorithms.contains(alg),
            header["crit"] == nil, header["kid"] == nil || header["kid"]?.string != nil,
            ["JWT", nil].contains(header["typ"]?.string)
        else { return nil }
        (self.text, keyID, algorithm) = (text, header["kid"]?.string, alg)
    }
}

/// What an ID token says, believed.
public struct Identified: Sendable, Equatable {
    public let issuer: String
    public let subject: String
    /// Only when the provider says that it has verified it.
    public let verifiedEmail: Personal<String>?
    /// Two factors, says the provider.
    public let hasSecondFactor: Bool
    public let claims: JSON

    /// How far clocks may be apart.
    public static let skew = Span.minutes(1)
    /// How old a token may be that was just fetched.
    static let age = Span.minutes(10)

    /// Throws a `SignOnFault.refused` unless every claim is as OpenID Connect Core §3.1.3.7 has it.
    init(_ claims: JSON, provider: Provider, nonce: String, algorithm: String, accessToken: String?, at now: Instant) throws {
        try Self.require(claims["iss"]?.string == provider.issuer, "the ID token is another issuer's")
        try Self.checkAudience(of: claims, provider.clientID)
        try Self.checkTimes(of: claims, now)
        try Self.require(claims["nonce"]?.string == nonce, "the ID token answers another question")
        try Self.checkHash(of: claims, accessToken, algorithm)
        guard let named = claims["sub"]?.string, (1...255).contains(named.utf8.count) else {
            throw SignOnFault.refused("the ID token says of nobody")
        }
        issuer = provider.issuer
        subject = named
        verifiedEmail = Self.email(in: claims)
        hasSecondFactor = provider.factors == .assured || Self.saysTwoFactors(claims)
        self.claims = claims
    }

    private static func require(_ isTrue: Bool, _ what: String) throws { if !isTrue { throw SignOnFault.refused(what) } }

    private static func checkAudience(of claims: JSON, _ clientID: String) throws {
        var audience: [String] = []
        if let one = claims["aud"]?.string { audience = [one] }
        for one in claims["aud"]?.array ?? [] { if let text = one.string { audience.append(text) } }
        let party = claims["azp"]?.string
        try require(audience.contains(clientID), "the ID token is for somebody else")
        try require(claims["azp"] == nil || party == clientID, "the ID token was asked for by somebody else")
        try require(audience.count == 1 || party != nil, "the ID token is for several, and does not say who asked")
    }

    private static func checkTimes(of claims: JSON, _ now: Instant) throws {
        guard let expires = moment("exp", in: claims), let issued = moment("iat", in: claims) else {
            throw SignOnFault.refused("the ID token has no times")
        }
        try require(now < expires + skew, "the ID token has expired")
        try require(issued <= now + skew, "the ID token is of the future")
        try require(issued > now - age, "the ID token is old")
        if claims["nbf"] == nil { return }
        guard let begins = moment("nbf", in: claims), begins <= now + skew else {
            throw SignOnFault.refused("the ID token is not valid yet")
        }
    }

    private static func moment(_ name: String, in claims: JSON) -> Instant? {
        guard let seconds = claims[name]?.integer, (0...253_402_300_799).contains(seconds) else { return nil }
        return Instant(secondsSince1970: seconds)
    }

    /// Optional in this flow; where it stands it has to be right.
    private static func checkHash(of claims: JSON, _ accessToken: String?, _ algorithm: String) throws {
        guard let said = claims["at_hash"] else { return }
        guard let accessToken, said.string == hash(of: accessToken, algorithm) else {
            throw SignOnFault.refused("the tokens do not belong together")
        }
    }

    private static func email(in claims: JSON) -> Personal<String>? {
        guard claims["email_verified"] == JSON(.bool(true)), let email = claims["email"]?.string else { return nil }
        return Personal(email.lowercased())
    }

    private static func saysTwoFactors(_ claims: JSON) -> Bool {
        for method in claims["amr"]?.array ?? [] {
            if let name = method.string, strong.contains(name) { return true }
        }
        return false
    }

    /// RFC 8176: what is more than something one knows.
    private static let strong: Set<String> = ["mfa", "otp", "hwk", "swk", "sc", "fpt", "face", "iris"]

    /// The left half of the access token's digest (OpenID Connect Core §3.1.3.6).
    private static func hash(of token: String, _ algorithm: String) -> String {
        let bytes = Array(token.utf8)
        if algorithm.hasSuffix("256") { return half(Array(SHA256.hash(data: bytes))) }
        if algorithm.hasSuffix("384") { return half(Array(SHA384.hash(data: bytes))) }
        return half(Array(SHA512.hash(data: bytes)))
    }

    private static func half(_ digest: [UInt8]) -> String { Base64URL.text(digest.prefix(digest.count / 2)) }
}
