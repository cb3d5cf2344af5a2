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
        login: String, password: Password, roles: [Caller], by: String, requestID: String
    ) async throws -> ID<Account> {
        precondition(!roles.isEmpty && Set(roles.map(\.role)).count == roles.count, "an account is something in the clinic, once")
        let login = Self.normal(login)
        if let flaw = password.flaw(knowing: [login.revealed]) { throw AccountFault.passwordUnsuitable(flaw) }
        let cost = settings.passwordCost
        let hash = try await HashingDesk.shared.attending { place in
            try await place.run { try PasswordHash.make(of: password, cost: cost) }
        }
        let (surroundings, clinic) = (surroundings, clinic)
        let id = surroundings.identifiers.next(Account.self)
        do {
            try await database.write { transaction in
                try transaction.run(InsertAccount(id: id, login: login, hash: hash, at: surroundings.clock.now))
                for role in roles {
                    try transaction.run(InsertAccountRole(account: id, caller: role))
                    try transaction.limit(id, role, in: clinic)
                }
                try transaction.audit("account.created", of: id, by: by, requestID: requestID, surroundings)
            }
        } catch StorageFault.constraint(let name) where name == "account_login" || name == "account.login" {
            throw AccountFault.loginTaken
        }
        return id
    }

    public func account(login: String) async throws -> Account? {
        let login = Self.normal(login)
        return try await database.read { try $0.first(AccountByLogin(login: login)) }
    }

    /// What an account may sign in as, and where; nothing where there is none.
    public func roles(login: String) async throws -> [Caller] {
        let login = Self.normal(login)
        return try await database.read { transaction in
            guard let account = try transaction.first(AccountByLogin(login: login)) else { return [] }
            return try transaction.roles(of: account.id)
        }
    }

    /// Accounts by their logins, after one, and what each may sign in as.
    public func accounts(after login: String = "", limit: Int = 100) async throws -> [(account: Account, roles: [Caller])] {
        let login = Self.normal(login)
        return try await database.read { transaction in
            let accounts = try transaction.fetch(AccountsAfter(login: login, limit: limit))
            return try accounts.map { (account: $0, roles: try transaction.roles(of: $0.id)) }
        }
    }

    /// Locks, unlocks or closes an account. Whoever is signed in with one that is not active any more is signed out. A closed one
    /// stays closed. Throws `.accountUnknown`.
    public func set(_ state: Account.State, login: String, by: String, requestID: String) async throws {
        try await change(login: login) { transaction, account, surroundings, ended in
            if account.state == state { return }
            if account.state == .closed { throw AccountFault.accountUnknown }
            try transaction.run(SetAccountState(account: account.id, state: state))
            try transaction.audit("account.\(state.rawValue)", of: account.id, by: by, requestID: requestID, surroundings)
            if state == .active { return }
            let reason: SessionEnd = state == .closed ? .accountClosed : .accountLocked
            try transaction.endAll(of: account.id, reason, by: by, requestID: requestID, surroundings, ended)
        }
    }

    /// Gives an account a new password without knowing the old one, and signs it out everywhere.
    public func setPassword(_ password: Password, login: String, by: String, requestID: String) async throws {
        if let flaw = password.flaw(knowing: [login]) { throw AccountFault.passwordUnsuitable(flaw) }
        let cost = settings.passwordCost
        let hash = try await HashingDesk.shared.attending { place in
            try await place.run { try PasswordHash.make(of: password, cost: cost) }
        }
        let name = failureName(Self.normal(login))
        try await change(login: login) { transaction, account, surroundings, ended in
            let now = surroundings.clock.now
            try transaction.run(SetPassword(account: account.id, hash: hash, at: now))
            try transaction.post(ForgetLoginFailures(name: name))
            try transaction.audit("account.password-set", of: account.id, by: by, requestID: requestID, surroundings)
            try transaction.endAll(of: account.id, .passwordChanged, by: by, requestID: requestID, surroundings, ended)
        }
    }

    func change(
        login: String,
        _ body: @escaping @Sendable (any WriteTransaction, Account, Surroundings, EndedSessions) throws -> Void
    ) async throws {
        let (login, surroundings, ended) = (Self.normal(login), surroundings, ended)
        try await database.write { transaction in
            guard let known = try transaction.first(AccountByLogin(login: login)),
                let account = try transaction.first(AccountToChange(id: known.id))
            else { throw AccountFault.accountUnknown }
            try body(transaction, account, surroundings, ended)
        }
    }
}
