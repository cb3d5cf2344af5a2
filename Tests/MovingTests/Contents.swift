import Storage

/// Reads whole databases with statements of the tests' own: the server writes each row as text.
enum Contents {
    static func tables(_ transaction: any ReadTransaction) throws -> [String] {
        try transaction.fetch(
            Texts(
                SQL(
                    sqlite: """
                        SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'move!_%' ESCAPE '!'
                            AND name <> 'schema_migration' ORDER BY name
                        """,
                    postgres: """
                        SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                            AND relname NOT LIKE 'move!_%' ESCAPE '!' AND relname <> 'schema_migration' ORDER BY relname COLLATE "C"
                        """)))
    }

    static func rows(of table: String, _ transaction: any ReadTransaction) throws -> [String] {
        let columns = try transaction.fetch(
            Texts(
                SQL(
                    sqlite: "SELECT name FROM pragma_table_info('\(table)') ORDER BY name",
                    postgres: """
                        SELECT attname FROM pg_attribute WHERE attrelid = '\(table)'::regclass AND attnum > 0 AND NOT attisdropped
                        ORDER BY attname COLLATE "C"
                        """)))
        let types = try transaction.fetch(
            Texts(
                SQL(
                    sqlite: "SELECT 'x' FROM pragma_table_info('\(table)')",
                    postgres: """
                        SELECT format_type(atttypid, NULL) FROM pg_attribute
                        WHERE attrelid = '\(table)'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname COLLATE "C"
                        """)))
        let parts = zip(columns, types).map { (sqlite($0), postgres($0, $1)) }
            .filter { !$0.0.contains("position") }
        let rows = try transaction.fetch(
            Texts(
                SQL(
                    sqlite: "SELECT '\(table): ' || \(parts.map(\.0).joined(separator: " || ' ' || ")) FROM \"\(table)\"",
                    postgres: "SELECT '\(table): ' || \(parts.map(\.1).joined(separator: " || ' ' || ")) FROM \"\(table)\"")))
        return rows.sorted()
    }

    private static func sqlite(_ column: String) -> String {
        """
        coalesce(CASE typeof("\(column)") WHEN 'blob' THEN lower(hex("\(column)")) ELSE CAST("\(column)" AS TEXT) END, '-')
        """
    }

    private static func postgres(_ column: String, _ type: String) -> String {
        let text =
            switch type {
            case "uuid": "replace(\"\(column)\"::text, '-', '')"
            case "bytea": "encode(\"\(column)\", 'hex')"
            case "boolean": "\"\(column)\"::integer::text"
            case "timestamp with time zone": "(extract(epoch FROM \"\(column)\") * 1000000)::bigint::text"
            default: "\"\(column)\"::text"
            }
        return "coalesce(\(text), '-')"
    }
}
