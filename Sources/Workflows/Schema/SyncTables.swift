import Storage

/// How far a hospital's records are in step, appointment by appointment, and how each system outside does.
enum SyncTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE records_link (
                    appointment_id {uuid} NOT NULL PRIMARY KEY REFERENCES appointment (id),
                    their_id {text} NOT NULL,
                    their_version {text} NOT NULL,
                    our_version {number} NOT NULL,
                    updated_at {instant} NOT NULL
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE sync_state (
                    system {text} NOT NULL PRIMARY KEY,
                    last_success_at {instant},
                    last_failure_at {instant},
                    failures {number} NOT NULL,
                    last_error {text}
                ) {clustered}
                """),
    ]

    static let down: [SQL] = ["DROP TABLE sync_state", "DROP TABLE records_link"]
}
