import Storage

/// Where practitioners are reached, and the messages that go there.
enum StaffTables {
    static let up: [SQL] = [
        // Address and number are sealed. Nobody looks for a practitioner by them, so nothing finds one by them.
        SQL(
            table: """
                CREATE TABLE staff_contact (
                    id {uuid} NOT NULL PRIMARY KEY REFERENCES resource (id),
                    email {text},
                    phone {text},
                    told {json} NOT NULL,
                    within_hours {number} NOT NULL CONSTRAINT staff_contact_within CHECK (within_hours > 0),
                    language {text},
                    quiet_from {number},
                    quiet_until {number},
                    zone {text},
                    version {number} NOT NULL,
                    CONSTRAINT staff_contact_quiet CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
                ) {clustered}
                """),
        // Null is a message to a patient; in all others `patient_id` is the practitioner's.
        SQL(table: "ALTER TABLE message ADD COLUMN staff_change {text}"),
    ]

    static let down: [SQL] = [
        "DELETE FROM message WHERE staff_change IS NOT NULL", "ALTER TABLE message DROP COLUMN staff_change",
        "DROP TABLE staff_contact",
    ]
}
