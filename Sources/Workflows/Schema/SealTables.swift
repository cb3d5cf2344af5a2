import Storage

/// The seals over the audit trail, what waits for one, and what keeps anybody from rewriting either.
enum SealTables {
    static let up: [SQL] =
        [
            SQL(
                table: """
                    CREATE TABLE audit_unsealed (
                        id {uuid} NOT NULL PRIMARY KEY,
                        subject_id {uuid} NOT NULL
                    ) {clustered}
                    """),
            // `members`: subject, identifier and digest of each record, 64 bytes, in the order they were sealed in.
            SQL(
                table: """
                    CREATE TABLE audit_seal (
                        number {number} NOT NULL PRIMARY KEY,
                        at {instant} NOT NULL,
                        count {number} NOT NULL,
                        members {bytes} NOT NULL,
                        root {bytes} NOT NULL,
                        link {bytes} NOT NULL,
                        public_key {bytes} NOT NULL,
                        signature {bytes} NOT NULL,
                        CONSTRAINT audit_seal_members CHECK (length(members) = 64 * count)
                    ) {strict}
                    """),
            "INSERT INTO audit_unsealed (id, subject_id) SELECT id, subject_id FROM audit",
            SQL(
                sqlite: "SELECT 1",
                postgres: """
                    CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN
                        RAISE EXCEPTION 'audit_append_only' USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_append_only';
                    END
                    $$
                    """),
        ] + appendOnly("audit", key: "subject_id = NEW.subject_id AND id = NEW.id")
        + appendOnly("audit_seal", key: "number = NEW.number")

    static let down: [SQL] = [
        dropped("audit_seal", "update"), dropped("audit_seal", "delete"), dropped("audit_seal", "replace"),
        dropped("audit", "update"), dropped("audit", "delete"), dropped("audit", "replace"),
        SQL(sqlite: "SELECT 1", postgres: "DROP FUNCTION refuse_rewriting"), "DROP TABLE audit_seal", "DROP TABLE audit_unsealed",
    ]

    /// Nobody changes or deletes a row, whoever writes. REPLACE on SQLite deletes without a word to the trigger for deletions, and
    /// TRUNCATE on PostgreSQL likewise, so each has a trigger of its own.
    private static func appendOnly(_ table: String, key: String) -> [SQL] {
        func refusal(_ what: String) -> String {
            "CREATE TRIGGER \(table)_\(what) BEFORE \(what.uppercased()) ON \(table) BEGIN SELECT RAISE(ABORT, 'audit_append_only'); END"
        }
        func refusal(_ what: String, _ event: String, _ each: String) -> String {
            "CREATE TRIGGER \(table)_\(what) BEFORE \(event) ON \(table) FOR EACH \(each) EXECUTE FUNCTION refuse_rewriting()"
        }
        return [
            SQL(sqlite: refusal("update"), postgres: refusal("update", "UPDATE", "ROW")),
            SQL(sqlite: refusal("delete"), postgres: refusal("delete", "DELETE", "ROW")),
            SQL(
                sqlite: """
                    CREATE TRIGGER \(table)_replace BEFORE INSERT ON \(table)
                    WHEN EXISTS (SELECT 1 FROM \(table) WHERE \(key)) BEGIN SELECT RAISE(ABORT, 'audit_append_only'); END
                    """,
                postgres: refusal("replace", "TRUNCATE", "STATEMENT")),
        ]
    }

    private static func dropped(_ table: String, _ what: String) -> SQL {
        SQL(sqlite: "DROP TRIGGER \(table)_\(what)", postgres: "DROP TRIGGER \(table)_\(what) ON \(table)")
    }
}
