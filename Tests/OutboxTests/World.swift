import Notation
import Outbox
import Storage
import StorageSQLite
import Synchronization
import TestKit

/// Three workers, one database and a dozen messages, under latency, pauses longer than a lease, and kills before and
/// after commits. Everything that happens follows from the seed.
final class World: Sendable {
    struct Plan: Sendable {
        let number: Int
        let message: OutboxMessage
        var isTransactional: Bool { message.topic == "local" }
    }

    struct Call: Sendable, Equatable {
        let number: Int
        let at: Instant
    }

    let workshop: Workshop
    let store: InlineStore
    let plans: [Plan]
    let calls = Notes<Call>()
    let kills = Notes<Int>()
    private let random: SeededRandom
    private let isFenced: Bool

    init(seed: UInt64, isFenced: Bool = true) throws {
        random = SeededRandom(seed: seed)
        store = try InlineStore()
        workshop = Workshop(store, seed: seed &+ 1_000_000)
        self.isFenced = isFenced
        plans = (0..<12).map { [random, workshop] in Self.plan($0, random, workshop) }
        try store.inline { transaction in
            for statement in OutboxSchema.up + [Workshop.effects] + Self.reopened { try transaction.execute(statement) }
        }
    }

    /// Notes every message that was finished and is not any more.
    private static let reopened: [SQL] = [
        "CREATE TABLE reopened (message BLOB NOT NULL)",
        """
        CREATE TRIGGER reopening AFTER UPDATE OF state ON outbox
        WHEN OLD.finished_at IS NOT NULL AND NEW.state <> OLD.state
        BEGIN INSERT INTO reopened (message) VALUES (OLD.id); END
        """,
    ]

    private static func plan(_ number: Int, _ random: SeededRandom, _ workshop: Workshop) -> Plan {
        let now = workshop.clock.now
        let message = workshop.message(random.happens(oneIn: 3) ? "remote" : "local") {
            $0.orderKey = random.happens(oneIn: 2) ? "key-\(random.below(2))" : nil
            $0.availableAt = now + .seconds(random.happens(oneIn: 3) ? random.below(120) : 0)
            $0.expiresAt = random.happens(oneIn: 6) ? now + .seconds(60 + random.below(240)) : nil
            $0.maxAttempts = 1_000
        }
        return Plan(number: number, message: message)
    }

    /// False when the world came to a standstill.
    func live() -> Bool {
        Interleaving.run(random, workshop.clock) {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.produce() }
                for number in 1...3 { group.addTask { await self.work("w\(number)") } }
            }
        }
    }

    private func produce() async {
        for plan in plans {
            try? store.inline { _ = try $0.enqueue(plan.message) }
            if random.happens(oneIn: 3) { await pause(.seconds(5)) }
        }
    }

    /// One worker, started again whenever it is killed.
    private func work(_ name: String) async {
        while !isOver {
            let database = DangerousDatabase(store, workshop.clock, random, isFenced: isFenced) { self.kills.add(1) }
            let worker = workshop.worker(named: name, database: database, handlers(name))
            while !isOver && !database.isDead {
                if random.happens(oneIn: 4) { _ = try? await worker.rescueLeases() }
                let count = try? await worker.step()
                if count == 0 { await pause(.seconds(2)) }
            }
            await pause(.seconds(20))
        }
    }

    private func handlers(_ worker: String) -> [String: OutboxHandler] {
        [
            "local": .transactional { [self] transaction, delivery in
                note(delivery)
                try transaction.run(AddEffect(id: delivery.id, worker: worker))
                if random.happens(oneIn: 5) { throw DeliveryFault("not this time") }
                return .done
            },
            "remote": .external { [self] delivery in
                note(delivery)
                try await workshop.clock.sleep(until: workshop.clock.now + .seconds(random.below(100)))
                if random.happens(oneIn: 5) { throw DeliveryFault("not this time") }
                return .done
            },
        ]
    }

    private func note(_ delivery: Delivery) {
        guard let plan = plans.first(where: { $0.message.id == delivery.id }) else { return }
        calls.add(Call(number: plan.number, at: workshop.clock.now))
    }

    private func pause(_ longest: Span) async {
        let length = Span(microseconds: Int64(random.below(Int(longest.microseconds)) + 1))
        try? await workshop.clock.sleep(until: workshop.clock.now + length)
    }

    private var isOver: Bool { (try? store.inline { try $0.first(Unfinished(expected: self.plans.count)) }) == 0 }
}

struct Unfinished: Query {
    static let sql: SQL = """
        SELECT $1 - (SELECT COUNT(*) FROM outbox WHERE state IN ('done', 'expired', 'dead'))
            - (SELECT COUNT(DISTINCT message) FROM effect)
        """
    var bindings: [SQLValue] { [.integer(expected)] }
    let expected: Int
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

/// The engine in memory behind the door the outbox knows. `@unchecked Sendable`: a world runs on one thread.
final class InlineStore: Database, @unchecked Sendable {
    private let engine: InlineSQLite

    init() throws { engine = try InlineSQLite() }

    func inline<Answer>(_ body: (any WriteTransaction) throws -> Answer) throws -> Answer { try engine.write(body) }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try inline { try body($0) }
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        try inline(body)
    }
}

/// One process's way to the database: slow, now and then slower than a lease, and the place where the process is killed.
/// After that nothing it does reaches the database any more.
final class DangerousDatabase: Database {
    private let inner: any Database
    private let clock: ManualClock
    private let random: SeededRandom
    private let onKill: @Sendable () -> Void
    private let death = Mutex(false)

    init(
        _ store: InlineStore, _ clock: ManualClock, _ random: SeededRandom, isFenced: Bool, onKill: @escaping @Sendable () -> Void
    ) {
        inner = isFenced ? store : TamperedDatabase.unfenced(store)
        self.clock = clock
        self.random = random
        self.onKill = onKill
    }

    var isDead: Bool { death.withLock { $0 } }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try await travel()
        return try await inner.read(body)
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        try await travel()
        let answer = try await inner.write(body)
        try await travel()
        return answer
    }

    private func travel() async throws {
        let length = random.happens(oneIn: 30) ? Span.seconds(65 + random.below(30)) : .milliseconds(random.below(200))
        try? await clock.sleep(until: clock.now + length)
        if random.happens(oneIn: 40) {
            death.withLock { $0 = true }
            onKill()
        }
        if isDead { throw StorageFault.closed }
    }
}
