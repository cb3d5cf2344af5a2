import Identity
import Notation
import People
import Storage

/// In the order `Sealed<Account>(columns)` reads them.
private let accountColumns = "id, login, state, created_at, password_hash, password_set_at"

/// Whose login it is, by its digest; or as it is, where an earlier version has written it and it has not been sealed yet.
struct AccountByLogin: Query {
    static let sql = SQL(
        """
        SELECT \(accountColumns) FROM account WHERE login_index = $1
        UNION ALL SELECT \(accountColumns) FROM account WHERE login = $2 AND login_index IS NULL
        """)
    let login: Personal<String>
    let digest: [UInt8]
    var bindings: [SQLValue] { [.bytes(digest), .text(login.revealed)] }
    static func row(_ columns: any Columns) throws -> Sealed<Account> { try Sealed(columns) }

    init(_ login: Personal<String>, _ keys: FieldKeys) {
        (self.login, digest) = (login, keys.digest(ofLogin: login))
    }
}

struct AccountByID: Query {
    static let sql = SQL("SELECT \(accountColumns) FROM account WHERE id = $1")
    let id: ID<Account>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Account> { try Sealed(columns) }
}

/// The same, and nobody else changes the account, or begins a session of it, until this transaction has ended.
struct AccountToChange: Query {
    static let sql = SQL(sqlite: AccountByID.sql.sqlite, postgres: AccountByID.sql.postgres + " FOR NO KEY UPDATE")
    let id: ID<Account>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Account> { try Sealed(columns) }
}

/// Accounts in the order in which they were made, after one.
struct AccountsAfter: Query {
    static let sql = SQL("SELECT \(accountColumns) FROM account WHERE id > $1 ORDER BY id LIMIT $2")
    let id: ID<Account>
    let limit: Int
    var bindings: [SQLValue] { [.id(id), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Sealed<Account> { try Sealed(columns) }
}

extension Sealed where Value == Account {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            kept: Account(
                id: try columns.id(0), login: Personal(try columns.text(1)), state: try columns.choice(2),
                createdAt: try columns.instant(3), passwordHash: PasswordHash(text: try columns.text(4)),
                passwordSetAt: try columns.instant(5)))
    }
}

struct RolesOfAccount: Query {
    static let sql: SQL = "SELECT role, subject_id FROM account_role WHERE account_id = $1 ORDER BY role, subject_id"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
    static func row(_ columns: any Columns) throws -> Caller { Caller(role: try columns.choice(0), subject: try columns.id(1)) }
}

/// The locations each role of an account is limited to.
struct PlacesOfAccount: Query {
    static let sql: SQL = "SELECT role, location_id FROM account_place WHERE account_id = $1 ORDER BY role, location_id"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
    static func row(_ columns: any Columns) throws -> (role: Role, place: ID<Workplace>) {
        (role: try columns.choice(0), place: try columns.id(1))
    }
}

extension ReadTransaction {
    /// What an account may sign in as, and where.
    func roles(of account: ID<Account>) throws -> [Caller] {
        let places = try fetch(PlacesOfAccount(account: account))
        return try fetch(RolesOfAccount(account: account)).map { role in
            role.working(at: Set(places.filter { $0.role == role.role }.map(\.place)))
        }
    }
}

/// Breaks `account_login_index` when somebody has this login already.
struct InsertAccount: Command {
    static let sql: SQL = """
        INSERT INTO account (id, login, state, password_hash, password_set_at, created_at, login_index)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """
    let account: Sealed<Account>
    let digest: [UInt8]
    var bindings: [SQLValue] {
        let account = account.kept
        return [
            .id(account.id), .text(account.login.revealed), .text(account.state.rawValue), .text(account.passwordHash.text),
            .instant(account.passwordSetAt), .instant(account.createdAt), .bytes(digest),
        ]
    }

    init(_ account: Account, _ keys: FieldKeys) throws {
        (self.account, digest) = (try keys.seal(account), keys.digest(ofLogin: account.login))
    }
}

struct InsertAccountRole: Command {
    static let sql: SQL = "INSERT INTO account_role (account_id, role, subject_id) VALUES ($1, $2, $3)"
    let account: ID<Account>
    let caller: Caller
    var bindings: [SQLValue] { [.id(account), .text(caller.role.rawValue), .id(caller.subject)] }
}

struct InsertAccountPlace: Command {
    static let sql: SQL = "INSERT INTO account_place (account_id, role, location_id) VALUES ($1, $2, $3)"
    let account: ID<Account>
    let role: Role
    let place: ID<Workplace>
    var bindings: [SQLValue] { [.id(account), .text(role.rawValue), .id(place)] }
}

struct DeleteAccountPlaces: Command {
    static let sql: SQL = "DELETE FROM account_place WHERE account_id = $1 AND role = $2"
    let account: ID<Account>
    let role: Role
    var bindings: [SQLValue] { [.id(account), .text(role.rawValue)] }
}

struct DeleteAccountRole: Command {
    static let sql: SQL = "DELETE FROM account_role WHERE account_id = $1 AND role = $2"
    let account: ID<Account>
    let role: Role
    var bindings: [SQLValue] { [.id(account), .text(role.rawValue)] }
}

struct SetPassword: Command {
    static let sql: SQL = "UPDATE account SET password_hash = $2, password_set_at = $3 WHERE id = $1"
    let account: ID<Account>
    let hash: PasswordHash
    let at: Instant
    var bindings: [SQLValue] { [.id(account), .text(hash.text), .instant(at)] }
}

struct SetAccountState: Command {
    static let sql: SQL = "UPDATE account SET state = $2 WHERE id = $1 AND state <> $2"
    let account: ID<Account>
    let state: Account.State
    var bindings: [SQLValue] { [.id(account), .text(state.rawValue)] }
}

/// Breaks `account_login_index` when somebody else has this login.
struct SetLogin: Command {
    static let sql: SQL = "UPDATE account SET login = $2, login_index = $3 WHERE id = $1"
    let account: Sealed<Account>
    let digest: [UInt8]
    var bindings: [SQLValue] { [.id(account.kept.id), .text(account.kept.login.revealed), .bytes(digest)] }

    init(_ account: Account, _ keys: FieldKeys) throws {
        (self.account, digest) = (try keys.seal(account), keys.digest(ofLogin: account.login))
    }
}

extension StorageFault {
    /// Another account has the login.
    var isLoginTaken: Bool {
        guard case .constraint(let name) = self else { return false }
        return name == "account_login_index" || name == "account.login_index"
    }
}
