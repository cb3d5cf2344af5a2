import Storage

/// Where accounts' owners are written to, and what they were written.
enum LetterTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE account_email (
                    account_id {uuid} NOT NULL PRIMARY KEY REFERENCES account (id),
                    address {text} NOT NULL,
                    verified_at {instant},
                    language {text}
                ) {strict}
                """),
        // Whoever names an address that is not theirs keeps nobody from having it.
        "CREATE UNIQUE INDEX account_email_verified ON account_email (address) WHERE verified_at IS NOT NULL",
        // Nothing in here does what a letter asks for: that takes the clinic's secret.
        SQL(
            table: """
                CREATE TABLE letter (
                    id {uuid} NOT NULL PRIMARY KEY,
                    account_id {uuid} NOT NULL REFERENCES account (id),
                    kind {text} NOT NULL CONSTRAINT letter_kind CHECK (kind IN
                        ('invitation', 'verification', 'password-reset', 'password-changed', 'email-change', 'email-changed')),
                    address {text},
                    created_at {instant} NOT NULL,
                    expires_at {instant} NOT NULL,
                    used_at {instant},
                    likeness {bytes} NOT NULL
                ) {strict}
                """),
        "CREATE INDEX letter_of_account ON letter (account_id, kind, created_at)",
        "CREATE INDEX letter_expiry ON letter (expires_at)",
    ]

    static let down: [SQL] = ["DROP TABLE letter", "DROP TABLE account_email"]
}
