import Moving
import Notation
import Storage
import Workflows

extension MoveSettings {
    static func small(_ change: (inout MoveSettings) -> Void = { _ in }) -> MoveSettings {
        let machine = Surroundings.machine()
        var settings = MoveSettings(
            notCopied: Set(Schema.ownColumns.map { .init(table: $0.table, name: $0.column) }), seeded: Schema.seededTables,
            clock: machine.clock, identifiers: machine.identifiers)
        change(&settings)
        return settings
    }
}

/// What hand-typed SQL finds.
struct Texts: Query {
    static let sql: SQL = "SELECT ''"
    let ownText: SQL?
    var bindings: [SQLValue] { [] }
    init(_ text: SQL) { ownText = text }
    init(_ text: String) { ownText = SQL(text) }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// Everything of a move that is still in a database.
func traces(in database: any Database) async throws -> [String] {
    try await database.read {
        try $0.fetch(
            Texts(
                SQL(
                    sqlite: "SELECT name FROM sqlite_schema WHERE name LIKE 'move!_%' ESCAPE '!'",
                    postgres: """
                        SELECT relname FROM pg_class WHERE relname LIKE 'move!_%' ESCAPE '!'
                        UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE 'move!_%' ESCAPE '!'
                        UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE 'move!_%' ESCAPE '!'
                        """)))
    }
}

/// Every row of every clinic's table, as text that is the same on both engines.
func everything(in database: any Database) async throws -> [String] {
    try await database.read { transaction in
        try Contents.tables(transaction).flatMap { try Contents.rows(of: $0, transaction) }
    }
}
