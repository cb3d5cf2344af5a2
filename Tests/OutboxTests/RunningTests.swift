import Notation
import Outbox
import Storage
import TestKit
import Testing

@Suite struct Running {
    @Test func `a running worker is woken by its bell and delivers both kinds at once`() throws {
        try Workshop.simulate { workshop in
            let delivered = Notes<Instant>()
            let worker = workshop.worker([
                "quick": .transactional { _, _ in
                    delivered.add(workshop.clock.now); return .done
                },
                "slow": .external { _ in
                    delivered.add(workshop.clock.now); return .done
                },
            ])
            try await workshop.running(worker) {
                try await workshop.pass(.milliseconds(12_345))
                let quick = workshop.message("quick")
                let slow = workshop.message("slow")
                try await workshop.database.write { transaction in
                    try transaction.enqueue(quick)
                    try transaction.enqueue(slow)
                    transaction.afterCommit { worker.wake() }
                }
                try await workshop.pass(.seconds(1))
                #expect(delivered.all == [quick.createdAt, slow.createdAt])
            }
        }
    }

    @Test func `a worker nobody wakes finds a message within a second`() throws {
        try Workshop.simulate { workshop in
            try await workshop.running(workshop.worker(["note": .effect()])) {
                try await workshop.pass(.milliseconds(12_345))
                let id = try await workshop.put("note")
                try await workshop.pass(.seconds(1))
                #expect(try await workshop.effects(of: id).count == 1)
            }
        }
    }

    @Test func `a scheduled message is delivered on time without anybody waking the worker`() throws {
        try Workshop.simulate { workshop in
            let delivered = Notes<Instant>()
            let due = workshop.clock.now + .milliseconds(90_250)
            try await workshop.put("note") { $0.availableAt = due }
            let worker = workshop.worker([
                "note": .external { _ in
                    delivered.add(workshop.clock.now); return .done
                }
            ])
            try await workshop.running(worker) { try await workshop.pass(.minutes(2)) }
            #expect(delivered.all == [due])
        }
    }

    @Test func `a graceful stop gives leases back as if they had never been taken`() throws {
        try Workshop.simulate { workshop in
            let ids = try await [1, 2, 3].asyncMap { _ in try await workshop.put("note") }
            let worker = workshop.worker([
                "note": .external { _ in
                    try await workshop.pass(.hours(1)); return .done
                }
            ])
            try await workshop.running(worker) {
                try await workshop.pass(.seconds(20))
                #expect(try await workshop.row(ids[0]).state == "running")
            }
            for id in ids {
                let row = try await workshop.row(id)
                #expect(row.state == "ready" && row.attempt == 0 && row.lastError == nil && row.lease == 1)
            }
            #expect(workshop.events.all == Array(repeating: .interrupted(topic: "note"), count: 3))
        }
    }

    @Test func `what a handler finished while the program stops is recorded`() throws {
        try Workshop.simulate { workshop in
            let id = try await workshop.put("note")
            // Its last request is on the wire and cannot be called back.
            let worker = workshop.worker([
                "note": .external { _ in
                    try? await workshop.pass(.seconds(30)); return .done
                }
            ])
            try await workshop.running(worker) { try await workshop.pass(.seconds(20)) }
            #expect(try await workshop.row(id).state == "done")
        }
    }

