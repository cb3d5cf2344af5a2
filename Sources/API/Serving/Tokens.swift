import Foundation
public import Identity
import JWTKit
public import Notation
public import People
import Synchronization

/// What a token says: who, as what, until when (RFC 7519). The issuer is fixed, and so is the algorithm (RFC 8725 §3.1).
struct TokenClaims: JWTPayload {
    var iss: IssuerClaim
    var sub: SubjectClaim
    var role: String
    var sid: String?
    /// Good for nothing but adding a second factor.
    var enrol: Bool?
    /// What a service may do, as in RFC 6749 §3.3.
    var scope: String?
    /// The locations the caller works at; nothing where it is all of them.
    var places: [String]?
    var iat: IssuedAtClaim
    var exp: ExpirationClaim

    func verify(using algorithm: some JWTAlgorithm) throws {}
}

/// Who a token speaks for, and as part of which session; nil for one that was issued to nobody's account.
struct Bearer: Sendable {
    let caller: Caller
    let session: ID<Session>?
    /// May do nothing but look after their own account until it has a second factor.
    let mustAddSecondFactor: Bool
}

/// Issues and checks bearer tokens. Whether a token's session still lasts is for `Accounts` to know.
public final class Tokens: Sendable {
    static let issuer = "mediconnect"
    /// Checked tokens, so that a client's second request does not pay for the signature again. Bounded; emptied when full.
    private static let remembered = 10_000

    private let keyring: LiveKeyring
    private let clock: any WallClock
    private let known = Mutex<[String: Known]>([:])
    /// What signs and checks with a key, by the key's id: each knows one key and one algorithm.
    private let signers = Mutex<[String: JWTKeyCollection]>([:])

    private struct Known {
        let bearer: Bearer
        let key: String
        let expiresAt: Instant
    }

    public init(_ keyring: LiveKeyring, clock: any WallClock) {
        self.keyring = keyring
        self.clock = clock
    }

    /// With one secret of 32 bytes or more.
    public convenience init(secret: [UInt8], clock: any WallClock) {
        self.init(LiveKeyring(Keyring(secret: secret)), clock: clock)
    }

    public func issue(
        for caller: Caller, session: ID<Session>? = nil, mustAddSecondFactor: Bool = false, lasting: Span
    ) async throws -> String {
        let now = clock.now
        let key = keyring.ring.sealing(at: now)
        return try await signer(key).sign(
            TokenClaims(
                iss: IssuerClaim(value: Tokens.issuer), sub: SubjectClaim(value: caller.subject.description),
                role: caller.role.rawValue, sid: session?.description, enrol: mustAddSecondFactor ? true : nil,
                scope: caller.scopes.map { Scope.text($0) },
                places: caller.places.isEmpty ? nil : caller.places.map(\.description).sorted(),
                iat: IssuedAtClaim(value: date(now)),
                exp: ExpirationClaim(value: date(now + lasting))
            ), kid: JWKIdentifier(string: key.id))
    }

    /// Who a token speaks for; nil when it is forged, expired or not ours.
    func bearer(of token: String) async -> Bearer? {
        let now = clock.now
        let ring = keyring.ring
        if let known = known.withLock({ $0[token] }) {
            return known.expiresAt > now && ring.key(known.key) != nil ? known.bearer : nil
        }
        guard token.utf8.count < 2048, let key = TokenForm.key(of: token).flatMap(ring.key),
            let claims = try? await signer(key).verify(token, as: TokenClaims.self),
            claims.iss.value == Tokens.issuer, let role = Role(rawValue: claims.role),
            let caller = caller(claims, role)
        else { return nil }
        let expiresAt = Instant(microseconds: Int64(claims.exp.value.timeIntervalSince1970 * 1_000_000))
        guard expiresAt > now, claims.iat.value <= date(now + .seconds(60)) else { return nil }
        let session = claims.sid.map { ID<Session>($0) }
        // One that names a session names one that could exist.
        if case .some(.none) = session { return nil }
        let bearer = Bearer(
            caller: caller, session: session ?? nil,
            mustAddSecondFactor: claims.enrol ?? false)
        known.withLock { known in
            if known.count >= Tokens.remembered { known.removeAll() }
            known[token] = Known(bearer: bearer, key: key.id, expiresAt: expiresAt)
        }
        return bearer
    }

    /// Nil where one part cannot be read: a token that is limited somehow must not pass for one that is not.
    private func caller(_ claims: TokenClaims, _ role: Role) -> Caller? {
        guard let subject = ID<Caller>(claims.sub.value) else { return nil }
        let places = (claims.places ?? []).compactMap { ID<Workplace>($0) }
        guard places.count == claims.places?.count ?? 0, claims.places?.isEmpty != true else { return nil }
        guard let scope = claims.scope else { return Caller(role: role, subject: subject, places: Set(places)) }
        guard let scopes = Scope.list(scope) else { return nil }
        return Caller(role: role, subject: subject, scopes: scopes, places: Set(places))
    }

    private func signer(_ key: Keyring.Key) async -> JWTKeyCollection {
        if let made = signers.withLock({ $0[key.id] }) { return made }
        let signer = JWTKeyCollection()
        await signer.add(
            hmac: HMACKey(from: key.accessSecret), digestAlgorithm: .sha256, kid: JWKIdentifier(string: key.id))
        signers.withLock { signers in
            // Those of keys that are gone go too.
            signers = signers.filter { keyring.ring.key($0.key) != nil }
            signers[key.id] = signer
        }
        return signer
    }

    private func date(_ instant: Instant) -> Date { Date(timeIntervalSince1970: Double(instant.secondsSince1970)) }
}
