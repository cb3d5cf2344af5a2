import Storage

/// Who wants to be told what changes, and what became of telling them.
enum WebhookTables {
    static let up: [SQL] = [
        // An address may be a secret by itself, so it is sealed like the secrets that sign.
        SQL(
            table: """
                CREATE TABLE webhook (
                    id {uuid} NOT NULL PRIMARY KEY,
                    url {text} NOT NULL,
                    description {text},
                    secret {text} NOT NULL,
                    old_secret {text},
                    old_secret_until {instant},
                    events {json} NOT NULL,
                    state {text} NOT NULL CONSTRAINT webhook_state CHECK (state IN ('enabled', 'disabled')),
                    disabled_at {instant},
                    disabled_because {text},
                    created_by {text} NOT NULL,
                    created_at {instant} NOT NULL,
                    version {number} NOT NULL,
                    CONSTRAINT webhook_disabled CHECK ((state = 'disabled') = (disabled_at IS NOT NULL)
                        AND (disabled_at IS NULL) = (disabled_because IS NULL)),
                    CONSTRAINT webhook_old_secret CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE webhook_delivery (
                    webhook_id {uuid} NOT NULL,
                    id {uuid} NOT NULL,
                    event_id {uuid} NOT NULL,
                    kind {text} NOT NULL,
                    at {instant} NOT NULL,
                    state {text} NOT NULL CONSTRAINT webhook_delivery_state CHECK (state IN
                        ('waiting', 'delivered', 'failed', 'cancelled')),
                    attempts {number} NOT NULL,
                    last_at {instant},
                    last_result {text},
                    next_at {instant},
                    PRIMARY KEY (webhook_id, id)
                ) {clustered}
                """),
        "CREATE INDEX webhook_delivery_age ON webhook_delivery (at)",
    ]

    static let down: [SQL] = ["DROP TABLE webhook_delivery", "DROP TABLE webhook"]
}
