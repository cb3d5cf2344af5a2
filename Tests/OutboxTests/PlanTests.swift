import Outbox
import Storage
import StorageSQLite
import Testing

@Suite struct Plans {
    /// Counts the queue itself, with a limit.
    private static let mayScan = ["OutboxCounts"]

    @Test func `no statement reads the whole table`() throws {
        let database = try InlineSQLite()
        try database.write { transaction in
            for statement in OutboxSchema.up { try transaction.execute(statement) }
        }
        for statement in OutboxQueries.catalogue where !Self.mayScan.contains("\(statement)") {
            let plan = try database.queryPlan(of: statement.sql.sqlite)
            let scans = plan.filter { $0.contains("SCAN outbox") || $0.contains("SCAN o ") || $0.contains("SCAN e ") }
            #expect(scans.isEmpty, "\(statement): \(scans)")
        }
    }

    @Test func `what is looked up by its order uses the index of orders`() throws {
        let database = try InlineSQLite()
        try database.write { transaction in
            for statement in OutboxSchema.up { try transaction.execute(statement) }
        }
        for statement in [Enqueue.self, ClaimDue.self, StepAside.self, CallForward.self] as [any Statement.Type] {
            let plan = try database.queryPlan(of: statement.sql.sqlite)
            #expect(plan.contains { $0.contains("outbox_order (order_key=?") }, "\(statement): \(plan)")
        }
    }
}
