import Outbox
import Storage
import StoragePostgres
import StorageSQLite
import TestKit
import Testing

@Suite struct Plans {
    /// Counts the queue itself, with a limit.
    private static let mayScan = ["OutboxCounts"]
    private static let ordered: [any Statement.Type] = [
        Enqueue.self, TakeDue.self, ClaimDue.self, StepAside.self, CallForward.self,
    ]
    private static var looked: [any Statement.Type] { OutboxQueries.catalogue.filter { !mayScan.contains("\($0)") } }

    @Test func `no statement reads the whole table`() throws {
        let database = try InlineSQLite()
        try database.write { transaction in
            for statement in OutboxSchema.up { try transaction.execute(statement) }
        }
        for statement in Self.looked {
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
        for statement in Self.ordered {
            let plan = try database.queryPlan(of: statement.sql.sqlite)
            #expect(plan.contains { $0.contains("outbox_order (order_key=?") }, "\(statement): \(plan)")
        }
    }

    // MARK: The same on PostgreSQL

    private func withQueue(_ body: (String) async throws -> Void) async throws {
        try await Engine.withPostgres { database, url in
            try await database.doing(.background).write { transaction in
                for statement in OutboxSchema.up { try transaction.execute(statement) }
                try transaction.execute(SQL(PostgresPlan.usedQueue))
            }
            try await body(url)
        }
    }

    @Test func `PostgreSQL understands every statement and reads the whole table for none`() async throws {
        try await withQueue { url in
            for plan in try await PostgresPlan.all(of: Self.looked, in: url) {
                // That index holds what is being delivered at this moment and nothing else.
                let endless = plan.endlessSteps(on: ["outbox"]).filter { !$0.contains("outbox_lease") }
                #expect(endless.isEmpty, "\(plan.statement): \(plan.lines)")
            }
        }
    }

    @Test func `PostgreSQL looks up by the index of orders what is looked up by its order`() async throws {
        try await withQueue { url in
            for plan in try await PostgresPlan.all(of: Self.ordered, in: url) {
                #expect(plan.finds(by: "outbox_order", ["order_key"]), "\(plan.statement): \(plan.lines)")
            }
        }
    }

    @Test func `would be found out: without its index PostgreSQL looks elsewhere`() async throws {
        let needs: [(index: String, columns: [String], statement: any Statement.Type)] = [
            ("outbox_ready", ["topic", "available_at"], ClaimDue.self),
            ("outbox_ready", ["topic", "available_at"], TakeDue.self), ("outbox_ready", ["topic"], NextDue.self),
            ("outbox_order", ["order_key"], CallForward.self), ("outbox_subject", ["subject"], CancelWaiting.self),
            ("outbox_lease", ["lease_until"], RescueLeases.self), ("outbox_finished", ["finished_at"], SweepFinished.self),
            ("outbox_dead", ["id"], DeadLetters.self), ("outbox_pkey", ["id"], Settle.self),
        ]
        try await withQueue { url in
            for need in needs {
                let plans = try await PostgresPlan.all(of: [need.statement], in: url)
                #expect(plans.allSatisfy { $0.finds(by: need.index, need.columns) }, "\(need.statement): \(plans)")
                if need.index.hasSuffix("pkey") { continue }
                let others = try await PostgresPlan.all(of: [need.statement], in: url, without: need.index)
                #expect(others.count == 1 && others.allSatisfy { !$0.finds(by: need.index, []) })
            }
        }
    }
}
