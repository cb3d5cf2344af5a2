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
    public func grant(_ role: Caller, login: String, by: String, requestID: String) async throws {
        let clinic = clinic
        try await change(login: login) { transaction, account, surroundings, ended in
            let known = try transaction.roles(of: account.id).first { $0.role == role.role }
            if known == role { return }
            if let known, known.subject != role.subject { throw AccountFault.roleTaken }
            if known == nil { try transaction.run(InsertAccountRole(account: account.id, caller: role)) }
            try transaction.run(DeleteAccountPlaces(account: account.id, role: role.role))
            try transaction.limit(account.id, role, in: clinic)
            try transaction.audit(
                "account.role-granted", of: account.id, by: by, reason: role.words, requestID: requestID, surroundings)
            if known == nil { return }
            try transaction.endAll(of: account.id, .rolesChanged, by: by, requestID: requestID, surroundings, ended)
        }
    }

    /// Takes a role from an account, and ends its sessions. The last one cannot be taken: who is to be nothing any more has no account.
    /// Throws `.accountUnknown`, `.roleMissing`.
    public func revoke(_ role: Role, login: String, by: String, requestID: String) async throws {
        try await change(login: login) { transaction, account, surroundings, ended in
            let roles = try transaction.fetch(RolesOfAccount(account: account.id))
            guard let taken = roles.first(where: { $0.role == role }), roles.count > 1 else { throw AccountFault.roleMissing }
            try transaction.run(DeleteAccountPlaces(account: account.id, role: role))
            try transaction.run(DeleteAccountRole(account: account.id, role: role))
            try transaction.audit(
                "account.role-revoked", of: account.id, by: by, reason: taken.words, requestID: requestID, surroundings)
            try transaction.endAll(of: account.id, .rolesChanged, by: by, requestID: requestID, surroundings, ended)
        }
    }

    /// Goes on with a session as something else the account is. The refresh token stays good; so does the access token of the role
    /// before, until it expires. Asked again for what it is already, it is that. Throws `.sessionEnded`, `.roleNeeded`.
    public func act(as role: Role, in own: ID<Session>, requestID: String) async throws -> SessionGrant {
        let surroundings = surroundings
        let (session, hasFactor) = try await database.write { transaction -> (SessionRecord, Bool) in
            var (account, session) = try transaction.owner(of: own, at: surroundings.clock.now)
            let roles = try transaction.roles(of: account.id)
            guard let wanted = roles.first(where: { $0.role == role }) else {
                throw AccountFault.roleNeeded(Role.allCases.filter { role in roles.contains { $0.role == role } })
            }
            if session.caller.role != role {
                try transaction.run(ChangeSessionRole(id: own, caller: wanted))
                try transaction.audit(
                    "session.role-changed", of: account.id, by: session.caller.principal, reason: wanted.words,
                    requestID: requestID, surroundings)
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
