import Storage

/// What the schema of one side has: its tables, their columns in order, and who refers to whom.
struct Catalog: Sendable {
    struct Column: Sendable {
        let table: String
        let name: String
        let type: String
        /// Its place in the primary key; nil when it is none of it.
        let keyPlace: Int?
        /// Whether the server counts it up by itself.
        let isCounted: Bool
    }

    let isPostgres: Bool
    let columns: [Column]
    let references: [(child: String, parent: String)]
    /// How far the migrations have gone.
    let steps: [Int]

    var tables: Set<String> { Set(columns.map(\.table)) }
    func columns(of table: String) -> [Column] { columns.filter { $0.table == table } }

    init(reading transaction: any ReadTransaction) throws {
        isPostgres = try transaction.first(IsPostgres()) ?? false
        columns = try transaction.fetch(EveryColumn())
        references = try transaction.fetch(EveryReference())
        steps = try transaction.fetch(StepsTaken())
    }
}

struct IsPostgres: Query {
    static let sql = SQL(sqlite: "SELECT 0", postgres: "SELECT 1")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Bool { try columns.bool(0) }
}

/// Every stored column of the clinic's tables; not those of the migrations' and of the move itself. What the server computes
/// from other columns is none: it computes it again.
struct EveryColumn: Query {
    static let sql = SQL(
        sqlite: """
            SELECT t.name, c.name, c.type, c.pk - 1, 0 FROM sqlite_schema t, pragma_table_xinfo(t.name) c
            WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND c.hidden = 0
                AND t.name NOT IN ('move_state', 'move_table', 'move_log', 'move_deferred', 'move_pass', 'schema_migration')
            ORDER BY t.name, c.cid
            """,
        postgres: """
            SELECT t.relname, a.attname, format_type(a.atttypid, NULL), coalesce(k.place, 0)::bigint - 1,
                (a.attidentity <> '' OR pg_get_serial_sequence(quote_ident(t.relname), a.attname) IS NOT NULL)
            FROM pg_class t
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
            LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary
            LEFT JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place) ON k.number = a.attnum
            WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
                AND t.relname NOT IN ('move_state', 'move_table', 'move_log', 'move_deferred', 'move_pass', 'schema_migration')
            ORDER BY t.relname, a.attnum
            """)
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Catalog.Column {
        let place = try columns.int(3)
        return Catalog.Column(
            table: try columns.text(0), name: try columns.text(1), type: try columns.text(2),
            keyPlace: place >= 0 ? place : nil, isCounted: try columns.bool(4))
    }
}

struct EveryReference: Query {
    static let sql = SQL(
        sqlite: """
            SELECT t.name, f."table" FROM sqlite_schema t, pragma_foreign_key_list(t.name) f
            WHERE t.type = 'table' ORDER BY 1, 2
            """,
        postgres: """
            SELECT c.relname, p.relname FROM pg_constraint f
            JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class p ON p.oid = f.confrelid
            WHERE f.contype = 'f' AND c.relnamespace = current_schema()::regnamespace ORDER BY 1, 2
            """)
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> (child: String, parent: String) {
        (try columns.text(0), try columns.text(1))
    }
}

struct StepsTaken: Query {
    static let sql: SQL = "SELECT number FROM schema_migration ORDER BY number"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}
