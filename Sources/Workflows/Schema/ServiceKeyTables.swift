import Storage

/// Public keys of services that sign for themselves, and which of their assertions were used, until those expire.
enum ServiceKeyTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE service_key (
                    service_id {uuid} NOT NULL REFERENCES service (id),
                    name {text} NOT NULL,
                    document {text} NOT NULL,
                    created_at {instant} NOT NULL,
                    PRIMARY KEY (service_id, name)
                ) {clustered}
                """),
        // The key is what makes each good once.
        SQL(
            table: """
                CREATE TABLE service_assertion (
                    service_id {uuid} NOT NULL REFERENCES service (id),
                    digest {bytes} NOT NULL,
                    expires_at {instant} NOT NULL,
                    PRIMARY KEY (service_id, digest)
                ) {clustered}
                """),
        "CREATE INDEX service_assertion_expiry ON service_assertion (expires_at)",
    ]

    static let down: [SQL] = ["DROP TABLE service_assertion", "DROP TABLE service_key"]
}
