import Storage

/// What is remembered about each change: the event others hear, the audit, the stored answer, the notices.
enum RecordTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE event (
                    id {uuid} NOT NULL PRIMARY KEY,
                    kind {text} NOT NULL,
                    appointment_id {uuid} NOT NULL,
                    at {instant} NOT NULL,
                    payload {json} NOT NULL,
                    touched {json},
                    position {position}
                ) {clustered}
                """),
        // What a node asks that wants to know what others have changed.
        SQL(sqlite: "SELECT 1", postgres: "CREATE INDEX event_position ON event (position)"),
        SQL(
            table: """
                CREATE TABLE audit (
                    subject_id {uuid} NOT NULL,
                    id {uuid} NOT NULL,
                    at {instant} NOT NULL,
                    by {text} NOT NULL,
                    act {text} NOT NULL,
                    from_state {text},
                    to_state {text},
                    reason {text},
                    overridden {text},
                    request_id {text} NOT NULL,
                    PRIMARY KEY (subject_id, id)
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE idempotency (
                    principal {text} NOT NULL,
                    key {text} NOT NULL,
                    operation {text} NOT NULL,
                    fingerprint {bytes} NOT NULL,
                    status {number} NOT NULL,
                    etag {text},
                    location {text},
                    content_type {text} NOT NULL,
                    body {bytes} NOT NULL,
                    expires_at {instant} NOT NULL,
                    PRIMARY KEY (key, principal)
                ) {strict}
                """),
        "CREATE INDEX idempotency_expiry ON idempotency (expires_at)",
        SQL(
            table: """
                CREATE TABLE notice (
                    id {uuid} NOT NULL PRIMARY KEY,
                    recipient_id {uuid} NOT NULL,
                    recipient_role {text} NOT NULL,
                    kind {text} NOT NULL,
                    appointment_id {uuid} NOT NULL,
                    at {instant} NOT NULL,
                    payload {json} NOT NULL
                ) {clustered}
                """),
        "CREATE INDEX notice_of_recipient ON notice (recipient_id, id)",
    ]

    static let down: [SQL] = ["DROP TABLE notice", "DROP TABLE idempotency", "DROP TABLE audit", "DROP TABLE event"]
}
