public import Identity
public import Notation
import People
import Scheduling
import Storage

// What somebody who has signed in may do about it.
extension Accounts {
    /// The open sessions of whoever this one belongs to, oldest first.
    public func sessions(besides own: ID<Session>) async throws -> [SessionRecord] {
        let now = surroundings.clock.now
        return try await database.read { transaction in
            guard let session = try transaction.first(SessionByID(id: own)) else { return [] }
            return try transaction.fetch(OpenSessions(account: session.account, now: now))
        }
    }

    /// Ends one of the caller's own sessions; `recordUnknown` for anybody else's. To end one twice is no mistake.
    public func end(
        _ id: ID<Session>, asOwnerOf own: ID<Session>, call: Call, wording: Wording<Void>
    ) async throws -> Reply<Void> {
        let (surroundings, ended) = (surroundings, ended)
        return try await clinic.perform(call, wording: wording) { story -> SessionRecord in
            guard let session = try story.transaction.first(SessionByID(id: id)),
                try story.transaction.first(SessionByID(id: own))?.account == session.account
            else { throw Refusal.recordUnknown }
            return session
        } act: { story, session in
            try story.transaction.end(
                session, .signedOut, by: call.caller.principal, requestID: call.requestID, surroundings, ended)
        }
    }

    /// Changes the password of whoever this session belongs to, and ends all their other sessions. Throws `.credentialsWrong` when
    /// the old one is not right, after the same waits as signing in.
    public func changePassword(
        from old: Password, to new: Password, in own: ID<Session>, requestID: String
    ) async throws {
        guard let account = try await account(of: own) else { throw AccountFault.sessionEnded }
        if let flaw = new.flaw(knowing: [account.login.revealed]) { throw AccountFault.passwordUnsuitable(flaw) }
        try await countTry(account.login)
        let (known, cost) = (account.passwordHash, settings.passwordCost)
        guard try await HashingDesk.shared.run({ known.matches(old) }) else {
            // Somebody whose answer was lost says it again: it has been done.
            guard try await HashingDesk.shared.run({ known.matches(new) }) else { throw AccountFault.credentialsWrong }
            let name = failureName(account.login)
            try await database.write { try $0.post(ForgetLoginFailures(name: name)) }
            return
        }
        let hash = try await HashingDesk.shared.run { try PasswordHash.make(of: new, cost: cost) }
        let (surroundings, ended, name) = (surroundings, ended, failureName(account.login))
        try await database.write { transaction in
            guard try transaction.first(AccountByID(id: account.id))?.passwordHash == known else {
                throw AccountFault.credentialsWrong
            }
            let now = surroundings.clock.now
            try transaction.post(SetPassword(account: account.id, hash: hash, at: now))
            try transaction.post(ForgetLoginFailures(name: name))
            let by = try transaction.first(SessionByID(id: own))?.caller.principal ?? "nobody"
            try transaction.audit("account.password-changed", of: account.id, by: by, requestID: requestID, surroundings)
            for session in try transaction.fetch(OpenSessions(account: account.id, now: now)) where session.id != own {
                try transaction.end(session, .passwordChanged, by: by, requestID: requestID, surroundings, ended)
            }
        }
    }

    func account(of session: ID<Session>) async throws -> Account? {
        try await database.read { transaction in
            guard let session = try transaction.first(SessionByID(id: session)), session.endedAt == nil else { return nil }
            return try transaction.first(AccountByID(id: session.account))
        }
    }
}
