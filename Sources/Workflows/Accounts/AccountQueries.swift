import Identity
import Notation
import People
import Storage

struct AccountByLogin: Query {
    static let sql: SQL = "SELECT id, login, state, created_at, password_hash, password_set_at FROM account WHERE login = $1"
    let login: Personal<String>
    var bindings: [SQLValue] { [.text(login.revealed)] }
    static func row(_ columns: any Columns) throws -> Account { try Account(columns) }
}

struct AccountByID: Query {
    static let sql: SQL = "SELECT id, login, state, created_at, password_hash, password_set_at FROM account WHERE id = $1"
    let id: ID<Account>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Account { try Account(columns) }
}

/// The same, and nobody else changes the account, or begins a session of it, until this transaction has ended.
struct AccountToChange: Query {
    static let sql = SQL(sqlite: AccountByID.sql.sqlite, postgres: AccountByID.sql.postgres + " FOR NO KEY UPDATE")
    let id: ID<Account>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Account { try Account(columns) }
}

/// Accounts by their logins, after one.
struct AccountsAfter: Query {
    static let sql: SQL = """
        SELECT id, login, state, created_at, password_hash, password_set_at FROM account WHERE login > $1 ORDER BY login LIMIT $2
        """
    let login: Personal<String>
    let limit: Int
    var bindings: [SQLValue] { [.text(login.revealed), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Account { try Account(columns) }
}

extension Account {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), login: Personal(try columns.text(1)), state: try columns.choice(2),
            createdAt: try columns.instant(3), passwordHash: PasswordHash(text: try columns.text(4)),
            passwordSetAt: try columns.instant(5))
    }
}

struct RolesOfAccount: Query {
    static let sql: SQL = "SELECT role, subject_id FROM account_role WHERE account_id = $1 ORDER BY role, subject_id"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
    static func row(_ columns: any Columns) throws -> Caller { Caller(role: try columns.choice(0), subject: try columns.id(1)) }
}

struct InsertAccount: Command {
    static let sql: SQL = """
        INSERT INTO account (id, login, state, password_hash, password_set_at, created_at) VALUES ($1, $2, 'active', $3, $4, $4)
        """
    let id: ID<Account>
    let login: Personal<String>
    let hash: PasswordHash
    let at: Instant
    var bindings: [SQLValue] { [.id(id), .text(login.revealed), .text(hash.text), .instant(at)] }
}

struct InsertAccountRole: Command {
    static let sql: SQL = "INSERT INTO account_role (account_id, role, subject_id) VALUES ($1, $2, $3)"
    let account: ID<Account>
    let caller: Caller
    var bindings: [SQLValue] { [.id(account), .text(caller.role.rawValue), .id(caller.subject)] }
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