    @Test func `a slow receiver does not hold up the others`() throws {
        try Workshop.simulate { workshop in
            var settings = OutboxSettings()
            settings.concurrency = 2
            let slow = try await workshop.put("slow")
            let quick = try await [1, 2, 3, 4, 5].asyncMap { _ in try await workshop.put("quick") }
            let worker = workshop.worker(
                settings: settings,
                [
                    "slow": .external { _ in
                        try await workshop.pass(.minutes(4)); return .done
                    },
                    "quick": .external { _ in
                        try await workshop.pass(.milliseconds(100)); return .done
                    },
                ])
            try await workshop.running(worker) {
                try await workshop.pass(.seconds(1))
                #expect(try await workshop.row(slow).state == "running")
                for id in quick { #expect(try await workshop.row(id).state == "done") }
                try await workshop.pass(.minutes(4))
            }
            #expect(try await workshop.row(slow).lease == 1, "its heartbeats kept its lease")
        }
    }

    @Test func `receivers that hang hold up nobody of another topic, however many there are for them`() throws {
        try Workshop.simulate { workshop in
            var settings = OutboxSettings()
            (settings.concurrency, settings.concurrencyOfAll) = (8, 24)
            for _ in 0..<40 { try await workshop.put("hanging") }
            try await workshop.pass(.seconds(1))
            let quick = try await Array(1...20).asyncMap { _ in try await workshop.put("quick") }
            let hung = Notes<Int>()
            let worker = workshop.worker(
                settings: settings,
                [
                    "hanging": .external { _ in
                        hung.add(1)
                        try await workshop.pass(.minutes(4)); return .done
                    },
                    "quick": .external { _ in
                        try await workshop.pass(.milliseconds(100)); return .done
                    },
                ])
            try await workshop.running(worker) {
                try await workshop.pass(.seconds(5))
                #expect(hung.count == 8)
                for id in quick { #expect(try await workshop.row(id).state == "done") }
                try await workshop.pass(.minutes(25))
                #expect(hung.count == 40, "whoever waited for a place had one in the end")
            }
        }
    }

    @Test func `no more external deliveries are under way than there are places`() throws {
        try Workshop.simulate { workshop in
            var settings = OutboxSettings()
            settings.concurrency = 4
            for _ in 0..<40 { try await workshop.put("note") }
            let (started, ended, most) = (Notes<Int>(), Notes<Int>(), Notes<Int>())
            let worker = workshop.worker(
                settings: settings,
                [
                    "note": .external { _ in
                        started.add(1)
                        most.add(started.count - ended.count)
                        try await workshop.pass(.seconds(1))
                        ended.add(1)
                        return .done
                    }
                ])
            try await workshop.running(worker) { try await workshop.pass(.seconds(20)) }
            #expect(ended.count == 40 && most.all.max() == 4)
        }
    }

    @Test func `the work of a worker that died is taken over after its lease`() throws {
        try Workshop.simulate { workshop in
            let id = try await workshop.put("note")
            let handlers: [String: OutboxHandler] = ["note": .external { _ in .done }]
            let killed = workshop.worker(database: KillingDatabase(workshop.database, [2: .beforeCommit]), handlers)
            _ = try? await killed.step()
            try await workshop.running(workshop.worker(handlers)) { try await workshop.pass(.seconds(59)) }
            #expect(try await workshop.row(id).state == "running")
            try await workshop.running(workshop.worker(handlers)) { try await workshop.pass(.seconds(12)) }
            let row = try await workshop.row(id)
            #expect(row.state == "done" && row.attempt == 2)
        }
    }

    @Test func `a worker leaves three quarters of the writer to the bookings`() throws {
        try Workshop.simulate { workshop in
            for _ in 0..<2_000 { try await workshop.put("note") }
            let slow = SlowDatabase(inner: workshop.database, clock: workshop.clock, each: .milliseconds(50))
            let start = workshop.clock.now
            try await workshop.running(workshop.worker(database: slow, ["note": .effect()])) {
                try await workshop.pass(.seconds(10))
            }
            #expect(slow.busy.seconds < (workshop.clock.now - start).seconds * 0.28)
        }
    }

    @Test func `a closed database ends the worker`() throws {
        try Workshop.simulate { workshop in
            let worker = workshop.worker(database: KillingDatabase(workshop.database, [1: .beforeCommit]), ["note": .effect()])
            await #expect(throws: StorageFault.closed) { try await worker.run() }
        }
    }

    @Test func `a full disk is reported, and the worker goes on when there is room again`() throws {
        try Workshop.simulate { workshop in
            let id = try await workshop.put("note")
            let database = KillingDatabase(workshop.database, [1: .full, 2: .full, 3: .full, 4: .full])
            try await workshop.running(workshop.worker(database: database, ["note": .effect()])) {
                try await workshop.pass(.minutes(2))
            }
            #expect(try await workshop.effects(of: id).count == 1)
            #expect(workshop.events.all.contains { if case .failed = $0 { true } else { false } })
        }
    }

    @Test func `old messages are swept while the worker runs`() throws {
        try Workshop.simulate { workshop in
            for number in 0..<2_500 { try await workshop.put("note") { $0.dedupeKey = "\(number)" } }
            var settings = OutboxSettings()
            settings.retention = .hours(1)
            try await workshop.running(workshop.worker(settings: settings, ["note": .effect()])) {
                try await workshop.pass(.minutes(59))
                #expect(try await workshop.database.read { try $0.first(RowCount()) } == 2_500)
                try await workshop.pass(.minutes(3))
            }
            let left = try await workshop.database.read { try $0.first(RowCount()) }
            #expect(left == 0)
        }
    }
}

struct RowCount: Query {
    static let sql: SQL = "SELECT COUNT(*) FROM outbox"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

/// A writer that takes its time, and says how much of it was taken.
final class SlowDatabase: Database {
    private let inner: any Database
    private let clock: ManualClock
    private let each: Span
    private let writes = Notes<Int>()

    init(inner: any Database, clock: ManualClock, each: Span) {
        self.inner = inner
        self.clock = clock
        self.each = each
    }

    var busy: Span { each * writes.count }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try await inner.read(body)
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        writes.add(1)
        try? await clock.sleep(until: clock.now + each)
        return try await inner.write(body)
    }
}
