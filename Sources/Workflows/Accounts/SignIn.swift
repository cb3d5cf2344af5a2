public import Identity
public import Notation
public import People
import Scheduling
import Storage

/// What somebody signs in with.
public struct Credentials: Sendable {
    public var login: Personal<String>
    public var password: Password
    /// As what, where the account is several things.
    public var role: Role?
    /// What the authenticator shows, or a recovery code.
    public var code: String?
    public var device: Personal<String>?

    public init(login: String, password: Password, role: Role? = nil, code: String? = nil, device: String? = nil) {
        self.login = Accounts.normal(login)
        self.password = password
        self.role = role
        self.code = code
        self.device = device.map { Personal($0) }
    }
}

extension Accounts {
    /// Begins a session. Throws `AccountFault`: the same for a login nobody has, a wrong password and an account that is locked, and
    /// after the same work.
    ///
    /// A try counts as failed before anybody looks at the password, so that a thousand at once are not a thousand free ones; and it has
    /// a place at the desk before it counts, so that who is sent away for want of one has not tried.
    public func signIn(_ credentials: Credentials, requestID: String) async throws -> SessionGrant {
        try await HashingDesk.shared.attending { place in
            let name = failureName(credentials.login)
            try await countTry(name)
            let login = credentials.login
            let account = try await database.read { try $0.first(AccountByLogin(login: login)) }
            let cost = settings.passwordCost
            let (known, password) = (account?.passwordHash ?? .ofNobody(cost: cost), credentials.password)
            let matches = try await place.run { known.matches(password) }
            guard let account, matches, account.state == .active else {
                try await noteRefusal(of: account?.id, name, requestID: requestID)
                throw AccountFault.credentialsWrong
            }
            var renewed: PasswordHash?
            if known.isOutdated(for: cost) {
                renewed = try await place.run { try PasswordHash.make(of: password, cost: cost) }
            }
            do {
                let (session, hasFactor) = try await begin(credentials, account, renewed: renewed, requestID: requestID)
                return grant(session, hasFactor: hasFactor)
            } catch let fault as AccountFault where fault == .credentialsWrong || fault == .secondFactorNeeded {
                let reason = fault == .secondFactorNeeded ? "a code is missing" : nil
                try await noteRefusal(of: account.id, name, reason: reason, requestID: requestID)
                throw fault
            }
        }
    }

    /// Throws `.tooManyTries` while the last failures are too many and too fresh; otherwise counts one more.
    func countTry(_ name: [UInt8]) async throws {
        let (clock, settings) = (surroundings.clock, settings)
        try await database.write { transaction in
            while true {
                let now = clock.now
                let failures = try transaction.first(LoginFailures(name: name))
                if let failures, failures.count >= settings.freeTries {
                    let wait = min(settings.waitMaximum, .seconds(1 << min(failures.count - settings.freeTries, 20)))
                    let left = failures.lastAt + wait - now
                    if left > .zero { throw AccountFault.tooManyTries(seconds: Int((left.seconds).rounded(.up))) }
                }
                // Zero rows: somebody else was counted meanwhile.
                if try transaction.run(CountLoginFailure(name: name, seen: failures?.count ?? 0, at: now)) == 1 { return }
            }
        }
    }

    /// Writes down that somebody was refused; for a login nobody has as much is written, and nothing kept.
    func noteRefusal(of account: ID<Account>?, _ name: [UInt8], reason: String? = nil, requestID: String) async throws {
        let surroundings = surroundings
        try await database.write { transaction in
            guard let account else { return try transaction.post(TouchLoginFailure(name: name, at: surroundings.clock.now)) }
            try transaction.audit(
                "account.refused", of: account, by: "nobody", reason: reason, requestID: requestID, surroundings)
        }
    }

    private func begin(
        _ credentials: Credentials, _ account: Account, renewed: PasswordHash?, requestID: String
    ) async throws -> (SessionRecord, hasFactor: Bool) {
        let (surroundings, settings, name, ended) = (surroundings, settings, failureName(credentials.login), ended)
        let (vault, secret) = (vault, secret)
        return try await database.write { transaction in
            let now = surroundings.clock.now
            // The password may have been changed, or the account locked, while it was compared.
            guard let fresh = try transaction.first(AccountToChange(id: account.id)), fresh.state == .active,
                fresh.passwordHash == account.passwordHash
            else { throw AccountFault.credentialsWrong }
            let factor = try transaction.first(SecondFactorOf(account: account.id)).flatMap { $0.isConfirmed ? $0 : nil }
            if let factor {
                guard let code = credentials.code else { throw AccountFault.secondFactorNeeded }
                guard
                    try transaction.use(code, of: factor, account.id, vault, at: now)
                        || transaction.useRecovery(code, account.id, secret)
                else { throw AccountFault.credentialsWrong }
            }
            let roles = try transaction.fetch(RolesOfAccount(account: account.id))
            let wanted = roles.filter { role in credentials.role.map { $0 == role.role } ?? true }
            guard wanted.count == 1 else {
                throw AccountFault.roleNeeded(Role.allCases.filter { role in roles.contains { $0.role == role } })
            }
            if let renewed { try transaction.post(SetPassword(account: account.id, hash: renewed, at: fresh.passwordSetAt)) }
            let open = try transaction.fetch(OpenSessions(account: account.id, now: now))
            for oldest in open.prefix(max(0, open.count + 1 - settings.sessionsMaximum)) {
                try transaction.end(oldest, .tooMany, by: wanted[0].principal, requestID: requestID, surroundings, ended)
            }
            let session = SessionRecord(
                id: surroundings.identifiers.next(Session.self), account: account.id, caller: wanted[0],
                device: credentials.device, turn: 1, turnedAt: now, createdAt: now, expiresAt: now + settings.sessionLasting,
                endedAt: nil)
            try transaction.post(InsertSession(session: session))
            try transaction.post(ForgetLoginFailures(name: name))
            try transaction.audit(
                "session.begun", of: account.id, by: session.caller.principal, requestID: requestID, surroundings)
            return (session, hasFactor: factor != nil)
        }
    }

