public import Identity
public import Notation
public import People
import Storage

/// What a service shows to get a token: its secret, or what it has signed with a key of its own.
public struct ServiceCredentials: Sendable {
    public let id: ID<Caller>
    fileprivate let proof: Proof

    fileprivate enum Proof: Sendable {
        case secret(String)
        case assertion(ServiceAssertion)

        /// In the audit.
        var name: String {
            switch self {
            case .secret: "a service's secret"
            case .assertion: "a service's assertion"
            }
        }
    }

    public init(id: ID<Caller>, secret: String) { (self.id, proof) = (id, .secret(secret)) }
    public init(id: ID<Caller>, assertion: ServiceAssertion) { (self.id, proof) = (id, .assertion(assertion)) }
}

extension Accounts {
    /// Who a token is for, with the scopes that were asked for, or all it has when none were. Throws `.serviceUnknown` alike for one there
    /// is not, a wrong secret, an assertion that was used before, and one that was revoked, `.tooManyTries` for whoever goes on guessing,
    /// and `.scopeNotGranted` for a scope it was not given.
    ///
    /// The secret is looked at before the tries are: 256 bits are guessed by nobody, and strangers who try must not keep the service itself
    /// waiting, who may be in the middle of a night's work.
    public func admit(
        _ credentials: ServiceCredentials, asking wanted: Set<Scope>?, request: RequestOrigin
    ) async throws -> ServiceRecord {
        let (now, id) = (surroundings.clock.now, credentials.id)
        let service = try await reading { [self] transaction in
            try transaction.first(ServiceByID(id: id)).map { try keys.open($0) }
        }
        guard let service, service.revokedAt == nil, try await isProven(credentials, at: now) else {
            try await refuse(credentials, isThere: service != nil, request: request)
            throw AccountFault.serviceUnknown
        }
        let scopes = wanted ?? service.scopes
        guard !scopes.isEmpty, scopes.isSubset(of: service.scopes) else { throw AccountFault.scopeNotGranted }
        let isFresh = try await writing { [self] transaction -> Bool in
            guard let fresh = try transaction.first(ServiceToChange(id: id))?.kept, fresh.revokedAt == nil else {
                throw AccountFault.serviceUnknown
            }
            guard try use(credentials, in: transaction) else { return false }
            try transaction.run(NoteServiceUse(id: id, at: now, unlessAfter: now - .hours(1)))
            try audit(
                "service.admitted", fresh, by: fresh.caller, reason: Scope.text(scopes), request: request, in: transaction)
            return true
        }
        guard isFresh else {
            try await refuse(credentials, isThere: true, request: request)
            throw AccountFault.serviceUnknown
        }
        return ServiceRecord(
            id: service.id, name: service.name, scopes: scopes, createdAt: service.createdAt, lastUsedAt: service.lastUsedAt,
            revokedAt: nil)
    }

    private func isProven(_ credentials: ServiceCredentials, at now: Instant) async throws -> Bool {
        switch credentials.proof {
        case .secret(let text):
            let secrets = try await database.read { try $0.fetch(SecretsOfService(service: credentials.id)) }
            let digests = ServiceSecret(text).map { ring.digests(of: $0) } ?? []
            // Each is looked at, whichever fits.
            let fits = secrets.flatMap { known in digests.map { known.isGood(at: now) && ServiceSecret.isSame(known.digest, $0) }
            }
            return fits.contains(true)
        case .assertion(let assertion):
            let keys = try await database.read { try $0.fetch(KeysOfService(service: credentials.id)) }
            guard assertion.isTimely(at: now), let key = keys.first(where: { $0.name == assertion.keyName }) else { return false }
            return await assertion.isSigned(key)
        }
    }

    /// Uses an assertion up; false when it was used before. A secret is used as often as one likes.
    private func use(_ credentials: ServiceCredentials, in transaction: any WriteTransaction) throws -> Bool {
        guard case .assertion(let assertion) = credentials.proof else { return true }
        // The time may have passed while the signature was looked at, and with it the memory of what was used.
        guard assertion.isTimely(at: surroundings.clock.now) else { return false }
        let digest = DerivedKey.digest(of: assertion.identifier, from: ring.founding, for: "mediconnect service assertions")
        let use = UseAssertion(service: credentials.id, digest: digest, expiresAt: assertion.expiresAt)
        return try transaction.run(use) == 1
    }

    /// Counts a wrong proof. For a service there is not as much is written, and nothing kept.
    private func refuse(_ credentials: ServiceCredentials, isThere: Bool, request: RequestOrigin) async throws {
        let id = credentials.id
        let name = DerivedKey.digest(of: id.description, from: ring.founding, for: "mediconnect service failures")
        try await countTry(name)
        try await noteRefusal(of: isThere ? id.of() : nil, name, reason: credentials.proof.name, request: request)
    }
}

extension ServiceSecretRecord {
    fileprivate func isGood(at now: Instant) -> Bool { expiresAt.map { now < $0 } ?? true }
}
