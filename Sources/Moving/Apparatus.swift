import Notation
import Storage

/// What a move puts into both databases and takes away again: its tables, and three kinds of triggers on every table.
///
/// | | does |
/// |---|---|
/// | log | writes table and key of every row that is changed, on the side where the clinic lives |
/// | gate | refuses every change with `moving`: on the source during the pause and after it, on the target until the switch |
/// | pass | a row in `move_pass` that the mover writes and deletes within one transaction, so that nobody else ever sees it: whoever has it goes through the gate and is not logged |
///
/// On PostgreSQL the gate is a function that is replaced, not a row that is looked up: a transaction with an old snapshot would
/// see an old row, but it always runs the newest function.
struct Apparatus: Sendable {
    let catalog: Catalog
    private var tables: [String] { catalog.tables.sorted() }

    // MARK: Putting up

    var build: [SQL] {
        Self.ownTables + [gate(.open)] + (catalog.isPostgres ? [SQL(sqlite: "SELECT 1", postgres: Self.noTruncation)] : [])
            + tables.flatMap { catalog.isPostgres ? postgresTriggers($0) : sqliteTriggers($0) }
    }

    private static let ownTables: [SQL] = [
        SQL(
            table: """
                CREATE TABLE move_state (
                    one {number} NOT NULL PRIMARY KEY CHECK (one = 1),
                    move {text} NOT NULL,
                    run {text} NOT NULL,
                    role {text} NOT NULL CHECK (role IN ('live', 'receiving', 'moved')),
                    stage {text} NOT NULL CHECK (stage IN ('copying', 'comparing', 'following')),
                    hops {number} NOT NULL,
                    elsewhere {text} NOT NULL,
                    closed_until {instant} NOT NULL,
                    started_at {instant} NOT NULL,
                    changed_at {instant} NOT NULL
                ) {strict}
                """),
        SQL(
            table: """
                CREATE TABLE move_table (
                    name {text} NOT NULL PRIMARY KEY,
                    total {number} NOT NULL,
                    copied {number} NOT NULL,
                    copied_to {text},
                    compared {number} NOT NULL,
                    compared_to {text},
                    until_key {text}
                ) {strict}
                """),
        SQL(
            sqlite: "CREATE TABLE move_log (number INTEGER PRIMARY KEY, table_name TEXT NOT NULL, key TEXT NOT NULL) STRICT",
            postgres: """
                CREATE TABLE move_log (
                    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, table_name text NOT NULL, key text NOT NULL)
                """),
        SQL(
            table: """
                CREATE TABLE move_deferred (
                    table_name {text} NOT NULL,
                    key {text} NOT NULL,
                    PRIMARY KEY (table_name, key)
                ) {strict}
                """),
        SQL(table: "CREATE TABLE move_pass (one {number} NOT NULL PRIMARY KEY) {strict}"),
    ]

    private func postgresTriggers(_ table: String) -> [SQL] {
        let (name, log) = (MovedTable.quoted(table), MovedTable.quoted("move_log_\(table)"))
        let (new, old) = (key(of: table, "NEW"), key(of: table, "OLD"))
        return [
            """
            CREATE FUNCTION \(log)() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (SELECT 1 FROM move_pass) THEN RETURN NULL; END IF;
                IF TG_OP <> 'DELETE' THEN
                    INSERT INTO move_log (table_name, key) VALUES ('\(table)', \(new));
                END IF;
                IF TG_OP = 'DELETE' THEN
                    INSERT INTO move_log (table_name, key) VALUES ('\(table)', \(old));
                ELSIF TG_OP = 'UPDATE' THEN
                    INSERT INTO move_log (table_name, key) SELECT '\(table)', \(old) WHERE \(old) <> \(new);
                END IF;
                RETURN NULL;
            END
            $$
            """,
            "CREATE TRIGGER move_log AFTER INSERT OR UPDATE OR DELETE ON \(name) FOR EACH ROW EXECUTE FUNCTION \(log)()",
            "CREATE TRIGGER move_gate BEFORE INSERT OR UPDATE OR DELETE ON \(name) EXECUTE FUNCTION move_gate()",
            "CREATE TRIGGER move_truncate BEFORE TRUNCATE ON \(name) EXECUTE FUNCTION move_truncate()",
        ].map { SQL(sqlite: "SELECT 1", postgres: $0) }
    }

    /// No row triggers run when a table is emptied as a whole, so nobody may.
    private static let noTruncation = """
        CREATE FUNCTION move_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'moving';
        END
        $$
        """

