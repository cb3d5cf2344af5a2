import Notation
import Outbox
import Storage
import TestKit
import Testing

@Suite struct Upkeep {
    private func deadMessage(_ workshop: Workshop) async throws -> ID<OutboxMessage> {
        let id = try await workshop.put("note") { $0.dedupeKey = "once" }
        _ = try await workshop.worker(["note": .external { _ in .dead(reason: "unknown number") }]).step()
        return id
    }

    @Test(arguments: Engine.allCases)
    func `a dead letter is listed, replayed with all its attempts, and delivered`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await deadMessage(workshop)
            let listed = try await workshop.database.read { try $0.fetch(DeadLetters()) }
            #expect(listed.map(\.id) == [id] && listed[0].lastError == "unknown number" && listed[0].attempts == 1)
            workshop.clock.advance(by: .hours(1))
            let now = workshop.clock.now
            #expect(try await workshop.database.write { try $0.replayDeadLetter(id, now: now) })
            #expect(try await workshop.row(id).attempt == 0)
            #expect(try await workshop.worker(["note": .effect()]).step() == 1)
            #expect(try await !workshop.database.write { try $0.replayDeadLetter(id, now: now) }, "it is not dead any more")
        }
    }

    @Test(arguments: Engine.allCases)
    func `a discarded dead letter frees its key`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await deadMessage(workshop)
            let now = workshop.clock.now
            let again = workshop.message("note") { $0.dedupeKey = "once" }
            #expect(try await !workshop.database.write { try $0.enqueue(again) })
            #expect(try await workshop.database.write { try $0.discardDeadLetter(id, now: now) })
            #expect(try await workshop.database.write { try $0.enqueue(again) })
        }
    }

    @Test(arguments: Engine.allCases)
    func `dead letters come a page at a time`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            for _ in 0..<5 { try await workshop.put("note") }
            _ = try await workshop.worker(["note": .external { _ in .dead(reason: "no") }]).step()
            var seen: [ID<OutboxMessage>] = []
            while case let page = try await workshop.database.read({ [seen] in
                try $0.fetch(DeadLetters(after: seen.last, limit: 2))
            }),
                !page.isEmpty
            { seen += page.map(\.id) }
            #expect(seen.count == 5 && seen == seen.sorted())
        }
    }

    @Test(arguments: Engine.allCases)
    func `finished messages are deleted after the retention, waiting and dead ones stay`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let done = try await workshop.put("note") { $0.dedupeKey = "once" }
            let worker = workshop.worker(["note": .effect(), "bad": .external { _ in .dead(reason: "no") }])
            let dead = try await workshop.put("bad")
            _ = try await worker.step()
            let waiting = try await workshop.put("note") { $0.availableAt = workshop.clock.now + .days(30) }
            workshop.clock.advance(by: .days(7))
            #expect(try await worker.sweep() == 0)
            workshop.clock.advance(by: Span(microseconds: 1))
            #expect(try await worker.sweep() == 1)
            await #expect(throws: Workshop.Missing.self) { try await workshop.row(done) }
            #expect(try await workshop.row(dead).state == "dead")
            #expect(try await workshop.row(waiting).state == "ready")
        }
    }

    @Test(arguments: Engine.allCases)
    func `the depth says what is due and since when`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            try await workshop.put("a")
            workshop.clock.advance(by: .seconds(20))
            try await workshop.put("a")
            try await workshop.put("a") { $0.availableAt = workshop.clock.now + .hours(1) }
            try await workshop.put("unknown")
            let depth = try await workshop.worker(["a": .effect(), "b": .effect()]).depth()
            #expect(depth.topics.map(\.topic) == ["a", "b"] && depth.topics.map(\.due) == [2, 0])
            #expect(depth.due == 2 && depth.ready == 4 && depth.running == 0 && depth.dead == 0)
            #expect(depth.oldestAge(at: workshop.clock.now) == .seconds(20))
        }
    }

    @Test(arguments: Engine.allCases)
    func `the schema refuses a running message without a lease`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note")
            await #expect(throws: StorageFault.self) { try await workshop.database.write { try $0.run(RunWithoutLease(id: id)) } }
        }
    }

    @Test(arguments: Engine.allCases)
    func `the schema is taken back without a trace`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            try await workshop.database.write { transaction in
                for statement in OutboxSchema.down + OutboxSchema.up { try transaction.execute(statement) }
            }
            try await workshop.put("note")
        }
    }
}

struct RunWithoutLease: Command {
    static let sql: SQL = "UPDATE outbox SET state = 'running' WHERE id = $1"
    var bindings: [SQLValue] { [.id(id)] }
    let id: ID<OutboxMessage>
}
