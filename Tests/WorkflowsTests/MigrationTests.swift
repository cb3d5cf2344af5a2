import Notation
import Storage
import StorageSQLite
import Testing
import Workflows

@Suite struct TheSchema {
    @Test func `goes up, down to nothing and up again, and is the same`() async throws {
        let workshop = try await Workshop()
        let first = try await schema(workshop)
        try await workshop.migrator.down(to: 0)
        #expect(try await schema(workshop).map(\.name) == ["schema_migration"])
        #expect(try await workshop.migrator.current() == 0)
        try await workshop.migrator.up()
        #expect(first.count > 20)
        #expect(try await schema(workshop) == first)
        #expect(try await workshop.migrator.current() == Schema.migrations.count)
    }

    @Test func `goes back also when the clinic has been at work`() async throws {
        let workshop = try await Workshop()
        _ = try await workshop.take(String(decoding: DemoClinic.document(now: workshop.clock.now), as: UTF8.self))
        try await workshop.migrator.down(to: 0)
        try await workshop.migrator.up()
        #expect(try await workshop.rows().dropLast().allSatisfy { $0 == 0 })
    }

    @Test func `goes a step at a time`() async throws {
        let workshop = try await Workshop(migrated: false)
        for step in 0...Schema.migrations.count {
            try await workshop.migrator.up(to: step)
            #expect(try await workshop.migrator.current() == step)
        }
        for step in (0..<Schema.migrations.count).reversed() {
            try await workshop.migrator.down(to: step)
            #expect(try await workshop.migrator.current() == step)
        }
    }

    @Test func `of a newer program is refused, and nothing is changed`() async throws {
        let workshop = try await Workshop()
        let newer =
            Schema.migrations + [
                Migration(
                    number: Schema.migrations.count + 1, name: "tomorrow", up: ["CREATE TABLE tomorrow (id INTEGER) STRICT"],
                    down: ["DROP TABLE tomorrow"])
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

    @Test func `of an older program is refused until it is migrated`() async throws {
        let workshop = try await Workshop(migrated: false)
        await #expect(throws: StorageFault.olderSchema(found: 0, known: Schema.migrations.count)) {
            try await workshop.migrator.requireCurrent()
        }
    }

    @Test func `keeps claims apart whoever writes (MA-4)`() async throws {
        let workshop = try await Workshop()
        _ = try await workshop.take(String(decoding: DemoClinic.document(now: workshop.clock.now), as: UTF8.self))
        for change in [
            "INSERT INTO claim SELECT holder_id, lane, from_at + 60000000, to_at, appointment_id FROM claim LIMIT 1",
            "INSERT INTO claim SELECT holder_id, lane, from_at - 60000000, from_at + 1, appointment_id FROM claim LIMIT 1",
            "UPDATE claim SET from_at = (SELECT min(from_at) FROM claim), holder_id = (SELECT holder_id FROM claim ORDER BY from_at LIMIT 1)",
        ] {
            await #expect(throws: StorageFault.self, "\(change)") {
                try await workshop.database.write { try $0.execute(SQL(change)) }
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

struct Definitions: Query {
    static let sql: SQL = "SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Definition {
        Definition(name: try columns.text(0), text: try columns.text(1))
    }
}
