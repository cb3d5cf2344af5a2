import Storage

/// Who may sign in, as what, and which sessions there are.
enum AccountTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE account (
                    id {uuid} NOT NULL PRIMARY KEY,
                    login {text} NOT NULL CONSTRAINT account_login UNIQUE,
                    state {text} NOT NULL CONSTRAINT account_state CHECK (state IN ('active', 'locked', 'closed')),
                    password_hash {text} NOT NULL,
                    password_set_at {instant} NOT NULL,
                    created_at {instant} NOT NULL
                ) {strict}
                """),
        SQL(
            table: """
                CREATE TABLE account_role (
                    account_id {uuid} NOT NULL REFERENCES account (id),
                    role {text} NOT NULL CONSTRAINT account_role_known CHECK (role IN ('patient', 'practitioner', 'desk', 'admin')),
                    subject_id {uuid} NOT NULL,
                    PRIMARY KEY (account_id, role)
                ) {clustered}
                """),
        // `turn` counts how often it was continued. Nothing in here continues a session: that takes the clinic's secret.
        SQL(
            table: """
                CREATE TABLE session (
                    id {uuid} NOT NULL PRIMARY KEY,
                    account_id {uuid} NOT NULL REFERENCES account (id),
                    role {text} NOT NULL,
                    subject_id {uuid} NOT NULL,
                    device {text},
                    turn {number} NOT NULL,
                    turned_at {instant} NOT NULL,
                    created_at {instant} NOT NULL,
                    expires_at {instant} NOT NULL,
                    ended_at {instant},
                    end_reason {text},
                    CONSTRAINT session_end CHECK ((ended_at IS NULL) = (end_reason IS NULL))
                ) {clustered}
                """),
        "CREATE INDEX session_of_account ON session (account_id, id)",
        "CREATE INDEX session_ended ON session (ended_at) WHERE ended_at IS NOT NULL",
        "CREATE INDEX session_expiry ON session (expires_at)",
        // `name` is a digest: what was typed as a login is sometimes a password.
        SQL(
            table: """
                CREATE TABLE login_failure (
                    name {bytes} NOT NULL PRIMARY KEY,
                    count {number} NOT NULL,
                    last_at {instant} NOT NULL
                ) {strict}
                """),
        "CREATE INDEX login_failure_age ON login_failure (last_at)",
        SQL(
            table: """
                CREATE TABLE second_factor (
                    account_id {uuid} NOT NULL PRIMARY KEY REFERENCES account (id),
                    sealed_secret {bytes} NOT NULL,
                    confirmed_at {instant},
                    last_step {number} NOT NULL
                ) {strict}
                """),
        SQL(
            table: """
                CREATE TABLE recovery_code (
                    account_id {uuid} NOT NULL REFERENCES account (id),
                    digest {bytes} NOT NULL,
                    PRIMARY KEY (account_id, digest)
                ) {clustered}
                """),
    ]

    static let down: [SQL] = [
        "DROP TABLE recovery_code", "DROP TABLE second_factor", "DROP TABLE login_failure", "DROP TABLE session",
        "DROP TABLE account_role", "DROP TABLE account",
    ]
}
