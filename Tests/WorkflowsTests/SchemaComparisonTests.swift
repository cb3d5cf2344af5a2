import Storage
import TestKit
import Testing
import Workflows

/// The schema is written once where it can be and twice where it must be. What it says is the same on both engines, but
/// for what is declared here.
@Suite struct TheSchemaOnBothEngines {
    /// What only one engine has, and why.
    static let differences: [(engine: Engine, line: String, reason: String)] = [
        (
            .postgres, "exclusion claim_overlap of claim",
            "SQLite has no exclusion constraints; there the triggers claim_insert and claim_update do the same"
        ),
        (.postgres, "function hold_directory", "SQLite has one writer: nobody changes the directory meanwhile"),
        (.postgres, "function refuse_missing_lane", "PostgreSQL's triggers call a function, SQLite's contain their text"),
        (.postgres, "function refuse_rewriting", "PostgreSQL's triggers call a function, SQLite's contain their text"),
        (.postgres, "function refuse_closed_patient", "PostgreSQL's triggers call a function, SQLite's contain their text"),
        (.postgres, "function refuse_fewer_lanes", "PostgreSQL's triggers call a function, SQLite's contain their text"),
        (
            .sqlite, "column event.7 position INTEGER",
            "one process writes to SQLite and needs no order of transactions; the column stays empty there"
        ),
        (.postgres, "column event.7 position INTEGER not null", "other nodes ask what happened since"),
        (.postgres, "index event_position of event (position)", "other nodes ask what happened since"),
        (.sqlite, "column schema_migration.1 number INTEGER", "SQLite's INTEGER PRIMARY KEY is never null and does not say so"),
        (.postgres, "column schema_migration.1 number INTEGER not null", "as above"),
    ]

    private func lines(_ engine: Engine, after change: SQL = "SELECT 1") async throws -> Set<String> {
        try await Workshop.open(engine) { workshop in
            try await workshop.database.write { try $0.execute(change) }
            return try await workshop.database.read { transaction in
                var lines = try transaction.fetch(ColumnLines()) + transaction.fetch(KeyLines())
                lines += try transaction.fetch(ReferenceLines()) + transaction.fetch(IndexLines())
                lines += try transaction.fetch(RoutineLines()) + transaction.fetch(CheckLines()).joined()
                return Set(lines)
            }
        }
    }

    private func disagreements(_ sqlite: Set<String>, _ postgres: Set<String>) -> [String] {
        [(Engine.sqlite, sqlite, postgres), (.postgres, postgres, sqlite)].flatMap { engine, own, other in
            let declared = Set(Self.differences.filter { $0.engine == engine }.map(\.line))
            let found = own.subtracting(other)
            return found.subtracting(declared).sorted().map { "only on \(engine): \($0)" }
                + declared.subtracting(found).sorted().map { "declared for \(engine) and not so: \($0)" }
        }
    }

    @Test func `says the same, but for what is declared`() async throws {
        let (sqlite, postgres) = (try await lines(.sqlite), try await lines(.postgres))
        for kind in ["column", "key", "reference", "index", "check", "trigger"] {
            #expect(sqlite.contains { $0.hasPrefix(kind) } && postgres.contains { $0.hasPrefix(kind) }, "\(kind)")
        }
        #expect(sqlite.count > 150)
        #expect(disagreements(sqlite, postgres) == [])
    }

    @Test(arguments: [
        "ALTER TABLE patient ADD COLUMN nickname text", "ALTER TABLE patient ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE notice ALTER COLUMN payload TYPE boolean USING true", "DROP INDEX appointment_held",
        "DROP INDEX outbox_lease; CREATE INDEX outbox_lease ON outbox (lease_until)",
        "ALTER TABLE appointment DROP CONSTRAINT appointment_hold", "ALTER TABLE claim DROP CONSTRAINT claim_overlap",
        "ALTER TABLE claim DROP CONSTRAINT claim_appointment_id_fkey", "ALTER TABLE audit DROP CONSTRAINT audit_pkey",
        "DROP TRIGGER claim_update ON claim",
    ])
    func `would be found to differ after any change on one of them`(change: String) async throws {
        let (sqlite, postgres) = (try await lines(.sqlite), try await lines(.postgres, after: SQL(change)))
        #expect(disagreements(sqlite, postgres) != [])
    }
}

// Each says the same in the same words, whichever engine is asked.

