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
        return try await reading { [self] transaction in
            guard let session = try transaction.first(SessionByID(id: own)) else { return [] }
            return try transaction.fetch(OpenSessions(account: session.kept.account, now: now)).map { try keys.open($0) }
        }
    }

    /// Ends one of the caller's own sessions; `recordUnknown` for anybody else's. To end one twice is no mistake.
    public func end(
        _ id: ID<Session>, asOwnerOf own: ID<Session>, call: Call, wording: Wording<Void>
    ) async throws -> Reply<Void> {
        return try await clinic.perform(call, wording: wording) { story -> SessionRecord in
            guard let session = try story.transaction.first(SessionByID(id: id))?.kept,
                try story.transaction.first(SessionByID(id: own))?.kept.account == session.account
            else { throw Refusal.recordUnknown }
            return session
        } act: { [self] story, session in
            try end(session, .signedOut, by: .caller(call.caller), request: call.origin, in: story.transaction)
        }
    }

    /// Changes the password of whoever this session belongs to, and ends all their other sessions. Throws `.credentialsWrong` when
    /// the old one is not right. Said again within a few minutes, because the answer was lost, it has been done.
    public func changePassword(
        from old: Password, to new: Password, in own: ID<Session>, request: RequestOrigin
    ) async throws {
        if let flaw = new.flaw(knowing: [try await owner(of: own).login.revealed]) { throw AccountFault.passwordUnsuitable(flaw) }
        let cost = settings.passwordCost
        try await trying(in: own, request: request) { place, account in
            let known = account.passwordHash
            guard try await place.run({ known.matches(old) }) else {
                let isFresh = surroundings.clock.now < account.passwordSetAt + .minutes(5)
                guard isFresh, try await place.run({ known.matches(new) }) else { throw AccountFault.credentialsWrong }
                return
            }
            let hash = try await place.run { try PasswordHash.make(of: new, cost: cost) }
            try await writing { [self] transaction in
                let (account, session) = try owner(of: own, stillWith: known, in: transaction)
                let by = Agent.caller(session.caller)
                try transaction.post(SetPassword(account: account.id, hash: hash, at: surroundings.clock.now))
                try audit("account.password-changed", of: account.id, by: by, request: request, in: transaction)
                try endAll(
                    of: account.id, sparing: own, .passwordChanged, by: by, request: request, in: transaction)
            }
        }
    }

    /// Runs what may fail because a password or a code is wrong, as one of the tries of this session: strangers who guess at the door do
    /// not use them up, and nothing but everything being right gives them back.
    func trying<Answer>(
        in own: ID<Session>, countedAs name: [UInt8]? = nil, request: RequestOrigin,
        _ body: (HashingDesk.Place, Account) async throws -> Answer
    ) async throws -> Answer {
        try await HashingDesk.shared.attending { place in
            let name = name ?? failureName(own)
            try await countTry(name)
            let account = try await owner(of: own)
            do { return try await body(place, account) } catch let fault as AccountFault
                where fault == .credentialsWrong || fault == .codeWrong
            {
                try await noteRefusal(of: account.id, name, reason: "while signed in", request: request)
                throw fault
            }
        }
    }

    /// Whose session it is. Throws `.sessionEnded` when it is over.
    func owner(of own: ID<Session>) async throws -> Account {
        let now = surroundings.clock.now
        return try await reading { [self] transaction in
            guard let session = try transaction.first(SessionByID(id: own))?.kept, session.isOpen(at: now),
                let account = try transaction.first(AccountByID(id: session.account)), account.kept.state == .active
            else { throw AccountFault.sessionEnded }
            return try keys.open(account)
        }
    }
}

extension Accounts {
    func session(_ id: ID<Session>, in transaction: any ReadTransaction) throws -> SessionRecord? {
        try transaction.first(SessionByID(id: id)).map { try keys.open($0) }
    }

    /// The same where something is about to be changed: nobody else changes the account until it is. Throws `.credentialsWrong` when
    /// the password is another by now.
    func owner(
        of own: ID<Session>, stillWith hash: PasswordHash? = nil, in transaction: any WriteTransaction
    ) throws -> (account: Account, session: SessionRecord) {
        guard let before = try transaction.first(SessionByID(id: own))?.kept,
            let account = try transaction.first(AccountToChange(id: before.account)), account.kept.state == .active,
            // Read again: it may have ended while the account was waited for.
            let session = try self.session(own, in: transaction), session.isOpen(at: surroundings.clock.now)
        else { throw AccountFault.sessionEnded }
        if let hash, account.kept.passwordHash != hash { throw AccountFault.credentialsWrong }
        return (try keys.open(account), session)
    }
}
