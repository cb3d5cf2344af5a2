public import Storage

/// The one table of durable work and its indexes.
///
/// Few indexes, because bookings pay for them: a new message without keys touches the table and `outbox_ready`, nothing
/// else. Every other index is partial and holds only the rows that need it.
///
/// | index | serves |
/// |---|---|
/// | `outbox_ready` | the claim: what is due, a topic and priority at a time, in the order it became due |
/// | `outbox_dedupe` | a key is queued once; only a cancelled message frees its key |
/// | `outbox_order` | the first unfinished message of an order key, and whether one is running |
/// | `outbox_subject` | cancelling what waits for a subject |
/// | `outbox_lease` | finding leases that ran out |
/// | `outbox_finished` | deleting what is old enough |
/// | `outbox_dead` | the list of dead letters |
///
/// A dedupe key counts in every state but `cancelled`. Were it free again after `done`, a repeated sweep would send a
/// reminder twice; after `dead`, it would go round an operator's decision; after `expired`, it would come too late
/// again. A cancelled message was never sent, so an appointment that is moved away and back gets its reminder.
public enum OutboxSchema {
    public static let up: [SQL] = [
        table,
        "CREATE INDEX outbox_ready ON outbox (topic, priority, available_at, id) WHERE state = 'ready'",
        """
        CREATE UNIQUE INDEX outbox_dedupe ON outbox (topic, dedupe_key)
        WHERE dedupe_key IS NOT NULL AND state <> 'cancelled'
        """,
        """
        CREATE INDEX outbox_order ON outbox (order_key, state, order_number, id)
        WHERE order_key IS NOT NULL AND finished_at IS NULL
        """,
        "CREATE INDEX outbox_subject ON outbox (subject) WHERE subject IS NOT NULL AND state = 'ready'",
        "CREATE INDEX outbox_lease ON outbox (lease_until) WHERE state = 'running'",
        "CREATE INDEX outbox_finished ON outbox (finished_at) WHERE state IN ('done', 'expired', 'cancelled')",
        "CREATE INDEX outbox_dead ON outbox (id) WHERE state = 'dead'",
    ]

    public static let down: [SQL] = ["DROP TABLE outbox"]

    /// SQLite keeps the rows in the primary key itself (`WITHOUT ROWID`): identifiers ascend, so a new row lands at the
    /// end of one tree instead of two. PostgreSQL leaves room in its pages for the updates every message gets, and
    /// vacuums early: a queue is the table with the most dead rows.
    private static let table = SQL(
        sqlite: """
            CREATE TABLE outbox (
                id BLOB NOT NULL PRIMARY KEY,
                topic TEXT NOT NULL,
                dedupe_key TEXT,
                order_key TEXT,
                order_number INTEGER,
                subject BLOB,
                payload TEXT NOT NULL,
                priority INTEGER NOT NULL,
                state TEXT NOT NULL,
                available_at INTEGER NOT NULL,
                blocked_at INTEGER,
                expires_at INTEGER,
                attempt INTEGER NOT NULL,
                max_attempts INTEGER NOT NULL,
                lease INTEGER NOT NULL,
                lease_until INTEGER,
                worker TEXT,
                last_error TEXT,
                created_at INTEGER NOT NULL,
                finished_at INTEGER,
                \(checks)
            ) STRICT, WITHOUT ROWID
            """,
        postgres: """
            CREATE TABLE outbox (
                id uuid NOT NULL PRIMARY KEY,
                topic text NOT NULL,
                dedupe_key text,
                order_key text,
                order_number bigint,
                subject uuid,
                payload json NOT NULL,
                priority integer NOT NULL,
                state text NOT NULL,
                available_at timestamptz NOT NULL,
                blocked_at timestamptz,
                expires_at timestamptz,
                attempt integer NOT NULL,
                max_attempts integer NOT NULL,
                lease bigint NOT NULL,
                lease_until timestamptz,
                worker text,
                last_error text,
                created_at timestamptz NOT NULL,
                finished_at timestamptz,
                \(checks)
            ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01)
            """)

    /// What is true of every row, whoever wrote it. A running row without a lease would never be rescued, and a finished
    /// one without a time never deleted.
    private static let checks = """
        CONSTRAINT outbox_priority CHECK (priority BETWEEN 0 AND 3),
        CONSTRAINT outbox_state CHECK (state IN ('ready', 'running', 'done', 'dead', 'expired', 'cancelled')),
        CONSTRAINT outbox_running CHECK ((state = 'running') = (lease_until IS NOT NULL)),
        CONSTRAINT outbox_finished_at CHECK ((state IN ('ready', 'running')) = (finished_at IS NULL)),
        CONSTRAINT outbox_ordered CHECK ((order_key IS NULL) = (order_number IS NULL))
        """
}
