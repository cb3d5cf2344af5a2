import Notation
import Outbox
import Storage
import TestKit
import Testing

/// A fresh database with an outbox and a table of effects, and a clock that stands still.
struct Workshop: Sendable {
    let database: any Database
    let clock = ManualClock(.monday)
    let random: SeededRandom
    let identifiers: Version7Identifiers
    let events = Notes<OutboxEvent>()

    init(_ database: any Database, seed: UInt64 = 1) {
        self.database = database
        random = SeededRandom(seed: seed)
        identifiers = Version7Identifiers(clock: clock, random: random)
    }

    /// Runs a test on a real engine, in a database of its own.
    static func open(_ engine: Engine, _ body: (Workshop) async throws -> Void) async throws {
        try await engine.withDatabase { database in
            let workshop = Workshop(database)
            try await database.write { transaction in
                for statement in OutboxSchema.up { try transaction.execute(statement) }
                try transaction.execute(Self.effects)
            }
            try await body(workshop)
        }
    }

    /// Runs a test on one thread with the engine in memory. Time moves by itself, from one thing somebody waits for to the
    /// next, so a test can say `pass(.minutes(5))` and what a worker does in them has happened.
    static func simulate(seed: UInt64 = 1, _ body: @escaping @Sendable (Workshop) async throws -> Void) throws {
        let store = try InlineStore()
        try store.inline { transaction in
            for statement in OutboxSchema.up + [effects] { try transaction.execute(statement) }
        }
        let workshop = Workshop(store, seed: seed)
        let outcome = Notes<Result<Void, any Error>>()
        let hasEnded = Interleaving.run(workshop.random, workshop.clock, limit: .days(30)) {
            do { outcome.add(.success(try await body(workshop))) } catch { outcome.add(.failure(error)) }
        }
        #expect(hasEnded, "everybody waits for something that never comes")
        try outcome.all.first?.get()
    }

    func pass(_ span: Span) async throws { try await clock.sleep(until: clock.now + span) }

    /// Runs a worker while `body` does something, then stops it gracefully.
    func running(_ worker: Outbox, while body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    static let effects = SQL(
        sqlite: "CREATE TABLE effect (number INTEGER PRIMARY KEY, message BLOB NOT NULL, worker TEXT NOT NULL)",
        postgres: """
            CREATE TABLE effect (
                number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message uuid NOT NULL, worker text NOT NULL)
            """)

    func worker(
        named name: String = "worker", clock: ManualClock? = nil, database: (any Database)? = nil,
        settings: OutboxSettings = OutboxSettings(), _ handlers: [String: OutboxHandler]
    ) -> Outbox {
        Outbox(
            database: database ?? self.database,
            surroundings: Surroundings(clock: clock ?? self.clock, identifiers: identifiers, random: random),
            workerName: name, settings: settings, handlers: handlers, report: { events.add($0) })
    }

    func message(_ topic: String, change: (inout OutboxMessage) -> Void = { _ in }) -> OutboxMessage {
        var message = OutboxMessage(
            id: identifiers.next(OutboxMessage.self), topic: topic, payload: #"{"n":1}"#, createdAt: clock.now)
        change(&message)
        return message
    }

    /// Queues a message and returns its identifier.
    @discardableResult
    func put(_ topic: String, change: (inout OutboxMessage) -> Void = { _ in }) async throws -> ID<OutboxMessage> {
        let message = message(topic, change: change)
        _ = try await database.write { try $0.enqueue(message) }
        return message.id
    }

    func row(_ id: ID<OutboxMessage>) async throws -> RowOf.Row {
        guard let row = try await database.read({ try $0.first(RowOf(id: id)) }) else { throw Missing() }
        return row
    }

    /// Its state; `gone` when it was delivered in the database itself and nothing of it has to be remembered.
    func state(_ id: ID<OutboxMessage>) async throws -> String {
        try await database.read { try $0.first(RowOf(id: id)) }?.state ?? "gone"
    }

    func effects(of id: ID<OutboxMessage>) async throws -> [String] {
        try await database.read { try $0.fetch(EffectsOf(id: id)) }
    }

    struct Missing: Error {}
}

/// Writes one effect, as a transactional handler would.
struct AddEffect: Command {
    static let sql: SQL = "INSERT INTO effect (message, worker) VALUES ($1, $2)"
    var bindings: [SQLValue] { [.id(id), .text(worker)] }
    let id: ID<OutboxMessage>
    let worker: String
}

struct EffectsOf: Query {
    static let sql: SQL = "SELECT worker FROM effect WHERE message = $1"
    var bindings: [SQLValue] { [.id(id)] }
    let id: ID<OutboxMessage>
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

struct RowOf: Query {
    struct Row: Sendable, Equatable {
        var state: String
        var attempt: Int
        var lease: Int
        var availableAt: Instant
        var lastError: String?
    }
    static let sql: SQL = "SELECT state, attempt, lease, available_at, last_error FROM outbox WHERE id = $1"
    var bindings: [SQLValue] { [.id(id)] }
    let id: ID<OutboxMessage>
    static func row(_ columns: any Columns) throws -> Row {
        Row(
            state: try columns.text(0), attempt: try columns.int(1), lease: try columns.int(2),
            availableAt: try columns.instant(3), lastError: try columns.optional(4, columns.text))
    }
}

extension OutboxHandler {
    /// Writes its effect and is done.
    static func effect(by worker: String = "worker") -> OutboxHandler {
        .transactional { transaction, delivery in
            try transaction.run(AddEffect(id: delivery.id, worker: worker))
            return .done
        }
    }
}

extension Instant {
    /// When the tests begin.
    static let monday = Instant("2026-03-02T09:00:00Z")!
}

extension SeededRandom {
    func happens(oneIn odds: Int) -> Bool { below(odds) == 0 }
}
