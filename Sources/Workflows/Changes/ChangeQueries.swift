import Notation
import Scheduling
import Storage

/// Below which position nothing can be written any more: every transaction before has ended. Identifiers and clocks do not follow the order of
/// commits, so "everything after the last one seen" would pass over whoever began before and commits after (reliability.md §4.3).
private let settled = "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"

/// Changes after a place that nothing can come before any more. SQLite has one writer, whose identifiers ascend (`EventOrder`).
struct ChangesAfter: Query {
    static let sql = SQL(
        sqlite: """
            SELECT id, kind, appointment_id, at, CAST(payload ->> 'version' AS bigint), 0 FROM event
            WHERE id > $2 AND $1 = 0 ORDER BY id LIMIT $3
            """,
        postgres: """
            SELECT id, kind, appointment_id, at, CAST(payload ->> 'version' AS bigint), position FROM event
            WHERE position >= $1 AND (position, id) > ($1, $2) AND position < \(settled) ORDER BY position, id LIMIT $3
            """)
    let cursor: ChangeCursor
    let limit: Int
    var bindings: [SQLValue] { [.integer(cursor.position), .id(cursor.id), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Change {
        let id: ID<Change> = try columns.id(0)
        return Change(
            id: id, kind: try columns.choice(1), resource: .appointment, resourceID: try columns.id(2),
            version: try columns.int(4), at: try columns.instant(3),
            place: ChangeCursor(position: try columns.integer(5), id: id))
    }
}

/// Whether the change a cursor names lies where it says.
struct ChangeStands: Query {
    static let sql: SQL = "SELECT 1 FROM event WHERE id = $1 AND COALESCE(position, 0) = $2"
    let cursor: ChangeCursor
    var bindings: [SQLValue] { [.id(cursor.id), .integer(cursor.position)] }
    static func row(_ columns: any Columns) throws -> Bool { try columns.int(0) == 1 }
}

/// The last place nothing can come before any more.
struct NewestChange: Query {
    static let sql = SQL(
        sqlite: "SELECT 0, id FROM event WHERE id = (SELECT MAX(id) FROM event)",
        postgres: """
            SELECT position, id FROM event WHERE position < \(settled) ORDER BY position DESC, id DESC LIMIT 1
            """)
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> ChangeCursor {
        ChangeCursor(position: try columns.integer(0), id: try columns.id(1))
    }
}

/// When the oldest change was made that something may still come before.
struct OldestHiddenChange: Query {
    static let sql = SQL(
        sqlite: "SELECT NULL", postgres: "SELECT MIN(at) FROM event WHERE position >= \(settled)")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Instant? { try columns.optional(0, columns.instant) }
}

/// The highest identifier an event has, for `EventOrder`.
struct LastEvent: Query {
    static let sql = SQL(
        sqlite: "SELECT id FROM event WHERE id = (SELECT MAX(id) FROM event)",
        postgres: "SELECT id FROM event ORDER BY id DESC LIMIT 1")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> ID<AppointmentEvent> { try columns.id(0) }
}