    private func sqliteTriggers(_ table: String) -> [SQL] {
        let name = MovedTable.quoted(table)
        func logged(_ row: String, _ more: String = "") -> String {
            "INSERT INTO move_log (table_name, key) SELECT '\(table)', \(key(of: table, row))\(more);"
        }
        let moved = "WHERE \(key(of: table, "OLD")) <> \(key(of: table, "NEW"))"
        let bodies = [
            ("INSERT", logged("NEW")), ("DELETE", logged("OLD")), ("UPDATE", logged("NEW") + " " + logged("OLD", " " + moved)),
        ]
        return bodies.flatMap { event, body in
            [
                """
                CREATE TRIGGER \(MovedTable.quoted("move_log_\(event)_\(table)")) AFTER \(event) ON \(name)
                WHEN NOT EXISTS (SELECT 1 FROM move_pass) BEGIN \(body) END
                """,
                """
                CREATE TRIGGER \(MovedTable.quoted("move_gate_\(event)_\(table)")) BEFORE \(event) ON \(name)
                WHEN (SELECT closed_until FROM move_state) > \(Self.sqliteNow) AND NOT EXISTS (SELECT 1 FROM move_pass)
                BEGIN SELECT RAISE(ABORT, 'moving'); END
                """,
            ].map { SQL($0) }
        }
    }

    static let sqliteNow = "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"

    /// A primary key as the text of `RowKey`.
    private func key(of table: String, _ row: String) -> String {
        let columns = catalog.columns(of: table).filter { $0.keyPlace != nil }.sorted { $0.keyPlace! < $1.keyPlace! }
        return columns.map { column in
            let value = "\(row).\(MovedTable.quoted(column.name))"
            guard catalog.isPostgres else { return "lower(hex(\(value)))" }
            return switch ColumnKind(postgres: column.type) {
            case .identifier: "replace(\(value)::text, '-', '')"
            case .bytes: "encode(\(value), 'hex')"
            case .instant:
                "encode(convert_to(((extract(epoch FROM \(value)) * 1000000)::bigint)::text, 'UTF8'), 'hex')"
            case .bool: "encode(convert_to((\(value)::integer)::text, 'UTF8'), 'hex')"
            default: "encode(convert_to(\(value)::text, 'UTF8'), 'hex')"
            }
        }.joined(separator: " || '.' || ")
    }

    // MARK: The gate

    enum Gate: Sendable, Equatable {
        case open
        /// Closed for everybody but the mover until this moment of the server's clock, and then open by itself.
        case closedUntil(Instant)
        case closed
    }

    static let never = Instant("9000-01-01T00:00:00Z")!

    func gate(_ gate: Gate) -> SQL {
        let refusal = "IF NOT EXISTS (SELECT 1 FROM move_pass) THEN RAISE EXCEPTION 'moving'; END IF;"
        let body =
            switch gate {
            case .open: ""
            case .closed: refusal
            case .closedUntil(let end):
                """
                IF clock_timestamp() < timestamptz 'epoch' + interval '\(end.microseconds) microseconds' THEN \(refusal) END IF;
                """
            }
        return SQL(
            sqlite: "SELECT 1",
            postgres: """
                CREATE OR REPLACE FUNCTION move_gate() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    \(body)
                    RETURN NULL;
                END
                $$
                """)
    }

    /// Waits for every transaction that has changed something, and lets no other begin to until this one ends. Gives up
    /// before PostgreSQL would look for a deadlock (`deadlock_timeout`, 1 s), so that no booking is ever its victim.
    var standStill: [SQL] {
        let names = tables.map(MovedTable.quoted).joined(separator: ", ")
        return [
            SQL(sqlite: "SELECT 1", postgres: "SET LOCAL lock_timeout = '900ms'"),
            SQL(sqlite: "SELECT 1", postgres: "LOCK TABLE \(names) IN SHARE ROW EXCLUSIVE MODE"),
        ]
    }

    // MARK: Taking away

    var remove: [SQL] {
        let own = ["move_state", "move_table", "move_log", "move_deferred", "move_pass"]
        let triggers: [String] =
            if catalog.isPostgres {
                tables.flatMap { table in
                    ["move_log", "move_gate", "move_truncate"].map {
                        "DROP TRIGGER IF EXISTS \($0) ON \(MovedTable.quoted(table))"
                    } + ["DROP FUNCTION IF EXISTS \(MovedTable.quoted("move_log_\(table)"))()"]
                } + ["DROP FUNCTION IF EXISTS move_gate()", "DROP FUNCTION IF EXISTS move_truncate()"]
            } else {
                tables.flatMap { table in
                    ["INSERT", "UPDATE", "DELETE"].flatMap { event in
                        ["log", "gate"].map {
                            "DROP TRIGGER IF EXISTS \(MovedTable.quoted("move_\($0)_\(event)_\(table)"))"
                        }
                    }
                }
            }
        return (triggers + own.map { "DROP TABLE IF EXISTS \($0)" }).map { SQL($0) }
    }
}
