import Foundation
import Notation
import People
import Storage
import StorageSQLite
import Synchronization
import Workflows

/// A clinic without a door, on a database of its own.
final class Workshop: Sendable {
    let database: SQLiteDatabase
    let clinic: Clinic
    let clock = StandingClock(Instant("2026-03-02T05:00:00Z")!)
    private let folder: String

    init(migrated: Bool = true) async throws {
        folder = NSTemporaryDirectory() + "mediconnect-workflows-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var settings = SQLiteSettings(path: folder + "/clinic.db", readers: 1)
        settings.synchronous = .off
        database = try SQLiteDatabase(settings)
        clinic = Clinic(
            database: database,
            surroundings: Surroundings(
                clock: clock, identifiers: Version7Identifiers(clock: clock, random: MachineRandom()), random: MachineRandom()))
        if migrated { try await migrator.up() }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

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
        "SELECT " + tables.map { "(SELECT count(*) FROM \($0))" }.joined(separator: ", ") + ", (SELECT value FROM revision)")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> [Int] { try (0...tables.count).map { try columns.int($0) } }
}

/// Identifiers that end in a number.
func id(_ number: Int) -> String {
    let digits = String(number)
    return "01900000-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
}