/// `column appointment.3 visit_type_id BLOB not null`, in the words of SQLite's types.
private struct ColumnLines: Query {
    static let sql = SQL(
        sqlite: """
            SELECT 'column ' || m.name || '.' || (c.cid + 1) || ' ' || c.name || ' ' || c.type
                || CASE WHEN c."notnull" THEN ' not null' ELSE '' END
            FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
            """,
        postgres: """
            SELECT 'column ' || table_name || '.' || ordinal_position || ' ' || column_name || ' '
                || CASE WHEN data_type IN ('uuid', 'bytea') THEN 'BLOB'
                    WHEN data_type IN ('text', 'json') THEN 'TEXT'
                    WHEN data_type IN ('bigint', 'integer', 'boolean', 'timestamp with time zone') THEN 'INTEGER'
                    ELSE data_type END
                || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END
            FROM information_schema.columns WHERE table_schema = 'public'
            """)
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// `key of claim (holder_id, from_at, lane)`
private struct KeyLines: Query {
    static let sql = SQL(
        sqlite: """
            SELECT 'key of ' || t || ' (' || group_concat(c, ', ') || ')' FROM (
                SELECT m.name AS t, c.name AS c FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
                WHERE m.type = 'table' AND c.pk > 0 ORDER BY m.name, c.pk) GROUP BY t
            """,
        postgres: """
            SELECT 'key of ' || conrelid::regclass || ' (' || (
                SELECT string_agg(attname, ', ' ORDER BY place) FROM unnest(conkey) WITH ORDINALITY AS k (number, place)
                JOIN pg_attribute ON attrelid = conrelid AND attnum = number) || ')'
            FROM pg_constraint WHERE contype = 'p' AND connamespace = 'public'::regnamespace
            """)
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// `reference claim.appointment_id to appointment.id NO ACTION`
private struct ReferenceLines: Query {
    static let sql = SQL(
        sqlite: """
            SELECT 'reference ' || m.name || '.' || f."from" || ' to ' || f."table" || '.' || f."to" || ' ' || f.on_delete
            FROM sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'
            """,
        postgres: """
            SELECT 'reference ' || conrelid::regclass || '.' || own.attname || ' to ' || confrelid::regclass || '.'
                || other.attname || ' ' || CASE confdeltype WHEN 'a' THEN 'NO ACTION' ELSE 'something else' END
            FROM pg_constraint JOIN pg_attribute AS own ON own.attrelid = conrelid AND own.attnum = ANY (conkey)
            JOIN pg_attribute AS other ON other.attrelid = confrelid AND other.attnum = ANY (confkey)
            WHERE contype = 'f' AND connamespace = 'public'::regnamespace
            """)
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// `index outbox_dedupe of outbox (topic, dedupe_key) unique partial`; those of keys and exclusions are named by these.
private struct IndexLines: Query {
    static let sql = SQL(
        sqlite: """
            SELECT 'index ' || i.name || ' of ' || m.name || ' ('
                || (SELECT group_concat(name, ', ') FROM pragma_index_info(i.name)) || ')'
                || CASE WHEN i."unique" THEN ' unique' ELSE '' END || CASE WHEN i.partial THEN ' partial' ELSE '' END
            FROM sqlite_master AS m JOIN pragma_index_list(m.name) AS i WHERE m.type = 'table' AND i.origin = 'c'
            """,
        postgres: """
            SELECT 'index ' || relname || ' of ' || indrelid::regclass || ' (' || (
                    SELECT string_agg(attname, ', ' ORDER BY place)
                    FROM unnest(indkey::int2[]) WITH ORDINALITY AS k (number, place)
                    JOIN pg_attribute ON attrelid = indrelid AND attnum = number) || ')'
                || CASE WHEN indisunique THEN ' unique' ELSE '' END
                || CASE WHEN indpred IS NOT NULL THEN ' partial' ELSE '' END
            FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE relnamespace = 'public'::regnamespace
                AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
            """)
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// What is done by the schema itself: `trigger claim_insert of claim`.
private struct RoutineLines: Query {
    static let sql = SQL(
        sqlite: "SELECT 'trigger ' || name || ' of ' || tbl_name FROM sqlite_master WHERE type = 'trigger'",
        postgres: """
            SELECT 'trigger ' || tgname || ' of ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal
            UNION ALL SELECT 'exclusion ' || conname || ' of ' || conrelid::regclass FROM pg_constraint
            WHERE contype = 'x' AND connamespace = 'public'::regnamespace
            UNION ALL SELECT 'function ' || proname FROM pg_proc
            LEFT JOIN pg_depend ON pg_depend.objid = pg_proc.oid AND deptype = 'e'
            WHERE pronamespace = 'public'::regnamespace AND deptype IS NULL
            """)
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// `check claim_range of claim`
private struct CheckLines: Query {
    static let sql = SQL(
        sqlite: "SELECT name, sql FROM sqlite_master WHERE type = 'table'",
        postgres: """
            SELECT conrelid::regclass::text, 'CONSTRAINT ' || conname || ' CHECK' FROM pg_constraint
            WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conrelid <> 0
            """)
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> [String] {
        let (table, text) = (try columns.text(0), try columns.text(1))
        return text.matches(of: #/CONSTRAINT\s+(\w+)\s+CHECK/#).map { "check \($0.1) of \(table)" }
    }
}
