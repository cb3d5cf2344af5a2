import Foundation
import Notation
import Processes
import Storage
import StorageSQLite
import Workflows

/// A copy of a PostgreSQL database in an SQLite file, taken through `psql` and nothing of ours, so that the same evidence
/// can be asked of both engines.
struct Transcript {
    /// Has `psql` say something to the database; the rows, their columns parted by `|`.
    let psql: @Sendable (String) async throws -> [String]

    /// Writes the copy to `path`, in place of what is there.
    func write(to path: String) async throws {
        for suffix in ["", "-wal", "-shm", ".lock"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        try await makeEmpty(path)
        let file = try PlainFile(path, readOnly: false)
        // What the schema would refuse is what the evidence is looking for.
        try file.execute("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF")
        for trigger in try file.texts("SELECT name FROM sqlite_master WHERE type = 'trigger'") {
            try file.execute("DROP TRIGGER \(trigger)")
        }
        for table in try file.texts(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'schema_migration'")
        {
            try await copy(table, to: file)
        }
    }

    private func makeEmpty(_ path: String) async throws {
        let database = try SQLiteDatabase(SQLiteSettings(path: path, readers: 1))
        try await Migrator(database, migrations: Schema.migrations, clock: MachineClock()).up()
        await database.close()
    }

    private func copy(_ table: String, to file: PlainFile) async throws {
        let columns = try await psql(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '\(table)' ORDER BY ordinal_position"
        ).map { line in
            let parts = line.split(separator: "|", maxSplits: 1).map(String.init)
            return (name: parts[0], type: parts[1])
        }
        let list = columns.map { expression($0.name, $0.type) }.joined(separator: ", ")
        let rows = try await psql("SELECT json_build_array(\(list))::text FROM \(table)")
        try file.execute("BEGIN; DELETE FROM \(table)")
        let places = columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
        let text = "INSERT INTO \(table) (\(columns.map(\.name).joined(separator: ", "))) VALUES (\(places))"
        for row in rows {
            guard let values = try JSON(parsing: row).array, values.count == columns.count else {
                throw ProcessFault("a row of \(table) could not be read")
            }
            _ = try file.rows(text, zip(columns, values).map { value($1, $0.type) })
        }
        try file.execute("COMMIT")
    }

    /// What JSON has no form for, as text.
    private func expression(_ name: String, _ type: String) -> String {
        switch type {
        case "uuid": "encode(uuid_send(\(name)), 'hex')"
        case "bytea": "encode(\(name), 'hex')"
        case "timestamp with time zone": "(extract(epoch FROM \(name)) * 1000000)::bigint::text"
        case "bigint", "integer": "\(name)::text"
        case "boolean": "\(name)::integer::text"
        default: "\(name)::text"
        }
    }

    private func value(_ json: JSON, _ type: String) -> PlainFile.Value {
        guard let text = json.string else { return .null }
        return switch type {
        case "uuid", "bytea": .bytes(bytes(text))
        case "timestamp with time zone", "bigint", "integer", "boolean": .integer(Int64(text) ?? 0)
        default: .text(text)
        }
    }

    private func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = Array(hexadecimal.utf8).map { $0 < 58 ? $0 - 48 : $0 - 87 }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
