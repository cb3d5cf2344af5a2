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
    public func signIn(_ credentials: Credentials, request: RequestOrigin) async throws -> SessionGrant {
        try await HashingDesk.shared.attending { place in
            let name = failureName(credentials.login)
            try await countTry(name)
            let login = credentials.login
            let account = try await reading { [self] in try self.account(login: login, in: $0) }
            let cost = settings.passwordCost
            let (known, password) = (account?.passwordHash ?? .ofNobody(cost: cost), credentials.password)
            let matches = try await place.run { known.matches(password) }
            guard let account, matches, account.state == .active else {
                try await noteRefusal(of: account?.id, name, request: request)
                throw AccountFault.credentialsWrong
            }
            var renewed: PasswordHash?
            if known.isOutdated(for: cost) {
                renewed = try await place.run { try PasswordHash.make(of: password, cost: cost) }
            }
            do {
                let (session, hasFactor) = try await begin(credentials, account, renewed: renewed, request: request)
                return grant(session, hasFactor: hasFactor)
            } catch let fault as AccountFault where fault == .credentialsWrong || fault == .secondFactorNeeded {
                let reason = fault == .secondFactorNeeded ? "a code is missing" : nil
                try await noteRefusal(of: account.id, name, reason: reason, request: request)
                throw fault
            }
        }
    }

    private func begin(
        _ credentials: Credentials, _ account: Account, renewed: PasswordHash?, request: RequestOrigin
    ) async throws -> (SessionRecord, hasFactor: Bool) {
        let (name, ring) = (failureName(credentials.login), ring)
        return try await writing { [self] transaction in
            let now = surroundings.clock.now
            // The password may have been changed, or the account locked, while it was compared.
            guard let fresh = try transaction.first(AccountToChange(id: account.id))?.kept, fresh.state == .active,
                fresh.passwordHash == account.passwordHash
            else { throw AccountFault.credentialsWrong }
            let factor = try transaction.first(SecondFactorOf(account: account.id)).flatMap { $0.isConfirmed ? $0 : nil }
            if let factor {
                guard let code = credentials.code else { throw AccountFault.secondFactorNeeded }
                guard
                    try transaction.use(code, of: factor, account.id, ring, at: now)
                        || transaction.useRecovery(code, account.id, ring)
                else { throw AccountFault.credentialsWrong }
            }
            let roles = try transaction.roles(of: account.id)
            let wanted = roles.filter { role in credentials.role.map { $0 == role.role } ?? true }
            guard wanted.count == 1 else {
                throw AccountFault.roleNeeded(Role.allCases.filter { role in roles.contains { $0.role == role } })
            }
            if let renewed { try transaction.post(SetPassword(account: account.id, hash: renewed, at: fresh.passwordSetAt)) }
            let session = try self.begin(
                wanted[0], of: account.id, device: credentials.device, request: request, in: transaction)
            try transaction.post(ForgetLoginFailures(name: name))
            return (session, hasFactor: factor != nil)
        }
    }

    func grant(_ session: SessionRecord, hasFactor: Bool) -> SessionGrant {
        SessionGrant(
            session: session,
            refreshToken: ring.text(of: RefreshToken(session: session.id, turn: session.turn), at: surroundings.clock.now),
            mustAddSecondFactor: !hasFactor && settings.secondFactorFor.contains(session.caller.role))
    }
}

extension Accounts {
    /// Begins a session, for which the oldest makes room when there are too many.
    ///
    /// - Parameter issuer: Who has said that it is them; nil for their password.
    func begin(
        _ caller: Caller, of account: ID<Account>, device: Personal<String>? = nil, issuer: String? = nil,
        request: RequestOrigin, in transaction: any WriteTransaction
    ) throws -> SessionRecord {
        let now = surroundings.clock.now
        let open = try transaction.fetch(OpenSessions(account: account, now: now)).map(\.kept)
        for oldest in open.prefix(max(0, open.count + 1 - settings.sessionsMaximum)) {
            try end(oldest, .tooMany, by: .caller(caller), request: request, in: transaction)
        }
        let session = SessionRecord(
            id: surroundings.identifiers.next(Session.self), account: account, caller: caller, device: device, turn: 1,
            turnedAt: now, createdAt: now, expiresAt: now + settings.sessionLasting, endedAt: nil, issuer: issuer)
        try transaction.post(InsertSession(session: try keys.seal(session)))
        try audit(
            "session.begun", of: account, by: .caller(caller), reason: issuer, request: request, in: transaction)
        return session
    }
}
