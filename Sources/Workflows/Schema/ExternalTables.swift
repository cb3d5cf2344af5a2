import Storage

/// Appointments that somebody else's calendar has to agree to: see `ExternalEntry`.
enum ExternalTables {
    static let up: [SQL] = [
        "ALTER TABLE resource ADD COLUMN provider TEXT",
        SQL(
            table: """
                CREATE TABLE external_entry (
                    id {uuid} NOT NULL PRIMARY KEY,
                    appointment_id {uuid} NOT NULL REFERENCES appointment (id),
                    provider {text} NOT NULL,
                    start_at {instant} NOT NULL,
                    state {text} NOT NULL CONSTRAINT external_entry_state CHECK (state IN
                        ('pending', 'confirmed', 'failed', 'cancelling', 'cancelled')),
                    attempts {number} NOT NULL,
                    last_answer {text},
                    asked_until {instant} NOT NULL,
                    created_at {instant} NOT NULL,
                    updated_at {instant} NOT NULL
                ) {clustered}
                """),
        "CREATE INDEX external_entry_of_appointment ON external_entry (appointment_id, id)",
        "CREATE INDEX external_entry_unsettled ON external_entry (updated_at, id) WHERE state IN ('pending', 'cancelling')",
    ]

    static let down: [SQL] = ["DROP TABLE external_entry", "ALTER TABLE resource DROP COLUMN provider"]
}
