import Storage

/// What partners have told, until it is handled; and that it was told, for as long as they may say it again.
enum IncomingTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE incoming (
                    id {uuid} NOT NULL PRIMARY KEY,
                    partner {text} NOT NULL CONSTRAINT incoming_partner CHECK (partner IN ('payments', 'texts')),
                    key {text} NOT NULL,
                    received_at {instant} NOT NULL,
                    content {text},
                    handled_at {instant},
                    CONSTRAINT incoming_content CHECK ((content IS NULL) = (handled_at IS NOT NULL))
                ) {clustered}
                """),
        // What makes each count once.
        "CREATE UNIQUE INDEX incoming_once ON incoming (partner, key)",
        "CREATE INDEX incoming_age ON incoming (received_at)",
    ]

    static let down: [SQL] = ["DROP TABLE incoming"]
}
