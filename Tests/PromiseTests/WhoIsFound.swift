import Notation
import Secrecy
import Storage
import TestKit

/// Looks for somebody in a database as a thief does who has the keys as well: every row of every table, as it lies there and opened.
struct WhoIsFound {
    let fixture: ClinicFixture

    /// The tables in which a text stands.
    func tables(with text: String) async throws -> Set<String> {
        let ciphers = try await ciphers()
        return try await fixture.database.read { transaction in
            var found: Set<String> = []
            for table in try transaction.fetch(Words(Self.tables)) where table[0] != "schema_migration" {
                let columns = try transaction.fetch(Words(Self.columns(of: table[0])))
                let names = columns.map { $0[0] }
                for row in try transaction.fetch(Words(Self.rows(of: table[0], columns))) {
                    if Self.stands(text, in: row, of: table[0], names, ciphers) { found.insert(table[0]) }
                }
            }
            return found
        }
    }

    private static func stands(
        _ text: String, in row: [String], of table: String, _ columns: [String], _ ciphers: [FieldCipher]
    ) -> Bool {
        if row.contains(where: { $0.lowercased().contains(text.lowercased()) }) { return true }
        let rows = row.compactMap(bytes).filter { $0.count == 16 }
        for (column, value) in zip(columns, row) where value.count > 20 {
            for place in places(table, column, rows) {
                for cipher in ciphers {
                    guard let opened = try? cipher.open(value, at: place) else { continue }
                    if opened.lowercased().contains(text.lowercased()) { return true }
                }
            }
        }
        guard table == "idempotency", let key = columns.firstIndex(of: "key"), let by = columns.firstIndex(of: "principal"),
            let body = columns.firstIndex(of: "body"), let sealed = bytes(row[body])
        else { return false }
        let place = FieldPlace(table: table, column: "body", row: Array(row[by].utf8) + [0] + Array(row[key].utf8))
        return ciphers.contains { cipher in
            let opened = (try? cipher.open(sealed, at: place)).map { String(decoding: $0, as: UTF8.self) }
            return opened?.lowercased().contains(text.lowercased()) == true
        }
    }

    /// Where a text could have been sealed for: the words of the audit lie apart from it.
    private static func places(_ table: String, _ column: String, _ rows: [[UInt8]]) -> [FieldPlace] {
        rows.map { row in
            table == "audit_reason"
                ? FieldPlace(table: "audit", column: "reason", row: row) : FieldPlace(table: table, column: column, row: row)
        }
    }

    private static func bytes(_ hexadecimal: String) -> [UInt8]? {
        let digits = Array(hexadecimal.utf8)
        guard digits.count.isMultiple(of: 2), !digits.isEmpty else { return nil }
        var bytes: [UInt8] = []
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[place..<place + 2], as: UTF8.self), radix: 16) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    // MARK: Keys

    private func ciphers() async throws -> [FieldCipher] {
        let keys = try await fixture.database.read { try $0.fetch(KeptKeys()) }
        let clinic = keys[0].clinic
        return try [DataKey.Purpose.field, .record].map { purpose in
            let own = try keys.filter { $0.purpose == purpose.rawValue }.map { key in
                DataKey(
                    purpose: purpose, version: key.version,
                    bytes: try TestKeys.master.unwrap(key.wrapped, for: DataKey.context(purpose, key.version, key.clinic)))
            }
            return FieldCipher(clinic: clinic, keys: own, random: SeededRandom(seed: 0))
        }
    }

    private struct KeptKeys: Query {
        static let sql: SQL = "SELECT purpose, version, clinic_id, master, wrapped FROM data_key ORDER BY purpose, version"
        var bindings: [SQLValue] { [] }
        static func row(
            _ columns: any Columns
        ) throws -> (purpose: String, version: Int, clinic: [UInt8], wrapped: WrappedKey) {
            let (high, low) = try columns.identifier(2)
            let clinic = [high, low].flatMap { part in withUnsafeBytes(of: part.bigEndian) { Array($0) } }
            return (
                try columns.text(0), try columns.int(1), clinic,
                WrappedKey(master: try columns.text(3), bytes: try columns.bytes(4))
            )
        }
    }

    // MARK: Rows

    private static let tables = SQL(
        sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        postgres: "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")

    private static func columns(of table: String) -> SQL {
        SQL(
            sqlite: "SELECT name || char(31) || type FROM pragma_table_info('\(table)')",
            postgres: """
                SELECT attname || chr(31) || format_type(atttypid, NULL) FROM pg_attribute
                WHERE attrelid = '\(table)'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
                """)
    }

    /// Every column as text, bytes and identifiers as hexadecimal digits.
    private static func rows(of table: String, _ columns: [[String]]) -> SQL {
        let sqlite = columns.map { column in
            "coalesce(CASE typeof(\"\(column[0])\") WHEN 'blob' THEN lower(hex(\"\(column[0])\")) ELSE CAST(\"\(column[0])\" AS TEXT) END, '')"
        }
        let postgres = columns.map { column in
            switch column[1] {
            case "uuid": "coalesce(replace(\"\(column[0])\"::text, '-', ''), '')"
            case "bytea": "coalesce(encode(\"\(column[0])\", 'hex'), '')"
            default: "coalesce(\"\(column[0])\"::text, '')"
            }
        }
        return SQL(
            sqlite: "SELECT \(sqlite.joined(separator: " || char(31) || ")) FROM \"\(table)\"",
            postgres: "SELECT \(postgres.joined(separator: " || chr(31) || ")) FROM \"\(table)\"")
    }

    /// Rows of texts, with unit separators between.
    private struct Words: Query {
        static let sql: SQL = "SELECT ''"
        let text: SQL
        init(_ text: SQL) { self.text = text }

        var ownText: SQL? { text }
        var bindings: [SQLValue] { [] }
        static func row(_ columns: any Columns) throws -> [String] {
            try columns.text(0).split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
        }
    }
}
