import Notation
import Scheduling
import Storage

/// In the order `ClinicTask(columns)` reads them.
private let taskColumns = "id, kind, appointment_id, patient_id, details, at, state, done_by, done_at, version"

extension ClinicTask {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), kind: try columns.choice(1), appointment: try columns.optional(2) { try columns.id($0) },
            patient: try columns.optional(3) { try columns.id($0) }, details: try columns.json(4), at: try columns.instant(5),
            state: try columns.choice(6),
            completion: try columns.optional(8, columns.instant).map { Completion(by: try columns.text(7), at: $0) },
            version: try columns.int(9))
    }
}

/// The one task for what does not fit.
struct TaskByKey: Query {
    static let sql: SQL = "SELECT id FROM task WHERE kind = $1 AND dedupe_key = $2"
    let kind: ClinicTask.Kind
    let key: String
    var bindings: [SQLValue] { [.text(kind.rawValue), .text(key)] }
    static func row(_ columns: any Columns) throws -> ID<ClinicTask> { try columns.id(0) }
}

/// Writes a task; no row changes when there is one for it.
struct InsertTask: Command {
    static let sql: SQL = """
        INSERT INTO task (id, kind, dedupe_key, appointment_id, patient_id, details, at, state, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', 1) ON CONFLICT (kind, dedupe_key) DO NOTHING
        """
    let id: ID<ClinicTask>
    let draft: TaskDraft
    let now: Instant
    var bindings: [SQLValue] {
        [
            .id(id), .text(draft.kind.rawValue), .text(draft.key), .id(draft.appointment), .id(draft.patient),
            .json(draft.details), .instant(now),
        ]
    }
}

/// A task that is going to be changed: nobody else changes it before this transaction ends.
struct TaskToChange: Query {
    static let sql = SQL(
        sqlite: "SELECT \(taskColumns) FROM task WHERE id = $1",
        postgres: "SELECT \(taskColumns) FROM task WHERE id = $1 FOR UPDATE")
    let id: ID<ClinicTask>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> ClinicTask { try ClinicTask(columns) }
}

/// The same by what it is about.
struct TaskOfKey: Query {
    private static let text = "SELECT \(taskColumns) FROM task WHERE kind = $1 AND dedupe_key = $2"
    static let sql = SQL(sqlite: text, postgres: text + " FOR UPDATE")
    let kind: ClinicTask.Kind
    let key: String
    var bindings: [SQLValue] { [.text(kind.rawValue), .text(key)] }
    static func row(_ columns: any Columns) throws -> ClinicTask { try ClinicTask(columns) }
}

/// Replaces version n by version n + 1. No row changed means somebody else was first.
struct CompleteTask: Command {
    static let sql: SQL = """
        UPDATE task SET state = 'done', done_by = $2, done_at = $3, version = $4 WHERE id = $1 AND version = $4 - 1
        """
    let task: ClinicTask
    var bindings: [SQLValue] {
        [.id(task.id), .text(task.completion?.by), .instant(task.completion?.at), .integer(task.version)]
    }
}

/// Those nobody has settled, the longest waiting first.
struct OpenTasks: Query {
    static let sql = SQL(
        "SELECT \(taskColumns) FROM task WHERE state = 'open' AND (at, id) > ($1, $2) ORDER BY at, id LIMIT $3")
    let after: Cursor
    let limit: Int
    var bindings: [SQLValue] { [.instant(after.at), .id(after.id), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> ClinicTask { try ClinicTask(columns) }
}

/// All there were, as they came.
struct TasksAfter: Query {
    static let sql = SQL("SELECT \(taskColumns) FROM task WHERE id > $1 ORDER BY id LIMIT $2")
    let after: ID<ClinicTask>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> ClinicTask { try ClinicTask(columns) }
}

/// How many are open, and since when the oldest is; counts no further than a thousand.
struct TaskDepth: Query {
    static let sql: SQL = """
        SELECT count(*), min(at) FROM (
            SELECT at FROM task WHERE state = 'open' AND at > $1 ORDER BY at LIMIT 1000) AS waiting
        """
    var bindings: [SQLValue] { [.instant(Instant(microseconds: 0))] }
    static func row(_ columns: any Columns) throws -> (open: Int, oldest: Instant?) {
        (open: try columns.int(0), oldest: try columns.optional(1, columns.instant))
    }
}
