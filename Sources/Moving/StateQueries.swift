import Notation
import Storage

/// Whether a side takes part in a move.
struct HasState: Query {
    static let sql = SQL(
        sqlite: "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'move_state'",
        postgres: "SELECT count(*) FROM pg_class WHERE oid = to_regclass('move_state')")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Bool { try columns.int(0) > 0 }
}

/// What a side remembers of the move it takes part in.
struct MoveState: Sendable {
    enum Stage: String, Sendable { case copying, comparing, following }

    var move: String
    var run: String
    var role: MoveStatus.Role
    var stage: Stage
    /// How often the clinic has changed sides.
    var hops: Int
    var elsewhere: String
    var closedUntil: Instant
    var startedAt: Instant
    var changedAt: Instant
}

struct ReadState: Query {
    static let sql: SQL = """
        SELECT move, run, role, stage, hops, elsewhere, closed_until, started_at, changed_at FROM move_state
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> MoveState {
        guard let role = MoveStatus.Role(rawValue: try columns.text(2)),
            let stage = MoveState.Stage(rawValue: try columns.text(3))
        else { throw StorageFault.statement("move_state: a newer program has written it") }
        return MoveState(
            move: try columns.text(0), run: try columns.text(1), role: role, stage: stage, hops: try columns.int(4),
            elsewhere: try columns.text(5), closedUntil: try columns.instant(6), startedAt: try columns.instant(7),
            changedAt: try columns.instant(8))
    }
}

/// The same for a transaction that is going to change something: two runs of one move take turns.
struct LockState: Query {
    static let sql = SQL(sqlite: ReadState.sql.sqlite, postgres: ReadState.sql.postgres + " FOR UPDATE")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> MoveState { try ReadState.row(columns) }
}

struct InsertState: Command {
    static let sql: SQL = """
        INSERT INTO move_state (one, move, run, role, stage, hops, elsewhere, closed_until, started_at, changed_at)
        VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9)
        """
    let state: MoveState
    var bindings: [SQLValue] {
        [
            .text(state.move), .text(state.run), .text(state.role.rawValue), .text(state.stage.rawValue), .integer(state.hops),
            .text(state.elsewhere), .instant(state.closedUntil), .instant(state.startedAt), .instant(state.changedAt),
        ]
    }
}

struct UpdateState: Command {
    static let sql: SQL = """
        UPDATE move_state SET move = $1, run = $2, role = $3, stage = $4, hops = $5, elsewhere = $6, closed_until = $7,
            started_at = $8, changed_at = $9
        """
    let state: MoveState
    var bindings: [SQLValue] { InsertState(state: state).bindings }
}

/// How far a table has come.
struct TablePosition: Sendable {
    var name: String
    var total: Int
    var copied = 0
    /// The last key copied; "" when none was, nil when all are.
    var copiedTo: String? = ""
    var compared = 0
    var comparedTo: String? = ""
    /// The last key there was when the present stage came to this table; nil before. What comes behind it later is in the log,
    /// and a table that grows as fast as it is read still has an end.
    var until: String?
}

struct ReadPositions: Query {
    static let sql: SQL = "SELECT name, total, copied, copied_to, compared, compared_to, until_key FROM move_table"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> TablePosition {
        TablePosition(
            name: try columns.text(0), total: try columns.int(1), copied: try columns.int(2),
            copiedTo: try columns.optional(3, columns.text), compared: try columns.int(4),
            comparedTo: try columns.optional(5, columns.text), until: try columns.optional(6, columns.text))
    }
}

struct InsertPosition: Command {
    static let sql: SQL = """
        INSERT INTO move_table (name, total, copied, copied_to, compared, compared_to, until_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """
    let position: TablePosition
    var bindings: [SQLValue] {
        [
            .text(position.name), .integer(position.total), .integer(position.copied), .text(position.copiedTo),
            .integer(position.compared), .text(position.comparedTo), .text(position.until),
        ]
    }
}

struct UpdatePosition: Command {
    static let sql: SQL = """
        UPDATE move_table SET total = $2, copied = $3, copied_to = $4, compared = $5, compared_to = $6, until_key = $7
        WHERE name = $1
        """
    let position: TablePosition
    var bindings: [SQLValue] { InsertPosition(position: position).bindings }
}

/// A change that waits to be followed.
struct LogEntry: Sendable {
    let number: Int64
    let table: String
    let key: String
}

/// The oldest changes. By number, but a number that comes up late, from a transaction that took it early and committed late, is
/// found the next time: nothing is passed over, what was followed is deleted.
struct LogPage: Query {
    static let sql: SQL = "SELECT number, table_name, key FROM move_log ORDER BY number LIMIT $1"
    let limit: Int
    var bindings: [SQLValue] { [.integer(limit)] }
    static func row(_ columns: any Columns) throws -> LogEntry {
        LogEntry(number: try columns.integer(0), table: try columns.text(1), key: try columns.text(2))
    }
}

struct LogLength: Query {
    static let sql: SQL = "SELECT count(*) FROM move_log"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

/// Keys of a table that are waiting to be followed.
struct LoggedKeys: Query {
    static let sql: SQL = "SELECT DISTINCT key FROM move_log WHERE table_name = $1"
    let table: String
    var bindings: [SQLValue] { [.text(table)] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// Takes exactly these entries off the log.
struct ForgetEntries: Command {
    static let sql: SQL = "SELECT 1"
    let numbers: [Int64]
    static let together = 100
    var ownText: SQL? {
        let count = numbers.count == 1 ? 1 : Self.together
        return SQL("DELETE FROM move_log WHERE number IN (\((1...count).map { "$\($0)" }.joined(separator: ", ")))")
    }
    var bindings: [SQLValue] {
        let count = numbers.count == 1 ? 1 : Self.together
        return (0..<count).map { .integer(numbers[min($0, numbers.count - 1)]) }
    }
}

struct DeferredKeys: Query {
    static let sql: SQL = "SELECT table_name, key FROM move_deferred"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> LogEntry {
        LogEntry(number: 0, table: try columns.text(0), key: try columns.text(1))
    }
}

struct Defer: Command {
    static let sql: SQL = "INSERT INTO move_deferred (table_name, key) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    let table: String
    let key: String
    var bindings: [SQLValue] { [.text(table), .text(key)] }
}

struct NoLongerDefer: Command {
    static let sql: SQL = "DELETE FROM move_deferred WHERE table_name = $1 AND key = $2"
    let table: String
    let key: String
    var bindings: [SQLValue] { [.text(table), .text(key)] }
}

struct TakePass: Command {
    static let sql: SQL = "INSERT INTO move_pass (one) VALUES (1)"
    var bindings: [SQLValue] { [] }
}

struct GiveBackPass: Command {
    static let sql: SQL = "DELETE FROM move_pass"
    var bindings: [SQLValue] { [] }
}

/// The moment it is at the server: what a gate that opens by itself goes by.
struct ServerNow: Query {
    static let sql = SQL(sqlite: "SELECT \(Apparatus.sqliteNow)", postgres: "SELECT clock_timestamp()")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Instant { try columns.instant(0) }
}
