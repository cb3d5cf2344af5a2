public import Identity
public import Notation
public import People
import Storage

/// What a service shows to get a token.
public struct ServiceCredentials: Sendable {
    public let id: ID<Caller>
    public let secret: String

    public init(id: ID<Caller>, secret: String) {
        self.id = id
        self.secret = secret
    }
}

extension Accounts {
    /// Who a token is for, with the scopes that were asked for, or all it has when none were. Throws `.serviceUnknown` alike for one there
    /// is not, a wrong secret and one that was revoked, `.tooManyTries` for whoever goes on guessing, and `.scopeNotGranted` for a
    /// scope it was not given.
    ///
    /// The secret is looked at before the tries are: 256 bits are guessed by nobody, and strangers who try must not keep the service itself
    /// waiting, who may be in the middle of a night's work.
    public func admit(
        _ credentials: ServiceCredentials, asking wanted: Set<Scope>?, requestID: String
    ) async throws -> ServiceRecord {
        let (now, id) = (surroundings.clock.now, credentials.id)
        let (service, secrets) = try await database.read { transaction in
            (try transaction.first(ServiceByID(id: id)), try transaction.fetch(SecretsOfService(service: id)))
        }
        let digests = ServiceSecret(credentials.secret).map { ring.digests(of: $0) } ?? []
        // Each is looked at, whichever fits.
        let fits = secrets.flatMap { known in digests.map { known.isGood(at: now) && ServiceSecret.isSame(known.digest, $0) } }
        guard let service, service.revokedAt == nil, fits.contains(true) else {
            try await refuse(id, isThere: service != nil, requestID: requestID)
            throw AccountFault.serviceUnknown
        }
        let scopes = wanted ?? service.scopes
        guard !scopes.isEmpty, scopes.isSubset(of: service.scopes) else { throw AccountFault.scopeNotGranted }
        try await database.write { [self] transaction in
            guard let fresh = try transaction.first(ServiceToChange(id: id)), fresh.revokedAt == nil else {
                throw AccountFault.serviceUnknown
            }
            try transaction.run(NoteServiceUse(id: id, at: now, unlessAfter: now - .hours(1)))
            try audit(
                "service.admitted", fresh, by: fresh.caller, reason: Scope.text(scopes), requestID: requestID, in: transaction)
        }
        return ServiceRecord(
            id: service.id, name: service.name, scopes: scopes, createdAt: service.createdAt, lastUsedAt: service.lastUsedAt,
            revokedAt: nil)
    }

    /// Counts a wrong secret. For a service there is not as much is written, and nothing kept.
    private func refuse(_ id: ID<Caller>, isThere: Bool, requestID: String) async throws {
        let name = DerivedKey.digest(of: id.description, from: ring.founding, for: "mediconnect service failures")
        try await countTry(name)
        try await noteRefusal(of: isThere ? id.of() : nil, name, reason: "a service's secret", requestID: requestID)
    }
}

extension ServiceSecretRecord {
    fileprivate func isGood(at now: Instant) -> Bool { expiresAt.map { now < $0 } ?? true }
}
