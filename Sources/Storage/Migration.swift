public import Notation

/// One step of the schema, forwards and back. A step that was released never changes; the next one corrects it.
public struct Migration: Sendable {
    public let number: Int
    public let name: String
    public let up: [SQL]
    public let down: [SQL]

    public init(number: Int, name: String, up: [SQL], down: [SQL]) {
        self.number = number
        self.name = name
        self.up = up
        self.down = down
    }
}

/// Takes a database from one version of the schema to another, a step a transaction.
public struct Migrator: Sendable {
    public struct Step: Sendable, Equatable {
        public var number: Int
        public var name: String
        /// Nil when the step has not been taken.
        public var appliedAt: Instant?
    }

    private let database: any Database
    private let migrations: [Migration]
    private let clock: any WallClock

    /// `migrations` are numbered from 1 without a gap.
    public init(_ database: any Database, migrations: [Migration], clock: any WallClock) {
        precondition(
            migrations.map(\.number) == Array(1..<(migrations.count + 1)), "migrations are numbered from 1 without a gap")
        self.database = database
        self.migrations = migrations
        self.clock = clock
    }

    public var newest: Int { migrations.count }

    /// The version the database has; 0 when it is empty.
    public func current() async throws -> Int { try await applied().last?.number ?? 0 }

    /// Every step the program knows, in order, and any newer one the database has.
    public func status() async throws -> [Step] {
        let applied = try await applied()
        let known = migrations.map { migration in
            applied.first { $0.number == migration.number }
                ?? Step(number: migration.number, name: migration.name, appliedAt: nil)
        }
        return known + applied.filter { $0.number > newest }
    }

    /// Takes every missing step. Throws `.newerSchema` and changes nothing when the database is ahead of the program.
    @discardableResult
    public func up(to target: Int? = nil) async throws -> [Step] {
        let current = try await current()
        guard current <= newest else { throw StorageFault.newerSchema(found: current, known: newest) }
        var taken: [Step] = []
        for migration in migrations where migration.number > current && migration.number <= target ?? newest {
            let step = try await database.doing(.background).write { [clock] transaction -> Step? in
                try transaction.execute(Self.turn)
                try transaction.execute(Self.table)
                // Another node may have taken it while this one waited for its turn.
                if try transaction.fetch(AppliedSteps()).contains(where: { $0.number == migration.number }) { return nil }
                for statement in migration.up { try transaction.execute(statement) }
                let step = Step(number: migration.number, name: migration.name, appliedAt: clock.now)
                try transaction.run(RecordStep(step: step))
                return step
            }
            if let step { taken.append(step) }
        }
        return taken
    }

    /// Takes steps back, the newest first, until the database has version `target`.
    @discardableResult
    public func down(to target: Int) async throws -> [Int] {
        let current = try await current()
        guard current <= newest else { throw StorageFault.newerSchema(found: current, known: newest) }
        var undone: [Int] = []
        for migration in migrations.reversed() where migration.number <= current && migration.number > target {
            try await database.doing(.background).write { transaction in
                try transaction.execute(Self.turn)
                for statement in migration.down { try transaction.execute(statement) }
                try transaction.run(ForgetStep(number: migration.number))
            }
            undone.append(migration.number)
        }
        return undone
    }

    /// Throws unless the database has exactly the version this program needs.
    public func requireCurrent() async throws {
        let current = try await current()
        if current > newest { throw StorageFault.newerSchema(found: current, known: newest) }
        if current < newest { throw StorageFault.olderSchema(found: current, known: newest) }
    }

    /// Looks only, so that it works beside a running server too. A database without the table has taken no step.
    private func applied() async throws -> [Step] {
        do {
            return try await database.read { try $0.fetch(AppliedSteps()) }
        } catch StorageFault.statement {
            return []
        }
    }

    /// One program at a time changes the schema. The lock goes with the transaction.
    private static let turn = SQL(sqlite: "SELECT 1", postgres: "SELECT pg_advisory_xact_lock(7461, 0)")

    private static let table = SQL(
        sqlite: """
            CREATE TABLE IF NOT EXISTS schema_migration (
                number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT
            """,
        postgres: """
            CREATE TABLE IF NOT EXISTS schema_migration (
                number bigint PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL)
            """)
}

public struct AppliedSteps: Query {
    public static let sql: SQL = "SELECT number, name, applied_at FROM schema_migration ORDER BY number"
    public var bindings: [SQLValue] { [] }
    public static func row(_ columns: any Columns) throws -> Migrator.Step {
        Migrator.Step(number: try columns.int(0), name: try columns.text(1), appliedAt: try columns.instant(2))
    }
    public init() {}
}

public struct RecordStep: Command {
    public static let sql: SQL = "INSERT INTO schema_migration (number, name, applied_at) VALUES ($1, $2, $3)"
    public var bindings: [SQLValue] { [.integer(step.number), .text(step.name), .instant(step.appliedAt)] }
    let step: Migrator.Step
}

public struct ForgetStep: Command {
    public static let sql: SQL = "DELETE FROM schema_migration WHERE number = $1"
    public var bindings: [SQLValue] { [.integer(number)] }
    let number: Int
}
