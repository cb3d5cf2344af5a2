import Moving
import Notation
import PostgresCluster
import Storage
import StoragePostgres
import StorageSQLite
import TestKit
import Workflows

/// A database with the clinic's tables and a few rows in those that depend on each other, made by hand and quickly.
enum SmallClinic {
    static let rows =
        [
            "UPDATE revision SET value = 7 WHERE name = 'directory'",
            "INSERT INTO location (id, name, zone, version) VALUES (\(id(1)), 'North', 'Europe/Berlin', 1)",
        ]
        + (1...4).map {
            """
            INSERT INTO resource (id, kind, name, location_id, lanes, lanes_offered, tags, active, version)
            VALUES (\(id($0)), 'practitioner', 'Dr. \($0)', \(id(1)), 1, 1, '[ "a" ]', #true#, 1)
            """
        }
        + (1...9).map {
            "INSERT INTO patient (id, name, version) VALUES (\(id($0)), 'P\($0)', 1)"
        }

    /// Something that happens while the clinic moves.
    static func change(_ number: Int, in database: any Database) async throws {
        try await execute("INSERT INTO patient (id, name, version) VALUES (\(id(100 + number)), 'late', 1)", in: database)
        // Into a table that was empty when the move began.
        try await execute(
            "INSERT INTO holiday (id, location_id, day, name) VALUES (\(id(200 + number)), \(id(1)), \(20_000 + number), 'late')",
            in: database)
        try await execute("UPDATE patient SET version = version + 1 WHERE id = \(id(3))", in: database)
        try await execute("DELETE FROM patient WHERE id = \(id(50 + number))", in: database)
        try await execute("INSERT INTO patient (id, name, version) VALUES (\(id(51 + number)), 'brief', 1)", in: database)
    }

    static func execute(_ text: String, in database: any Database) async throws {
        let sql = SQL(
            sqlite: text.replacing("#true#", with: "1").replacing("#uuid", with: "x").replacing("uuid#", with: ""),
            postgres: text.replacing("#true#", with: "true").replacing("#uuid", with: "").replacing("uuid#", with: "::uuid"))
        try await database.write { try $0.execute(sql) }
    }

    private static func id(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return "#uuid'\(String(repeating: "0", count: 32 - digits.count))\(digits)'uuid#"
    }

    static func withClinic<Answer>(_ engine: Engine, _ body: (any Database) async throws -> Answer) async throws -> Answer {
        try await engine.withDatabase { database in
            try await Migrator(database, migrations: Schema.migrations, clock: MachineClock()).up()
            for row in rows { try await execute(row, in: database) }
            return try await body(database)
        }
    }
}
