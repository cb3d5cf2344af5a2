public import Identity
public import Notation
public import People
import Scheduling
import Storage

// Other systems: let in, given another secret, shut out. An admin does it, or whoever looks after the clinic.
extension Accounts {
    /// Makes a service and its first secret, which nobody is shown again. Said again with the same identifier it throws `.serviceThere`: its
    /// secret cannot be told twice, and `rotateSecret` gives another.
    public func createService(
        id: ID<Caller>? = nil, name: String, scopes: Set<Scope>, by caller: Caller, request: RequestOrigin
    ) async throws -> (service: ServiceRecord, secret: ServiceSecret) {
        let secret = ServiceSecret.make(surroundings.random)
        let service = try await create(id, name, scopes, by: caller, request: request) { [self] service, transaction in
            let now = service.createdAt
            try transaction.run(InsertServiceSecret(service: service.id, digest: ring.digest(of: secret, at: now), at: now))
        }
        return (service, secret)
    }

    /// Makes a service that signs for itself with one of these keys, and has no secret. There has to be one key at least, and each its own
    /// name.
    public func createService(
        id: ID<Caller>? = nil, name: String, scopes: Set<Scope>, keys: [ServiceKey], by caller: Caller, request: RequestOrigin
    ) async throws -> ServiceRecord {
        try await create(id, name, scopes, by: caller, request: request) { service, transaction in
            for key in keys { try transaction.run(InsertServiceKey(service: service.id, key: key, at: service.createdAt)) }
        }
    }

    private func create(
        _ id: ID<Caller>?, _ name: String, _ scopes: Set<Scope>, by caller: Caller, request: RequestOrigin,
        _ proofs: @escaping @Sendable (ServiceRecord, any WriteTransaction) throws -> Void
    ) async throws -> ServiceRecord {
        guard caller.may(.keepServices) else { throw Refusal.notPermitted }
        let now = surroundings.clock.now
        let service = ServiceRecord(
            id: id ?? surroundings.identifiers.next(Caller.self), name: Personal(name), scopes: scopes, createdAt: now,
            lastUsedAt: nil,
            revokedAt: nil)
        do {
            try await writing { [self] transaction in
                try transaction.run(InsertService(service: try keys.seal(service)))
                try proofs(service, transaction)
                try audit(
                    "service.created", service, by: caller, reason: Scope.text(scopes), request: request, in: transaction)
            }
        } catch StorageFault.constraint(let name) where name == "service_pkey" || name == "service.id" {
            throw AccountFault.serviceThere
        }
        return service
    }

    /// Services, oldest first; at most so many.
    public func services(after id: ID<Caller>? = nil, limit: Int = 100, for caller: Caller) async throws -> [ServiceRecord] {
        guard caller.may(.keepServices) else { throw Refusal.notPermitted }
        return try await reading { [self] transaction in
            try transaction.fetch(ServicesAfter(id: id ?? ID(high: 0, low: 0), limit: limit)).map { try keys.open($0) }
        }
    }

    /// Gives a service another secret. The one before is good for `overlap` longer, so that nothing stands still while the new one is
    /// brought to where it is used. Throws `Refusal.recordUnknown` for one there is not, or that was revoked.
    public func rotateSecret(
        of id: ID<Caller>, overlap: Span, by caller: Caller, request: RequestOrigin
    ) async throws -> (secret: ServiceSecret, oldUntil: Instant) {
        guard caller.may(.keepServices) else { throw Refusal.notPermitted }
        let secret = ServiceSecret.make(surroundings.random)
        let oldUntil = surroundings.clock.now + overlap
        try await writing { [self] transaction in
            let now = surroundings.clock.now
            guard let service = try transaction.first(ServiceToChange(id: id))?.kept, service.revokedAt == nil else {
                throw Refusal.recordUnknown
            }
            try transaction.run(ForgetEndedSecrets(service: id, before: now))
            try transaction.run(EndServiceSecrets(service: id, at: oldUntil))
            try transaction.run(InsertServiceSecret(service: id, digest: ring.digest(of: secret, at: now), at: now))
            try audit("service.secret-rotated", service, by: caller, request: request, in: transaction)
        }
        return (secret, oldUntil)
    }

    /// Shuts a service out for good, its access tokens included: here at once, on other nodes within a second. To do it twice is no
    /// mistake. Throws `Refusal.recordUnknown` for one there is not.
    public func revokeService(_ id: ID<Caller>, call: Call, wording: Wording<Void>) async throws -> Reply<Void> {
        try await clinic.perform(call, wording: wording) { story in
            try story.require(.keepServices)
        } act: { [self] story, _ in
            try revoke(id, by: call.caller, request: call.origin, in: story.transaction)
        }
    }

    /// The same for whoever looks after the clinic.
    public func revokeService(_ id: ID<Caller>, by caller: Caller, request: RequestOrigin) async throws {
        guard caller.may(.keepServices) else { throw Refusal.notPermitted }
        try await writing { [self] transaction in try revoke(id, by: caller, request: request, in: transaction) }
    }

    private func revoke(_ id: ID<Caller>, by caller: Caller, request: RequestOrigin, in transaction: any WriteTransaction) throws
    {
        let (now, ended) = (surroundings.clock.now, ended)
        guard let service = try transaction.first(ServiceToChange(id: id))?.kept else { throw Refusal.recordUnknown }
        guard try transaction.run(RevokeService(id: id, at: now)) == 1 else { return }
        try transaction.run(EndServiceSecrets(service: id, at: now))
        try audit("service.revoked", service, by: caller, request: request, in: transaction)
        transaction.afterCommit { ended.add(service.session, at: now) }
    }

    func audit(
        _ act: String, _ service: ServiceRecord, by caller: Caller, reason: String? = nil, request: RequestOrigin,
        in transaction: any WriteTransaction
    ) throws {
        try audit(act, of: service.id.of(Account.self), by: .caller(caller), reason: reason, request: request, in: transaction)
    }
}
