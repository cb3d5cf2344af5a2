public import Identity
public import Notation
public import People
import Scheduling
import Storage

// What an account may sign in as, and where, is given and taken while it lives.
extension Accounts {
    /// Places a role may be limited to: more would not fit into a token, and who works at more works everywhere.
    public static let placesMaximum = 16

    /// Lets an account sign in as something more, or as the same at other places. Sessions end where less is left than was before, so
    /// that nobody goes on with what was taken. Throws `.accountUnknown`, `.roleTaken`, `.placeUnknown`.
    public func grant(_ role: Caller, login: String, by: String, request: RequestOrigin) async throws {
        try await change(login: login) { [self] transaction, account in
            let known = try transaction.roles(of: account.id).first { $0.role == role.role }
            if known == role { return }
            if let known, known.subject != role.subject { throw AccountFault.roleTaken }
            if known == nil { try transaction.run(InsertAccountRole(account: account.id, caller: role)) }
            try transaction.run(DeleteAccountPlaces(account: account.id, role: role.role))
            try transaction.limit(account.id, role, in: clinic)
            try audit(
                "account.role-granted", of: account.id, by: .operatorNamed(by), reason: role.words, request: request,
                in: transaction)
            if known == nil { return }
            try endAll(of: account.id, .rolesChanged, by: .operatorNamed(by), request: request, in: transaction)
        }
    }

    /// Takes a role from an account, and ends its sessions. The last one cannot be taken: who is to be nothing any more has no account.
    /// Throws `.accountUnknown`, `.roleMissing`.
    public func revoke(_ role: Role, login: String, by: String, request: RequestOrigin) async throws {
        try await change(login: login) { [self] transaction, account in
            let roles = try transaction.fetch(RolesOfAccount(account: account.id))
            guard let taken = roles.first(where: { $0.role == role }), roles.count > 1 else { throw AccountFault.roleMissing }
            try transaction.run(DeleteAccountPlaces(account: account.id, role: role))
            try transaction.run(DeleteAccountRole(account: account.id, role: role))
            try audit(
                "account.role-revoked", of: account.id, by: .operatorNamed(by), reason: taken.words, request: request,
                in: transaction)
            try endContacts(of: account.id, [taken], by: by, request: request, in: transaction)
            try endAll(of: account.id, .rolesChanged, by: .operatorNamed(by), request: request, in: transaction)
        }
    }

    /// Goes on with a session as something else the account is. The refresh token stays good; so does the access token of the role
    /// before, until it expires. Asked again for what it is already, it is that. Throws `.sessionEnded`, `.roleNeeded`.
    public func act(as role: Role, in own: ID<Session>, request: RequestOrigin) async throws -> SessionGrant {
        let (session, hasFactor) = try await writing { [self] transaction -> (SessionRecord, Bool) in
            var (account, session) = try owner(of: own, in: transaction)
            let roles = try transaction.roles(of: account.id)
            guard let wanted = roles.first(where: { $0.role == role }) else {
                throw AccountFault.roleNeeded(Role.allCases.filter { role in roles.contains { $0.role == role } })
            }
            if session.caller.role != role {
                try transaction.run(ChangeSessionRole(id: own, caller: wanted))
                try audit(
                    "session.role-changed", of: account.id, by: .caller(session.caller), reason: wanted.words,
                    request: request, in: transaction)
            }
            session.caller = wanted
            return (session, try transaction.first(SecondFactorOf(account: account.id))?.isConfirmed == true)
        }
        return grant(session, hasFactor: hasFactor)
    }
}

extension WriteTransaction {
    /// Limits a role of an account to its places, which have to be locations of the clinic.
    func limit(_ account: ID<Account>, _ role: Caller, in clinic: Clinic) throws {
        if role.places.isEmpty { return }
        let locations = try clinic.directory.current(self, for: .deciding).locations
        guard role.role.canHavePlaces, role.places.count <= Accounts.placesMaximum,
            role.places.allSatisfy({ locations[$0.of(Location.self)] != nil })
        else { throw AccountFault.placeUnknown }
        for place in role.places { try run(InsertAccountPlace(account: account, role: role.role, place: place)) }
    }
}

extension Caller {
    /// For the audit: `desk:0192… at 0190… 0191…`.
    fileprivate var words: String {
        places.isEmpty ? principal : "\(principal) at \(places.map(\.description).sorted().joined(separator: " "))"
    }
}
