import Notation
import Storage

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
