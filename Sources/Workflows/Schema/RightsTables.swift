import Storage

/// What patients ask to have corrected, records that are closed, how long they are kept, and the words of the audit that go when
/// somebody is erased.
enum RightsTables {
    static let up: [SQL] =
        [
            "ALTER TABLE patient ADD COLUMN birth_date TEXT",
            SQL(table: "ALTER TABLE patient ADD COLUMN closed_at {instant}"),
            SQL(table: "ALTER TABLE patient ADD COLUMN erased_at {instant}"),
            "CREATE INDEX patient_closed ON patient (id) WHERE closed_at IS NOT NULL AND erased_at IS NULL",
            SQL(table: "ALTER TABLE idempotency ADD COLUMN subject_id {uuid}"),
            "CREATE INDEX idempotency_subject ON idempotency (subject_id) WHERE subject_id IS NOT NULL",
            "CREATE INDEX emergency_of_patient ON emergency_access (patient_id)",
            SQL(
                table: """
                    CREATE TABLE audit_reason (
                        subject_id {uuid} NOT NULL,
                        id {uuid} NOT NULL,
                        reason {text} NOT NULL,
                        PRIMARY KEY (subject_id, id)
                    ) {clustered}
                    """),
            SQL(
                table: """
                    CREATE TABLE correction (
                        id {uuid} NOT NULL PRIMARY KEY,
                        patient_id {uuid} NOT NULL REFERENCES patient (id),
                        field {text} NOT NULL CONSTRAINT correction_field CHECK (field IN
                            ('name', 'birthDate', 'email', 'phone', 'recordNumber')),
                        says {text},
                        should_say {text},
                        statement {text} NOT NULL,
                        state {text} NOT NULL CONSTRAINT correction_state CHECK (state IN ('open', 'accepted', 'denied')),
                        asked_by {text} NOT NULL,
                        asked_at {instant} NOT NULL,
                        due_at {instant} NOT NULL,
                        extension_reason {text},
                        decided_by {text},
                        decided_at {instant},
                        basis {text} CONSTRAINT correction_basis CHECK (basis IN
                            ('not-created-here', 'not-in-record-set', 'not-open-to-access', 'accurate-and-complete')),
                        decision_reason {text},
                        disagreement {text},
                        disagreed_at {instant},
                        version {number} NOT NULL,
                        CONSTRAINT correction_decision CHECK ((state = 'open') = (decided_at IS NULL)
                            AND (decided_at IS NULL) = (decided_by IS NULL)),
                        CONSTRAINT correction_denial CHECK ((state = 'denied') = (basis IS NOT NULL)
                            AND (basis IS NULL) = (decision_reason IS NULL)),
                        CONSTRAINT correction_disagreement CHECK ((disagreement IS NULL) = (disagreed_at IS NULL)
                            AND (disagreement IS NULL OR state = 'denied'))
                    ) {clustered}
                    """),
            "CREATE UNIQUE INDEX correction_open ON correction (patient_id, field) WHERE state = 'open'",
            "CREATE INDEX correction_of_patient ON correction (patient_id, id)",
            "CREATE INDEX correction_due ON correction (due_at, id) WHERE state = 'open'",
            // `accounts`: each that was closed with it, and what it was before.
            SQL(
                table: """
                    CREATE TABLE patient_closure (
                        id {uuid} NOT NULL PRIMARY KEY REFERENCES patient (id),
                        reason {text} NOT NULL,
                        closed_by {text} NOT NULL,
                        accounts {json} NOT NULL
                    ) {clustered}
                    """),
            SQL(
                table: """
                    CREATE TABLE legal_hold (
                        id {uuid} NOT NULL PRIMARY KEY REFERENCES patient (id),
                        reason {text} NOT NULL,
                        placed_by {text} NOT NULL,
                        placed_at {instant} NOT NULL
                    ) {clustered}
                    """),
            SQL(
                table: """
                    CREATE TABLE retention_rule (
                        name {text} NOT NULL PRIMARY KEY,
                        value {number} NOT NULL CONSTRAINT retention_rule_value CHECK (value >= 0)
                    ) {clustered}
                    """),
        ] + closed

    /// A closed record takes no appointment, whoever writes it. PostgreSQL waits there for whoever closes the record at this moment,
    /// as the foreign key does. What was before, or came to nothing, may be brought along from elsewhere.
    private static let closed: [SQL] = [
        SQL(
            sqlite: "SELECT 1",
            postgres: """
                CREATE FUNCTION refuse_closed_patient() RETURNS trigger LANGUAGE plpgsql AS $$
                DECLARE ended timestamptz;
                BEGIN
                    SELECT closed_at INTO ended FROM patient WHERE id = NEW.patient_id FOR KEY SHARE;
                    IF ended IS NOT NULL AND NEW.start_at >= ended
                        AND (SELECT state FROM appointment WHERE id = NEW.appointment_id) IN ('pending', 'booked') THEN
                        RAISE EXCEPTION 'patient_closed' USING ERRCODE = 'check_violation', CONSTRAINT = 'patient_closed';
                    END IF;
                    RETURN NEW;
                END
                $$
                """),
        guarding("insert"), guarding("update"),
    ]

    private static func guarding(_ event: String) -> SQL {
        let name = "appointment_patient_\(event)"
        return SQL(
            sqlite: """
                CREATE TRIGGER \(name) BEFORE \(event.uppercased()) ON appointment_patient BEGIN
                    SELECT RAISE(ABORT, 'patient_closed')
                    WHERE NEW.start_at >= (SELECT closed_at FROM patient WHERE id = NEW.patient_id)
                        AND (SELECT state FROM appointment WHERE id = NEW.appointment_id) IN ('pending', 'booked');
                END
                """,
            postgres: """
                CREATE TRIGGER \(name) BEFORE \(event.uppercased()) ON appointment_patient
                FOR EACH ROW EXECUTE FUNCTION refuse_closed_patient()
                """)
    }

    static let down: [SQL] = [
        SQL(
            sqlite: "DROP TRIGGER appointment_patient_insert",
            postgres: "DROP TRIGGER appointment_patient_insert ON appointment_patient"),
        SQL(
            sqlite: "DROP TRIGGER appointment_patient_update",
            postgres: "DROP TRIGGER appointment_patient_update ON appointment_patient"),
        SQL(sqlite: "SELECT 1", postgres: "DROP FUNCTION refuse_closed_patient"),
        "DROP TABLE retention_rule", "DROP TABLE legal_hold", "DROP TABLE patient_closure", "DROP TABLE correction",
        "DROP TABLE audit_reason", "DROP INDEX emergency_of_patient", "DROP INDEX idempotency_subject",
        "ALTER TABLE idempotency DROP COLUMN subject_id", "DROP INDEX patient_closed",
        "ALTER TABLE patient DROP COLUMN erased_at", "ALTER TABLE patient DROP COLUMN closed_at",
        "ALTER TABLE patient DROP COLUMN birth_date",
    ]
}
