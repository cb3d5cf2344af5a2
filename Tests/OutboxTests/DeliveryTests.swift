import Notation
import Outbox
import Storage
import TestKit
import Testing

@Suite struct Delivering {
    @Test(arguments: Engine.allCases)
    func `a message is delivered once, however many workers there are`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            for _ in 0..<300 { try await workshop.put("note") }
            var settings = OutboxSettings()
            settings.batch = 7
            let delivered = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 1...6 {
                    let worker = workshop.worker(named: "w\(number)", settings: settings, ["note": .effect()])
                    group.addTask {
                        var count = 0
                        while case let step = try await worker.step(), step > 0 { count += step }
                        return count
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(delivered == 300)
            #expect(try await workshop.database.read { try $0.fetch(EffectsPerMessage()) } == Array(repeating: 1, count: 300))
        }
    }

    @Test(arguments: Engine.allCases)
    func `a scheduled message is not delivered early`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            try await workshop.put("note") { $0.availableAt = workshop.clock.now + .minutes(10) }
            let worker = workshop.worker(["note": .effect()])
            workshop.clock.advance(by: .minutes(10) - Span(microseconds: 1))
            #expect(try await worker.step() == 0)
            workshop.clock.advance(by: Span(microseconds: 1))
            #expect(try await worker.step() == 1)
        }
    }

    @Test(arguments: Engine.allCases)
    func `an urgent message overtakes those that waited longer`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let late = try await workshop.put("note") { $0.priority = .idle }
            workshop.clock.advance(by: .seconds(1))
            let urgent = try await workshop.put("note") { $0.priority = .urgent }
            let order = Notes<ID<OutboxMessage>>()
            let worker = workshop.worker([
                "note": .transactional {
                    order.add($1.id); return .done
                }
            ])
            #expect(try await worker.step() == 2)
            #expect(order.all == [urgent, late])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a message of a topic this worker does not know is left alone`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("other")
            #expect(try await workshop.worker(["note": .effect()]).step() == 0)
            #expect(try await workshop.row(id).state == "ready")
            #expect(try await workshop.worker(["other": .effect()]).step() == 1)
        }
    }

    @Test(arguments: Engine.allCases, [false, true])
    func `an expired message is never delivered`(engine: Engine, isExternal: Bool) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note") { $0.expiresAt = workshop.clock.now + .minutes(1) }
            let calls = Notes<Int>()
            let worker = workshop.worker([
                "note": isExternal
                    ? .external {
                        calls.add($0.attempt); return .done
                    } : .effect()
            ])
            workshop.clock.advance(by: .minutes(1))
            #expect(try await worker.step() == 0)
            #expect(try await workshop.row(id).state == "expired")
            #expect(try await workshop.effects(of: id).isEmpty && calls.count == 0)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a retry that would come after the expiry expires instead`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note") { $0.expiresAt = workshop.clock.now + .minutes(1) }
            let worker = workshop.worker(["note": .external { _ in .retry(after: .hours(1)) }])
            #expect(try await worker.step() == 1)
            #expect(try await workshop.row(id).availableAt == workshop.clock.now + .minutes(1))
            workshop.clock.advance(by: .minutes(1))
            #expect(try await worker.step() == 0)
            #expect(try await workshop.row(id).state == "expired")
        }
    }

    @Test(arguments: Engine.allCases)
    func `a cancelled subject cancels what waits for it, and nothing else`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let subject = workshop.identifiers.next(OutboxSubject.self)
            let reminder = try await workshop.put("reminder") { $0.subject = subject }
            let invoice = try await workshop.put("invoice") { $0.subject = subject }
            let stranger = try await workshop.put("reminder")
            let now = workshop.clock.now
            let count = try await workshop.database.write {
                try $0.cancelWaiting(subject: subject, topics: ["reminder", "survey"], now: now)
            }
            #expect(count == 1)
            let states = try await [reminder, invoice, stranger].asyncMap { try await workshop.row($0).state }
            #expect(states == ["cancelled", "ready", "ready"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a key is queued once, also after it was delivered; only a cancelled one may come again`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let subject = workshop.identifiers.next(OutboxSubject.self)
            let worker = workshop.worker(["note": .effect()])
            func put() async throws -> Bool {
                let message = workshop.message("note") {
                    $0.dedupeKey = "visit-1"; $0.subject = subject
                }
                return try await workshop.database.write { try $0.enqueue(message) }
            }
            #expect(try await put())
            #expect(try await !put())
            let now = workshop.clock.now
            _ = try await workshop.database.write { try $0.cancelWaiting(subject: subject, topics: ["note"], now: now) }
            #expect(try await put())
            #expect(try await worker.step() == 1)
            #expect(try await !put())
        }
    }

    @Test(arguments: Engine.allCases)
    func `what a handler wrote before it threw is gone, and the others of its batch stand`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let bad = try await workshop.put("bad")
            let good = try await workshop.put("good")
            let worker = workshop.worker([
                "good": .effect(),
                "bad": .transactional { transaction, delivery in
                    try transaction.run(AddEffect(id: delivery.id, worker: "worker"))
                    throw StorageFault.constraint("claim_overlap")
                },
            ])
            #expect(try await worker.step() == 2)
            #expect(try await workshop.effects(of: bad).isEmpty)
            #expect(try await workshop.effects(of: good).count == 1)
            #expect(try await workshop.row(bad).lastError?.contains("claim_overlap") == true)
        }
    }

    @Test(arguments: Engine.allCases)
    func `one whose change is refused only at the commit does not take the others of its batch with it`(engine: Engine)
        async throws
    {
        try await Workshop.open(engine) { workshop in
            try await workshop.database.write {
                try $0.execute(
                    "CREATE TABLE orphan (parent INTEGER REFERENCES effect (number) DEFERRABLE INITIALLY DEFERRED)")
            }
            let bad = try await workshop.put("bad")
            let good = try await [1, 2, 3].asyncMap { _ in try await workshop.put("good") }
            let worker = workshop.worker([
                "good": .effect(),
                "bad": .transactional { transaction, _ in
                    try transaction.run(AddOrphan())
                    return .done
                },
            ])
            #expect(try await worker.step() == 4)
            #expect(try await good.asyncMap { try await workshop.effects(of: $0).count } == [1, 1, 1])
            let row = try await workshop.row(bad)
            #expect(row.state == "ready" && row.lastError?.contains("foreign_key") == true)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a part that was done before a snooze stays done`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("long")
            let worker = workshop.worker([
                "long": .transactional { transaction, delivery in
                    try transaction.run(AddEffect(id: delivery.id, worker: "part"))
                    return .snooze(until: workshop.clock.now + .minutes(1))
                }
            ])
            #expect(try await worker.step() == 1)
            #expect(try await workshop.effects(of: id) == ["part"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a handler may queue what follows in the same transaction`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            try await workshop.put("first")
            let worker = workshop.worker([
                "second": .effect(),
                "first": .transactional { transaction, _ in
                    try transaction.enqueue(workshop.message("second"))
                    return .done
                },
            ])
            #expect(try await worker.step() == 1)
            #expect(try await worker.step() == 1)
            #expect(try await worker.step() == 0)
        }
    }
}

struct AddOrphan: Command {
    static let sql: SQL = "INSERT INTO orphan (parent) VALUES (4711)"
    var bindings: [SQLValue] { [] }
}

struct EffectsPerMessage: Query {
    static let sql: SQL = "SELECT COUNT(*) FROM effect GROUP BY message"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

extension Array {
    func asyncMap<Mapped>(_ body: (Element) async throws -> Mapped) async rethrows -> [Mapped] {
        var mapped: [Mapped] = []
        for element in self { mapped.append(try await body(element)) }
        return mapped
    }
}
