import Notation
import Outbox
import Storage
import TestKit
import Testing

@Suite struct KeepingOrder {
    @Test(arguments: Engine.allCases)
    func `messages of one key are delivered one after the other, past a failure of the first`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let ids = try await [1, 2, 3].asyncMap { _ in try await workshop.put("note") { $0.orderKey = "channel-1" } }
            let order = Notes<ID<OutboxMessage>>()
            let worker = workshop.worker([
                "note": .transactional { _, delivery in
                    if delivery.id == ids[0] && delivery.attempt == 1 { return .retry(after: .minutes(1)) }
                    order.add(delivery.id)
                    return .done
                }
            ])
            #expect(try await worker.step() == 1)
            #expect(try await worker.step() == 0, "the others wait behind the one that failed")
            workshop.clock.advance(by: .minutes(1))
            while try await worker.step() > 0 {}
            #expect(order.all == ids)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a dead message lets those behind it pass`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let first = try await workshop.put("note") {
                $0.orderKey = "channel-1"; $0.maxAttempts = 1
            }
            let second = try await workshop.put("note") { $0.orderKey = "channel-1" }
            let worker = workshop.worker([
                "note": .transactional { _, delivery in
                    if delivery.id == first { throw DeliveryFault("no") }
                    return .done
                }
            ])
            #expect(try await worker.step() == 1)
            #expect(try await worker.step() == 1)
            #expect(try await workshop.row(first).state == "dead")
            #expect(try await workshop.state(second) == "gone")
        }
    }

    @Test(arguments: Engine.allCases)
    func `a cancelled message lets those behind it pass at once`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let subject = workshop.identifiers.next(OutboxSubject.self)
            let first = try await workshop.put("note") {
                $0.orderKey = "channel-1"; $0.subject = subject
            }
            let second = try await workshop.put("note") { $0.orderKey = "channel-1" }
            let tomorrow = workshop.clock.now + .days(1)
            let worker = workshop.worker([
                "note": .transactional { _, delivery in delivery.id == first ? .snooze(until: tomorrow) : .done }
            ])
            #expect(try await worker.step() == 1)
            #expect(try await worker.step() == 0)
            let now = workshop.clock.now
            _ = try await workshop.database.write { try $0.cancelWaiting(subject: subject, topics: ["note"], now: now) }
            #expect(try await worker.step() == 1)
            #expect(try await workshop.state(second) == "gone")
        }
    }

    @Test(arguments: Engine.allCases)
    func `an expired message lets those behind it pass in the same step`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            try await workshop.put("note") {
                $0.orderKey = "k"; $0.expiresAt = workshop.clock.now + .seconds(5)
            }
            try await workshop.put("note") { $0.orderKey = "k" }
            workshop.clock.advance(by: .seconds(5))
            #expect(try await workshop.worker(["note": .effect()]).step() == 1)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a crowd behind one slow receiver does not stand in the way of others`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            for _ in 0..<1_000 { try await workshop.put("hook") { $0.orderKey = "slow" } }
            let other = try await workshop.put("hook") { $0.orderKey = "quick" }
            var settings = OutboxSettings()
            settings.batch = 10
            let worker = workshop.worker(
                settings: settings,
                ["hook": .transactional { _, delivery in delivery.orderKey == "slow" ? .retry(after: .hours(1)) : .done }])
            var steps = 0
            while try await worker.step() > 0 { steps += 1 }
            #expect(try await workshop.state(other) == "gone")
            #expect(steps == 2)
            let due = try await workshop.database.read { try $0.first(DueNow(now: workshop.clock.now)) }
            #expect(due == 0, "nobody looks at them again before the first one's next attempt")
        }
    }

    @Test(arguments: Engine.allCases)
    func `keys do not hold each other up`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            for key in ["a", "b", "c"] { try await workshop.put("note") { $0.orderKey = key } }
            #expect(try await workshop.worker(["note": .effect()]).step() == 3)
        }
    }
}

struct DueNow: Query {
    static let sql: SQL = "SELECT COUNT(*) FROM outbox WHERE state = 'ready' AND available_at <= $1"
    var bindings: [SQLValue] { [.instant(now)] }
    let now: Instant
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}
