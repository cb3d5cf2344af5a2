import Notation
import People
import Storage
import Synchronization
import TestKit
import Workflows

/// A clinic without a door, on a database of its own.
struct Workshop: Sendable {
    let database: any Database
    let clinic: Clinic
    let clock = StandingClock(Instant("2026-03-02T05:00:00Z")!)

    static func open<Answer>(
        _ engine: Engine, migrated: Bool = true, _ body: (Workshop) async throws -> Answer
    ) async throws -> Answer {
        try await engine.withDatabase { database in
            let workshop = Workshop(database)
            if migrated { try await workshop.migrator.up() }
            return try await body(workshop)
        }
    }

    /// What an import says in an empty clinic.
    static func take(engine: Engine, _ text: String) async throws -> [String] {
        try await open(engine) { try await $0.take(text) }
    }

    init(_ database: any Database) {
        self.database = database
        clinic = Clinic(
            database: database,
            surroundings: Surroundings(
                clock: clock, identifiers: Version7Identifiers(clock: clock, random: MachineRandom()), random: MachineRandom()),
            master: TestKeys.master)
    }

    var migrator: Migrator { Migrator(database, migrations: Schema.migrations, clock: clock) }

    /// What an import brings in, or everything it has against the file: `line 3 #/rooms/0/name`.
    func take(_ text: String, progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }) async throws -> [String] {
        do {
            return try await clinic.importClinic(Array(text.utf8), progress: progress).counts.filter { $0.count > 0 }
                .map { "\($0.count) \($0.kind)" }
        } catch let problems as ImportProblems {
            return problems.problems.map { "line \($0.line) \($0.pointer): \($0.detail)" }
        }
    }

    func rows(_ table: String) async throws -> Int { try await rows()[RowCounts.tables.firstIndex(of: table)!] }
    func rows() async throws -> [Int] { try await database.read { try $0.first(RowCounts()) ?? [] } }
}

final class StandingClock: WallClock {
    private let time: Mutex<Instant>
    init(_ now: Instant) { time = Mutex(now) }
    var now: Instant { time.withLock { $0 } }
    func sleep(until deadline: Instant) async throws { throw CancellationError() }
}

struct RowCounts: Query {
    static let tables = [
        "location", "resource", "visit_type", "working_hours", "schedule_exception", "holiday", "patient", "appointment",
        "appointment_patient", "claim", "event", "audit", "idempotency", "notice", "outbox",
    ]
    static let sql = SQL(
        "SELECT " + tables.map { "(SELECT count(*) FROM \($0))" }.joined(separator: ", ")
            + ", (SELECT value FROM revision WHERE name = 'directory')")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> [Int] { try (0...tables.count).map { try columns.int($0) } }
}

/// Identifiers that end in a number.
func id(_ number: Int) -> String {
    let digits = String(number)
    return "01900000-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
}
