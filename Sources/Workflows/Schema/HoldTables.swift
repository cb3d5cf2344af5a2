import Storage

/// Times that patients hold for themselves, until they confirm them; and for a while those that came to nothing.
enum HoldTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE patient_hold (
                    appointment_id {uuid} NOT NULL PRIMARY KEY REFERENCES appointment (id),
                    patient_id {uuid} NOT NULL,
                    lapsed_at {instant}
                ) {clustered}
                """),
        "CREATE INDEX patient_hold_of_patient ON patient_hold (patient_id, lapsed_at)",
        "CREATE INDEX patient_hold_lapsed ON patient_hold (lapsed_at)",
    ]

    static let down: [SQL] = ["DROP TABLE patient_hold"]
}
