import Notation
import Storage
import StorageSQLite
import Testing

private struct StandingClock: WallClock {
    let now = Instant(secondsSince1970: 1_772_355_600)
    func sleep(until deadline: Instant) async throws {}
}

@Suite("Migrations on SQLite")
struct MigratorTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    private let steps = [
        Migration(number: 1, name: "visits", up: [Visit.table], down: ["DROP TABLE visit"]),
        Migration(
            number: 2, name: "notes",
            up: ["CREATE TABLE note (id INTEGER PRIMARY KEY)", "CREATE INDEX visit_part ON visit (part)"],
            down: ["DROP INDEX visit_part", "DROP TABLE note"]),
    ]

    private func migrator(_ database: SQLiteDatabase, _ count: Int) -> Migrator {
        Migrator(database, migrations: Array(steps.prefix(count)), clock: StandingClock())
    }

    @Test func `steps are taken forwards and back, each once`() async throws {
        let database = try SQLiteDatabase(folder.settings)
        let migrator = migrator(database, 2)
        #expect(try await migrator.current() == 0)
        #expect(try await migrator.up().map(\.number) == [1, 2])
        #expect(try await migrator.up() == [])
        try await migrator.requireCurrent()
        #expect(try await migrator.status().map(\.appliedAt) == [StandingClock().now, StandingClock().now])
        #expect(try await migrator.down(to: 0) == [2, 1])
        #expect(try await migrator.status().map(\.appliedAt) == [nil, nil])
        #expect(try await migrator.up(to: 1).map(\.name) == ["visits"])
        await database.close()
    }

    @Test func `a database ahead of the program is refused and left as it is`() async throws {
        let database = try SQLiteDatabase(folder.settings)
        try await migrator(database, 2).up()
        let older = migrator(database, 1)
        #expect(await fault { try await older.up() } == .newerSchema(found: 2, known: 1))
        #expect(await fault { try await older.down(to: 0) } == .newerSchema(found: 2, known: 1))
        #expect(await fault { try await older.requireCurrent() } == .newerSchema(found: 2, known: 1))
        #expect(try await older.status().map(\.number) == [1, 2])
        await database.close()
    }

    @Test func `a step that fails leaves nothing of itself behind`() async throws {
        let database = try SQLiteDatabase(folder.settings)
        let broken = Migration(number: 1, name: "broken", up: [Visit.table, "CREATE TABLE visit (id)"], down: [])
        let migrator = Migrator(database, migrations: [broken], clock: StandingClock())
        #expect(await fault { try await migrator.up() } == .statement("script: table visit already exists (1)"))
        #expect(try await migrator.current() == 0)
        try await self.migrator(database, 2).up()
        await database.close()
    }
}
