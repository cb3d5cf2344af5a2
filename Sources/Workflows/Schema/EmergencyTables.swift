import Storage

/// Who broke the glass, for whom and why, until when, and what whoever looked into it found.
enum EmergencyTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE emergency_access (
                    id {uuid} NOT NULL PRIMARY KEY,
                    principal {text} NOT NULL,
                    patient_id {uuid} NOT NULL REFERENCES patient (id),
                    reason {text} NOT NULL,
                    begun_at {instant} NOT NULL,
                    ends_at {instant} NOT NULL,
                    reviewed_by {text},
                    reviewed_at {instant},
                    verdict {text} CONSTRAINT emergency_verdict_known CHECK (verdict IN ('justified', 'unjustified')),
                    note {text},
                    CONSTRAINT emergency_range CHECK (begun_at <= ends_at),
                    CONSTRAINT emergency_review CHECK ((reviewed_at IS NULL) = (verdict IS NULL)
                        AND (reviewed_at IS NULL) = (reviewed_by IS NULL))
                ) {clustered}
                """),
        "CREATE INDEX emergency_of_caller ON emergency_access (principal, patient_id, ends_at)",
        // Whom to tell of it.
        "CREATE INDEX account_role_of ON account_role (role, subject_id)",
        "CREATE INDEX emergency_unreviewed ON emergency_access (id) WHERE reviewed_at IS NULL",
    ]

    static let down: [SQL] = ["DROP INDEX account_role_of", "DROP TABLE emergency_access"]
}
