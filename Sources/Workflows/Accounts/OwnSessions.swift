public import Identity
public import Notation
import People
import Scheduling
import Storage

// What somebody who has signed in may do about it.
extension Accounts {
    /// The open sessions of whoever this one belongs to, oldest first.
    public func sessions(ofOwnerOf own: ID<Session>) async throws -> [SessionRecord] {
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
    /// the old one is not right. Said again within a few minutes, because the answer was lost, it has been done.
    public func changePassword(
        from old: Password, to new: Password, in own: ID<Session>, requestID: String
    ) async throws {
        if let flaw = new.flaw(knowing: [try await owner(of: own).login.revealed]) { throw AccountFault.passwordUnsuitable(flaw) }
        let cost = settings.passwordCost
        try await trying(in: own, requestID: requestID) { place, account in
            let known = account.passwordHash
            guard try await place.run({ known.matches(old) }) else {
                let isFresh = surroundings.clock.now < account.passwordSetAt + .minutes(5)
                guard isFresh, try await place.run({ known.matches(new) }) else { throw AccountFault.credentialsWrong }
                return
            }
            let hash = try await place.run { try PasswordHash.make(of: new, cost: cost) }
            let (surroundings, ended) = (surroundings, ended)
            try await database.write { transaction in
                let (account, session) = try transaction.owner(of: own, stillWith: known, at: surroundings.clock.now)
                let by = session.caller.principal
                try transaction.post(SetPassword(account: account.id, hash: hash, at: surroundings.clock.now))
                try transaction.audit("account.password-changed", of: account.id, by: by, requestID: requestID, surroundings)
                try transaction.endAll(
                    of: account.id, sparing: own, .passwordChanged, by: by, requestID: requestID, surroundings, ended)
            }
        }
    }

    /// Runs what may fail because a password or a code is wrong, as one of the tries of this session: strangers who guess at the door do
    /// not use them up, and nothing but everything being right gives them back.
    func trying<Answer>(
        in own: ID<Session>, countedAs name: [UInt8]? = nil, requestID: String,
        _ body: (HashingDesk.Place, Account) async throws -> Answer
    ) async throws -> Answer {
        try await HashingDesk.shared.attending { place in
            let name = name ?? failureName(own)
            try await countTry(name)
            let account = try await owner(of: own)
            do { return try await body(place, account) } catch let fault as AccountFault
                where fault == .credentialsWrong || fault == .codeWrong
            {
                try await noteRefusal(of: account.id, name, reason: "while signed in", requestID: requestID)
                throw fault
            }
        }
    }

    /// Whose session it is. Throws `.sessionEnded` when it is over.
    func owner(of own: ID<Session>) async throws -> Account {
        let now = surroundings.clock.now
        return try await database.read { transaction in
            guard let session = try transaction.first(SessionByID(id: own)), session.isOpen(at: now),
                let account = try transaction.first(AccountByID(id: session.account)), account.state == .active
            else { throw AccountFault.sessionEnded }
            return account
        }
    }
}

extension WriteTransaction {
    /// The same where something is about to be changed: nobody else changes the account until it is. Throws `.credentialsWrong` when
    /// the password is another by now.
    func owner(
        of own: ID<Session>, stillWith hash: PasswordHash? = nil, at now: Instant
    ) throws -> (account: Account, session: SessionRecord) {
        guard let before = try first(SessionByID(id: own)), let account = try first(AccountToChange(id: before.account)),
            // Read again: it may have ended while the account was waited for.
            account.state == .active, let session = try first(SessionByID(id: own)), session.isOpen(at: now)
        else { throw AccountFault.sessionEnded }
        if let hash, account.passwordHash != hash { throw AccountFault.credentialsWrong }
        return (account, session)
    }
}
