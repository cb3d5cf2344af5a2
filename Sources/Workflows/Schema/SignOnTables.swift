import Storage

/// Whom other identity providers mean when they name somebody, and which sessions began with one.
enum SignOnTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE account_link (
                    issuer {text} NOT NULL,
                    subject {text} NOT NULL,
                    account_id {uuid} NOT NULL REFERENCES account (id),
                    linked_at {instant} NOT NULL,
                    PRIMARY KEY (issuer, subject),
                    CONSTRAINT account_link_once UNIQUE (account_id, issuer)
                ) {clustered}
                """),
        // NULL where it began with a password.
        "ALTER TABLE session ADD COLUMN issuer TEXT",
    ]

    static let down: [SQL] = ["ALTER TABLE session DROP COLUMN issuer", "DROP TABLE account_link"]
}