    private func grant(_ session: SessionRecord, hasFactor: Bool) -> SessionGrant {
        SessionGrant(
            session: session,
            refreshToken: RefreshToken(session: session.id, turn: session.turn).text(sealedWith: refreshKey),
            mustAddSecondFactor: !hasFactor && settings.secondFactorFor.contains(session.caller.role))
    }

    // MARK: Continuing

    /// What came of an attempt to continue a session.
    private enum Turn {
        case turned(SessionRecord, hasFactor: Bool)
        /// Nothing continues it any more.
        case over
    }

    /// Continues a session with its newest token, or gives the same answer once more for the token before it. Throws
    /// `.sessionEnded` for every other, and ends the session when the token is an old one of it.
    public func refresh(_ token: String, requestID: String) async throws -> SessionGrant {
        guard let token = RefreshToken(token, sealedWith: refreshKey) else { throw AccountFault.sessionEnded }
        let (surroundings, settings) = (surroundings, settings)
        let ended = ended
        let turn = try await database.write { transaction -> Turn in
            while true {
                let now = surroundings.clock.now
                guard let session = try transaction.first(SessionByID(id: token.session)), session.isOpen(at: now),
                    try transaction.first(AccountByID(id: session.account))?.state == .active
                else { return .over }
                // A session that is open has shown the factor there is: adding one ends all that have not.
                let hasFactor = try transaction.first(SecondFactorOf(account: session.account))?.isConfirmed == true
                if token.turn == session.turn {
                    let end = min(now + settings.sessionLasting, session.createdAt + settings.sessionMaximum)
                    guard try transaction.run(TurnSession(id: session.id, turn: token.turn, at: now, expiresAt: end)) == 1 else {
                        continue
                    }
                    return .turned(session.turned(at: now, until: end), hasFactor: hasFactor)
                }
                if token.turn == session.turn - 1, now <= session.turnedAt + settings.lostAnswer {
                    return .turned(session, hasFactor: hasFactor)
                }
                try transaction.end(session, .reused, by: session.caller.principal, requestID: requestID, surroundings, ended)
                return .over
            }
        }
        guard case .turned(let session, let hasFactor) = turn else { throw AccountFault.sessionEnded }
        return grant(session, hasFactor: hasFactor)
    }
}

extension SessionRecord {
    func isOpen(at now: Instant) -> Bool { endedAt == nil && expiresAt > now }

    fileprivate func turned(at now: Instant, until end: Instant) -> SessionRecord {
        SessionRecord(
            id: id, account: account, caller: caller, device: device, turn: turn + 1, turnedAt: now, createdAt: createdAt,
            expiresAt: end, endedAt: nil)
    }
}

extension WriteTransaction {
    /// Ends a session for good; its access tokens are refused from the commit on.
    func end(
        _ session: SessionRecord, _ reason: SessionEnd, by: String, requestID: String, _ surroundings: Surroundings,
        _ ended: EndedSessions
    ) throws {
        let now = surroundings.clock.now
        guard try run(EndSession(id: session.id, at: now, reason: reason)) == 1 else { return }
        try audit("session.ended", of: session.account, by: by, reason: reason.rawValue, requestID: requestID, surroundings)
        afterCommit { ended.add(session.id, at: now) }
    }

    /// Ends all sessions of an account but one, however many there are.
    func endAll(
        of account: ID<Account>, sparing: ID<Session>? = nil, _ reason: SessionEnd, by: String, requestID: String,
        _ surroundings: Surroundings, _ ended: EndedSessions
    ) throws {
        let now = surroundings.clock.now
        let sessions = try fetch(
            EndSessions(account: account, sparing: sparing ?? ID(high: 0, low: 0), at: now, reason: reason))
        if sessions.isEmpty { return }
        try audit("sessions.ended", of: account, by: by, reason: reason.rawValue, requestID: requestID, surroundings)
        afterCommit { for session in sessions { ended.add(session, at: now) } }
    }
}
