import Storage

/// Other systems, and what they may do here.
enum ServiceTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE service (
                    id {uuid} NOT NULL PRIMARY KEY,
                    name {text} NOT NULL,
                    scopes {text} NOT NULL,
                    created_at {instant} NOT NULL,
                    last_used_at {instant},
                    revoked_at {instant}
                ) {strict}
                """),
        "CREATE INDEX service_revoked ON service (revoked_at) WHERE revoked_at IS NOT NULL",
        // A digest with the clinic's secret in it: nothing in here gets anybody in.
        SQL(
            table: """
                CREATE TABLE service_secret (
                    service_id {uuid} NOT NULL REFERENCES service (id),
                    digest {bytes} NOT NULL,
                    created_at {instant} NOT NULL,
                    expires_at {instant},
                    PRIMARY KEY (service_id, digest)
                ) {clustered}
                """),
    ]

    static let down: [SQL] = ["DROP TABLE service_secret", "DROP TABLE service"]
}
