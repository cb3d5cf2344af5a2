import Notation
import Storage

/// How many rows each table has: two looks that are equal mean that nothing was added or taken away in between.
struct RowCounts: Query {
    static let tables = [
        "location", "resource", "visit_type", "working_hours", "schedule_exception", "holiday", "patient", "appointment",
        "appointment_patient", "claim", "event", "audit", "idempotency", "notice", "outbox",
    ]
    static let sql = SQL(
        "SELECT " + tables.map { "(SELECT count(*) FROM \($0))" }.joined(separator: ", ") + ", (SELECT max(value) FROM revision)")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> [Int] { try (0...tables.count).map { try columns.int($0) } }
}

extension RowCounts {
    /// But for who was shown what, which is more each time.
    static func withoutAudit(_ rows: [Int]) -> [Int] {
        rows.enumerated().filter { $0.offset != tables.firstIndex(of: "audit") }.map(\.element)
    }
}

extension Visitor {
    func rows() async throws -> [Int] { try await house.database.read { try $0.first(RowCounts()) ?? [] } }

    func count(of table: String) async throws -> Int { try await rows()[RowCounts.tables.firstIndex(of: table)!] }
}
