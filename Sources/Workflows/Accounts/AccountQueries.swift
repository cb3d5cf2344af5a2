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

// MARK: Sessions

struct SessionByID: Query {
    static let sql: SQL = """
        SELECT id, account_id, role, subject_id, device, turn, turned_at, created_at, expires_at, ended_at FROM session
        WHERE id = $1
        """
    let id: ID<Session>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> SessionRecord { try SessionRecord(columns) }
}

/// Those that can be continued, oldest first.
struct OpenSessions: Query {
    static let sql: SQL = """
        SELECT id, account_id, role, subject_id, device, turn, turned_at, created_at, expires_at, ended_at FROM session
        WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY id LIMIT 1000
        """
    let account: ID<Account>
    let now: Instant
    var bindings: [SQLValue] { [.id(account), .instant(now)] }
    static func row(_ columns: any Columns) throws -> SessionRecord { try SessionRecord(columns) }
}

/// Sessions that ended after a moment: their access tokens may not have expired yet.
struct EndedSince: Query {
    static let sql: SQL = "SELECT id, ended_at FROM session WHERE ended_at > $1"
    let at: Instant
    var bindings: [SQLValue] { [.instant(at)] }
    static func row(_ columns: any Columns) throws -> (id: ID<Session>, at: Instant) {
        (id: try columns.id(0), at: try columns.instant(1))
    }
}

extension SessionRecord {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), account: try columns.id(1),
            caller: Caller(role: try columns.choice(2), subject: try columns.id(3)),
            device: try columns.optional(4, columns.text).map { Personal($0) }, turn: try columns.int(5),
            turnedAt: try columns.instant(6), createdAt: try columns.instant(7), expiresAt: try columns.instant(8),
            endedAt: try columns.optional(9, columns.instant))
    }
}

struct InsertSession: Command {
    static let sql: SQL = """
        INSERT INTO session (id, account_id, role, subject_id, device, turn, turned_at, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """
    let session: SessionRecord
    var bindings: [SQLValue] {
        [
            .id(session.id), .id(session.account), .text(session.caller.role.rawValue), .id(session.caller.subject),
            .text(session.device?.revealed), .integer(session.turn), .instant(session.turnedAt), .instant(session.createdAt),
            .instant(session.expiresAt),
        ]
    }
}

/// Changes nothing when somebody else was faster.
struct TurnSession: Command {
    static let sql: SQL = """
        UPDATE session SET turn = turn + 1, turned_at = $3, expires_at = $4 WHERE id = $1 AND turn = $2 AND ended_at IS NULL
        """
    let id: ID<Session>
    let turn: Int
    let at: Instant
    let expiresAt: Instant
    var bindings: [SQLValue] { [.id(id), .integer(turn), .instant(at), .instant(expiresAt)] }
}

struct EndSession: Command {
    static let sql: SQL = "UPDATE session SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL"
    let id: ID<Session>
    let at: Instant
    let reason: SessionEnd
    var bindings: [SQLValue] { [.id(id), .instant(at), .text(reason.rawValue)] }
}

/// Ends all sessions of an account but one, and says which.
struct EndSessions: Query {
    static let sql: SQL = """
        UPDATE session SET ended_at = $3, end_reason = $4 WHERE account_id = $1 AND id <> $2 AND ended_at IS NULL RETURNING id
        """
    let account: ID<Account>
    /// Nobody's spares none.
    let sparing: ID<Session>
    let at: Instant
    let reason: SessionEnd
    var bindings: [SQLValue] { [.id(account), .id(sparing), .instant(at), .text(reason.rawValue)] }
    static func row(_ columns: any Columns) throws -> ID<Session> { try columns.id(0) }
}

struct ForgetOldSessions: Command {
    static let sql: SQL = "DELETE FROM session WHERE expires_at < $1"
    let before: Instant
    var bindings: [SQLValue] { [.instant(before)] }
}

// MARK: Wrong passwords

struct LoginFailures: Query {
    static let sql: SQL = "SELECT count, last_at FROM login_failure WHERE name = $1"
    let name: [UInt8]
    var bindings: [SQLValue] { [.bytes(name)] }
    static func row(_ columns: any Columns) throws -> (count: Int, lastAt: Instant) {
        (count: try columns.int(0), lastAt: try columns.instant(1))
    }
}

/// Changes nothing when the count is not the one that was seen.
struct CountLoginFailure: Command {
    static let sql: SQL = """
        INSERT INTO login_failure (name, count, last_at) VALUES ($1, 1, $3)
        ON CONFLICT (name) DO UPDATE SET count = login_failure.count + 1, last_at = excluded.last_at
        WHERE login_failure.count = $2
        """
    let name: [UInt8]
    let seen: Int
    let at: Instant
    var bindings: [SQLValue] { [.bytes(name), .integer(seen), .instant(at)] }
}

/// Changes nothing that counts: what is done for a login nobody has, where there would be something to record of another.
struct TouchLoginFailure: Command {
    static let sql: SQL = "UPDATE login_failure SET last_at = $2 WHERE name = $1"
    let name: [UInt8]
    let at: Instant
    var bindings: [SQLValue] { [.bytes(name), .instant(at)] }
}

struct ForgetLoginFailures: Command {
    static let sql: SQL = "DELETE FROM login_failure WHERE name = $1"
    let name: [UInt8]
    var bindings: [SQLValue] { [.bytes(name)] }
}

struct ForgetOldLoginFailures: Command {
    static let sql: SQL = "DELETE FROM login_failure WHERE last_at < $1"
    let before: Instant
    var bindings: [SQLValue] { [.instant(before)] }
}
