import Notation
import Storage
import StoragePostgres
import TestKit
import Testing
import Workflows

@Suite struct TheSchema {
    @Test(arguments: Engine.allCases)
    func `goes up, down to nothing and up again, and is the same`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let first = try await schema(workshop)
            try await workshop.migrator.down(to: 0)
            #expect(try await schema(workshop).allSatisfy { $0.name.hasPrefix("schema_migration") })
            #expect(try await workshop.migrator.current() == 0)
            try await workshop.migrator.up()
            #expect(first.count > 20)
            #expect(try await schema(workshop) == first)
            #expect(try await workshop.migrator.current() == Schema.migrations.count)
        }
    }

    @Test(arguments: Engine.allCases)
    func `goes back also when the clinic has been at work`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            _ = try await workshop.take(String(decoding: DemoClinic.document(now: workshop.clock.now), as: UTF8.self))
            try await workshop.migrator.down(to: 0)
            try await workshop.migrator.up()
            #expect(try await workshop.rows().dropLast().allSatisfy { $0 == 0 })
        }
    }

    @Test(arguments: Engine.allCases) func `goes a step at a time`(engine: Engine) async throws {
        _ = try await Workshop.open(engine, migrated: false) { workshop in
            for step in 0...Schema.migrations.count {
                try await workshop.migrator.up(to: step)
                #expect(try await workshop.migrator.current() == step)
            }
            for step in (0..<Schema.migrations.count).reversed() {
                try await workshop.migrator.down(to: step)
                #expect(try await workshop.migrator.current() == step)
            }
        }
    }

    @Test(arguments: Engine.allCases)
    func `is made once, however many programs make it at once`(engine: Engine) async throws {
        _ = try await Workshop.open(engine, migrated: false) { workshop in
            let taken = try await withThrowingTaskGroup(of: [Migrator.Step].self) { group in
                for _ in 0..<8 { group.addTask { try await workshop.migrator.up() } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(taken.map(\.number).sorted() == Schema.migrations.map(\.number))
            try await workshop.migrator.requireCurrent()
            _ = try await workshop.take(String(decoding: DemoClinic.document(now: workshop.clock.now), as: UTF8.self))
        }
    }

    @Test func `is made once by two nodes of one server`() async throws {
        try await Engine.withPostgres { first, url in
            let second = try PostgresDatabase(PostgresSettings(url: url, connections: 3, random: MachineRandom()))
            let clock = StandingClock(Instant("2026-03-02T05:00:00Z")!)
            let migrators = [first, second].map { Migrator($0, migrations: Schema.migrations, clock: clock) }
            async let one = migrators[0].up()
            async let other = migrators[1].up()
            let taken = try await one + other
            #expect(taken.map(\.number).sorted() == Schema.migrations.map(\.number))
            for migrator in migrators { try await migrator.requireCurrent() }
            await second.close()
        }
    }

    @Test(arguments: Engine.allCases)
    func `of a newer program is refused, and nothing is changed`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let newer =
                Schema.migrations + [
                    Migration(
                        number: Schema.migrations.count + 1, name: "tomorrow",
                        up: [SQL(table: "CREATE TABLE tomorrow (id {number}) {strict}")], down: ["DROP TABLE tomorrow"])
                ]
            try await Migrator(workshop.database, migrations: newer, clock: workshop.clock).up()
            let before = try await schema(workshop)
            let fault = StorageFault.newerSchema(found: newer.count, known: Schema.migrations.count)
            await #expect(throws: fault) { try await workshop.migrator.up() }
            await #expect(throws: fault) { try await workshop.migrator.down(to: 0) }
            await #expect(throws: fault) { try await workshop.migrator.requireCurrent() }
            #expect(try await schema(workshop) == before)
            let report = try await ClinicCheck.run(workshop.database, newestSchema: Schema.migrations.count)
            #expect(report.problems == [fault.description])
        }
    }

    @Test(arguments: Engine.allCases)
    func `of an older program is refused until it is migrated`(engine: Engine) async throws {
        _ = try await Workshop.open(engine, migrated: false) { workshop in
            await #expect(throws: StorageFault.olderSchema(found: 0, known: Schema.migrations.count)) {
                try await workshop.migrator.requireCurrent()
            }
        }
    }

    @Test(arguments: Engine.allCases)
    func `leaves nothing of a step that fails`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let before = try await schema(workshop)
            let broken =
                Schema.migrations + [
                    Migration(
                        number: Schema.migrations.count + 1, name: "broken",
                        up: ["CREATE TABLE tomorrow (id integer)", "CREATE TABLE claim (id integer)"], down: [])
                ]
            await #expect(throws: StorageFault.self) {
                try await Migrator(workshop.database, migrations: broken, clock: workshop.clock).up()
            }
            #expect(try await schema(workshop) == before)
            try await workshop.migrator.requireCurrent()
        }
    }

    @Test(arguments: Engine.allCases) func `keeps claims apart whoever writes (MA-4)`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            _ = try await workshop.take(String(decoding: DemoClinic.document(now: workshop.clock.now), as: UTF8.self))
            let (minute, instant) =
                engine == .sqlite ? ("60000000", "1") : ("interval '1 minute'", "interval '1 microsecond'")
            for change in [
                "INSERT INTO claim SELECT holder_id, lane, from_at + \(minute), to_at, appointment_id FROM claim LIMIT 1",
                """
                INSERT INTO claim SELECT holder_id, lane, from_at - \(minute), from_at + \(instant), appointment_id
                FROM claim LIMIT 1
                """,
                """
                UPDATE claim SET from_at = (SELECT min(from_at) FROM claim),
                    holder_id = (SELECT holder_id FROM claim ORDER BY from_at LIMIT 1)
                """,
            ] {
                await #expect(throws: StorageFault.self, "\(change)") {
                    try await workshop.database.write { try $0.execute(SQL(change)) }
                }
            }
        }
    }

    private func schema(_ workshop: Workshop) async throws -> [Definition] {
        try await workshop.database.read { try $0.fetch(Definitions()) }
    }
}

struct Definition: Equatable, Sendable {
    var name: String
    var text: String
}

/// Everything the schema consists of, in the engine's own words.
struct Definitions: Query {
    static let sql = SQL(
        sqlite: "SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name",
        postgres: """
            SELECT name, definition FROM (
                SELECT table_name || '.' || column_name AS name,
                    concat_ws(' ', ordinal_position, data_type, is_nullable, column_default) AS definition
                FROM information_schema.columns WHERE table_schema = 'public'
                UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
                UNION ALL SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
                FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
                UNION ALL SELECT tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
                UNION ALL SELECT proname, pg_get_functiondef(pg_proc.oid)
                FROM pg_proc LEFT JOIN pg_depend ON pg_depend.objid = pg_proc.oid AND deptype = 'e'
                WHERE pronamespace = 'public'::regnamespace AND deptype IS NULL
                UNION ALL SELECT relname, array_to_string(reloptions, ' ') FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
            ) AS everything ORDER BY name, definition
            """)
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Definition {
        Definition(name: try columns.text(0), text: try columns.text(1))
    }
}
