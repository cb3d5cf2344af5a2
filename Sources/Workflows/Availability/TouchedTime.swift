import Notation
import Scheduling
import Storage

/// A stretch of somebody's time that was taken or given up. Kept with the event, so that every node can read again what
/// became of it.
struct TouchedTime: Sendable, Hashable {
    let holder: ID<Resource>
    let range: TimeRange

    /// `[["0190…","2026-03-02T09:00:00Z","2026-03-02T09:20:00Z"], …]`
    static func text(_ times: [TouchedTime]) -> String {
        var json = JSONWriter(reserving: 96 * times.count + 2)
        json.array(of: times) { json, time in
            json.array {
                $0.value(time.holder)
                $0.value(time.range.from)
                $0.value(time.range.to)
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    static func list(_ text: String) throws -> [TouchedTime] {
        try JSON(parsing: text).array?.compactMap { time in
            guard let parts = time.array, parts.count == 3, let holder = parts[0].string.flatMap({ ID<Resource>($0) }),
                let from = parts[1].string.flatMap({ Instant($0) }), let to = parts[2].string.flatMap({ Instant($0) })
            else { return nil }
            return TouchedTime(holder: holder, range: TimeRange(from: from, to: to))
        } ?? []
    }
}

/// Where the oldest transaction stands that has not ended yet: everything before has been read for good, everything from
/// there on is read again next time. Neither identifiers nor clocks follow the order of commits, so "everything after the
/// last one seen" would miss rows.
struct EventHorizon: Query {
    static let sql = SQL(sqlite: "SELECT 0", postgres: "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int64 { try columns.integer(0) }
}

/// What was touched from a position on. Only asked where several nodes share a database; SQLite has no index for it.
struct TouchedSince: Query {
    static let sql: SQL = "SELECT id, touched FROM event WHERE position >= $1 AND touched IS NOT NULL"
    let position: Int64
    var bindings: [SQLValue] { [.integer(position)] }
    static func row(_ columns: any Columns) throws -> (event: ID<AppointmentEvent>, json: String) {
        (try columns.id(0), try columns.json(1))
    }
}
