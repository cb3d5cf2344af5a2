public import Storage

/// What the role the server works as may do on PostgreSQL, where another role owns the tables: everything the work takes, and of the
/// audit to add and to read. Who owns a table can take its triggers away; this role cannot.
public struct ServingRole: Sendable {
    /// Nobody changes or deletes what is in them.
    private static let appendOnly = ["audit", "audit_seal"]

    private let name: String

    /// - Parameter name: of a role that is there.
    public init(_ name: String) { self.name = name }

    /// Gives it what it needs of a schema that is up to date, and takes the rest. Whoever runs this owns the tables; again and again
    /// is the same as once.
    public func grant(in database: any Database) async throws {
        let statements = statements
        try await database.doing(.background).write { transaction in
            for statement in statements { try transaction.execute(SQL(sqlite: "SELECT 1", postgres: statement)) }
        }
    }

    private var statements: [String] {
        let role = "\"\(name.replacing("\"", with: "\"\""))\""
        let audit = Self.appendOnly.joined(separator: ", ")
        return [
            "GRANT USAGE ON SCHEMA public TO \(role)",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \(role)",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO \(role)",
            "REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON \(audit) FROM \(role)",
            // What somebody said is erased with them, and never put otherwise.
            "REVOKE UPDATE, TRUNCATE, REFERENCES, TRIGGER ON audit_reason FROM \(role)",
            // Which version the schema has is for those to say who change it.
            "REVOKE INSERT, UPDATE, DELETE ON schema_migration FROM \(role)",
        ]
    }
}

/// Who a connection works as.
public struct CurrentRole: Query {
    public static let sql = SQL(sqlite: "SELECT 'nobody'", postgres: "SELECT CAST(current_user AS text)")
    public var bindings: [SQLValue] { [] }
    public static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
    public init() {}
}

/// Whether whoever is connected could rewrite the audit: because they may change it, or own it and may let themselves. With the
/// embedded database that is whoever can write the file.
public struct MayRewriteAudit: Query {
    public static let sql = SQL(
        sqlite: "SELECT 1",
        postgres: """
            SELECT CASE WHEN has_table_privilege('audit', 'UPDATE') OR has_table_privilege('audit', 'DELETE')
                OR pg_has_role(relowner, 'USAGE') THEN 1 ELSE 0 END::bigint FROM pg_class WHERE oid = 'audit'::regclass
            """)
    public var bindings: [SQLValue] { [] }
    public static func row(_ columns: any Columns) throws -> Bool { try columns.int(0) == 1 }
    public init() {}
}
