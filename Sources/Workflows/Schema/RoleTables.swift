import Storage

/// More roles than at first, and the places a role of an account is good for.
enum RoleTables {
    static let up: [SQL] =
        widened(to: "'patient', 'practitioner', 'desk', 'admin', 'billing', 'privacy', 'service'") + [
            // No row says everywhere.
            SQL(
                table: """
                    CREATE TABLE account_place (
                        account_id {uuid} NOT NULL REFERENCES account (id),
                        role {text} NOT NULL,
                        location_id {uuid} NOT NULL REFERENCES location (id),
                        PRIMARY KEY (account_id, role, location_id)
                    ) {clustered}
                    """)
        ]

    static let down: [SQL] =
        [
            "DROP TABLE account_place",
            "DELETE FROM account_role WHERE role NOT IN ('patient', 'practitioner', 'desk', 'admin')",
        ] + widened(to: "'patient', 'practitioner', 'desk', 'admin'")

    /// SQLite keeps a table's checks for good, so there the table is made anew.
    private static func widened(to roles: String) -> [SQL] {
        let known = "CONSTRAINT account_role_known CHECK (role IN (\(roles)))"
        return [
            onlyOnSQLite(
                """
                CREATE TABLE account_role_anew (
                    account_id BLOB NOT NULL REFERENCES account (id),
                    role TEXT NOT NULL \(known),
                    subject_id BLOB NOT NULL,
                    PRIMARY KEY (account_id, role)
                ) STRICT, WITHOUT ROWID
                """),
            onlyOnSQLite("INSERT INTO account_role_anew SELECT account_id, role, subject_id FROM account_role"),
            SQL(sqlite: "DROP TABLE account_role", postgres: "ALTER TABLE account_role DROP CONSTRAINT account_role_known"),
            SQL(
                sqlite: "ALTER TABLE account_role_anew RENAME TO account_role",
                postgres: "ALTER TABLE account_role ADD \(known)"),
        ]
    }

    private static func onlyOnSQLite(_ text: String) -> SQL { SQL(sqlite: text, postgres: "SELECT 1") }
}
