import Storage

/// What only a human can settle: see `ClinicTask`.
enum TaskTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE task (
                    id {uuid} NOT NULL PRIMARY KEY,
                    kind {text} NOT NULL,
                    dedupe_key {text} NOT NULL,
                    appointment_id {uuid},
                    patient_id {uuid},
                    details {json} NOT NULL,
                    at {instant} NOT NULL,
                    state {text} NOT NULL CONSTRAINT task_state CHECK (state IN ('open', 'done')),
                    done_by {text},
                    done_at {instant},
                    version {number} NOT NULL,
                    CONSTRAINT task_completion CHECK ((state = 'open') = (done_at IS NULL) AND (done_at IS NULL) = (done_by IS NULL))
                ) {clustered}
                """),
        "CREATE UNIQUE INDEX task_key ON task (kind, dedupe_key)",
        "CREATE INDEX task_open ON task (at, id) WHERE state = 'open'",
    ]

    static let down: [SQL] = ["DROP TABLE task"]
}
