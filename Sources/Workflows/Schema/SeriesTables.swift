import Storage

/// Appointments that were booked together, and by which rule.
enum SeriesTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE appointment_series (
                    id {uuid} NOT NULL PRIMARY KEY,
                    visit_type_id {uuid} NOT NULL,
                    practitioner_id {uuid} NOT NULL,
                    patients {json} NOT NULL,
                    rule {text} NOT NULL,
                    start_at {instant} NOT NULL,
                    zone {text} NOT NULL,
                    exceptions {json} NOT NULL,
                    created_by {text} NOT NULL,
                    created_at {instant} NOT NULL,
                    version {number} NOT NULL
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE series_visit (
                    series_id {uuid} NOT NULL REFERENCES appointment_series (id),
                    number {number} NOT NULL CONSTRAINT series_visit_number CHECK (number BETWEEN 1 AND 53),
                    appointment_id {uuid} NOT NULL REFERENCES appointment (id),
                    PRIMARY KEY (series_id, number)
                ) {clustered}
                """),
        "CREATE UNIQUE INDEX series_visit_once ON series_visit (appointment_id)",
    ]

    static let down: [SQL] = ["DROP TABLE series_visit", "DROP TABLE appointment_series"]
}
