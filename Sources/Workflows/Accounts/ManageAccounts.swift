public import Identity
public import Notation
public import People
import Scheduling
import Storage

// What whoever looks after the clinic does with accounts.
extension Accounts {
    /// Makes an account. Throws `.loginTaken`, `.passwordUnsuitable`, `.placeUnknown`.
    ///
    /// - Parameter roles: what they may sign in as: at least one, each once.
    @discardableResult
    public func create(
        login: String, password: Password, roles: [Caller], by: String, request: RequestOrigin
    ) async throws -> ID<Account> {
        precondition(!roles.isEmpty && Set(roles.map(\.role)).count == roles.count, "an account is something in the clinic, once")
        let login = Self.normal(login)
        if let flaw = password.flaw(knowing: [login.revealed]) { throw AccountFault.passwordUnsuitable(flaw) }
        let cost = settings.passwordCost
        let hash = try await HashingDesk.shared.attending { place in
            try await place.run { try PasswordHash.make(of: password, cost: cost) }
        }
        let (clinic, now) = (clinic, surroundings.clock.now)
        let account = Account(
            id: surroundings.identifiers.next(Account.self), login: login, state: .active, createdAt: now, passwordHash: hash,
            passwordSetAt: now)
        try await writing { [self] transaction in
            try insert(account, in: transaction)
            for role in roles {
                try transaction.run(InsertAccountRole(account: account.id, caller: role))
                try transaction.limit(account.id, role, in: clinic)
            }
            try audit("account.created", of: account.id, by: .operatorNamed(by), request: request, in: transaction)
        }
        return account.id
    }

    /// Writes a new account. Throws `.loginTaken`.
    func insert(_ account: Account, in transaction: any WriteTransaction) throws {
        // One of an earlier version has no digest yet that would be in the way.
        if try transaction.first(AccountByLogin(account.login, try keys)) != nil { throw AccountFault.loginTaken }
        do { try transaction.run(InsertAccount(account, try keys)) } catch let fault as StorageFault where fault.isLoginTaken {
            throw AccountFault.loginTaken
        }
    }

    public func account(login: String) async throws -> Account? {
        let login = Self.normal(login)
        return try await reading { [self] in try account(login: login, in: $0) }
    }

    func account(login: Personal<String>, in transaction: any ReadTransaction) throws -> Account? {
        try transaction.first(AccountByLogin(login, try keys)).map { try keys.open($0) }
    }

    /// What an account may sign in as, and where; nothing where there is none.
    public func roles(login: String) async throws -> [Caller] {
        let login = Self.normal(login)
        return try await reading { [self] transaction in
            guard let account = try transaction.first(AccountByLogin(login, try keys)) else { return [] }
            return try transaction.roles(of: account.kept.id)
        }
    }

    /// Accounts in the order in which they were made, after one, and what each may sign in as.
    public func accounts(
        after id: ID<Account>? = nil, limit: Int = 100
    ) async throws -> [(account: Account, roles: [Caller])] {
        try await reading { [self] transaction in
            let accounts = try transaction.fetch(AccountsAfter(id: id ?? ID(high: 0, low: 0), limit: limit))
            return try accounts.map { (account: try keys.open($0), roles: try transaction.roles(of: $0.kept.id)) }
        }
    }

    /// Locks, unlocks or closes an account. Whoever is signed in with one that is not active any more is signed out. A closed one
    /// stays closed. Throws `.accountUnknown`.
    public func set(_ state: Account.State, login: String, by: String, request: RequestOrigin) async throws {
        try await change(login: login) { [self] transaction, account in
            if account.state == state { return }
            if account.state == .closed { throw AccountFault.accountUnknown }
            try transaction.run(SetAccountState(account: account.id, state: state))
            try audit("account.\(state.rawValue)", of: account.id, by: .operatorNamed(by), request: request, in: transaction)
            if state == .active { return }
            if state == .closed {
                let roles = try transaction.fetch(RolesOfAccount(account: account.id))
                try endContacts(of: account.id, roles, by: by, request: request, in: transaction)
            }
            let reason: SessionEnd = state == .closed ? .accountClosed : .accountLocked
            try endAll(of: account.id, reason, by: .operatorNamed(by), request: request, in: transaction)
        }
    }

    /// Gives an account a new password without knowing the old one, and signs it out everywhere.
    public func setPassword(_ password: Password, login: String, by: String, request: RequestOrigin) async throws {
        if let flaw = password.flaw(knowing: [login]) { throw AccountFault.passwordUnsuitable(flaw) }
        let cost = settings.passwordCost
        let hash = try await HashingDesk.shared.attending { place in
            try await place.run { try PasswordHash.make(of: password, cost: cost) }
        }
        let name = failureName(Self.normal(login))
        try await change(login: login) { [self] transaction, account in
            let now = surroundings.clock.now
            try transaction.run(SetPassword(account: account.id, hash: hash, at: now))
            try transaction.post(ForgetLoginFailures(name: name))
            try audit("account.password-set", of: account.id, by: .operatorNamed(by), request: request, in: transaction)
            try endAll(of: account.id, .passwordChanged, by: .operatorNamed(by), request: request, in: transaction)
        }
    }

    /// Changes the account of a login, which nobody else does meanwhile. Throws `.accountUnknown`.
    func change(
        login: String, _ body: @escaping @Sendable (any WriteTransaction, Account) throws -> Void
    ) async throws {
        let login = Self.normal(login)
        try await writing { [self] transaction in
            guard let known = try transaction.first(AccountByLogin(login, try keys)),
                let account = try transaction.first(AccountToChange(id: known.kept.id))
            else { throw AccountFault.accountUnknown }
            try body(transaction, try keys.open(account))
        }
    }
}
