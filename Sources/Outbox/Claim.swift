public import Notation
public import Storage

/// Takes due messages for deliveries that reach outside: a new lease each, and one attempt more. A message whose time has
/// run out expires instead.
///
/// It looks at no more than `window` due messages, topic by topic within a priority, and takes those that do not stand
/// behind another of their order. Without the window a crowd behind one slow receiver would be read again by every
/// claim; see `StepAside`.
///
/// PostgreSQL: the inner list must be an array, not a join. A join degraded from 6,500 to 180 messages a second as the
/// table grew (reliability.md §0.3).
public struct ClaimDue: Query {
    public static let sql = SQL(
        sqlite: """
            \(take)
            WHERE id IN (SELECT id FROM \(due.sqlite) WHERE \(isFirst) LIMIT $5)
            RETURNING \(columns)
            """,
        postgres: """
            \(take)
            WHERE id = ANY (ARRAY(SELECT id FROM \(due.postgres) WHERE \(isFirst) LIMIT $5)) AND state = 'ready'
            RETURNING \(columns)
            """)
    private static let due = Outlook.due(at: "$1", "$4", limit: window("$5", "$6"))

    /// PostgreSQL locks what it looks at, and a lock is a write: a quarter more than wanted, where SQLite looks at all.
    static func window(_ wanted: String, _ all: String) -> SQL {
        SQL(sqlite: all, postgres: "least(\(all), \(wanted) + \(wanted) / 4)")
    }

    private static let take = """
        UPDATE outbox SET
            state = CASE WHEN expires_at <= $1 THEN 'expired' ELSE 'running' END,
            finished_at = CASE WHEN expires_at <= $1 THEN CAST($1 AS timestamptz) END,
            lease_until = CASE WHEN expires_at <= $1 THEN lease_until ELSE $2 END,
            lease = lease + 1, attempt = attempt + 1, worker = $3, blocked_at = NULL
        """

    static let isFirst = "(due.order_key IS NULL OR NOT (\(isBehind)))"

    /// Nobody of the same order is being delivered or was enqueued earlier and waits still.
    static let isBehind = """
        EXISTS (SELECT 1 FROM outbox AS e WHERE e.order_key = due.order_key AND e.state = 'running'
            AND e.finished_at IS NULL)
        OR EXISTS (SELECT 1 FROM outbox AS e WHERE e.order_key = due.order_key AND e.state = 'ready'
            AND e.finished_at IS NULL AND (e.order_number, e.id) < (due.order_number, due.id))
        """

    /// What a worker has to know of a message.
    static let columns = """
        id, lease, topic, payload, subject, order_key, attempt, max_attempts, created_at, expires_at, priority, available_at,
            state, dedupe_key IS NOT NULL
        """

    public var bindings: [SQLValue] {
        [
            .instant(now), .instant(leaseUntil), .text(worker), .json(outlook.json), .integer(limit), .integer(limit * 4),
        ]
    }
    let now: Instant
    let leaseUntil: Instant
    let worker: String
    let outlook: Outlook
    let limit: Int

    public static func row(_ columns: any Columns) throws -> Claimed { try Claimed(columns) }
}

/// A message in a worker's hands.
public struct Claimed: Sendable {
    public internal(set) var delivery: Delivery
    /// Counts the claims of this message. Whoever holds an older one has lost it.
    let lease: Int64
    let priority: Int
    let availableAt: Instant
    let isExpired: Bool
    /// Its dedupe key has to be known for as long as somebody might queue it again.
    let isRemembered: Bool

    /// - Parameter attempt: by how many attempts this one is further than the row says.
    init(_ columns: any Columns, attempt ahead: Int = 0) throws {
        delivery = Delivery(
            id: try columns.id(0), topic: try columns.text(2), payload: try columns.json(3),
            subject: try columns.optional(4) { try columns.id($0) }, orderKey: try columns.optional(5, columns.text),
            attempt: try columns.int(6) + ahead, maxAttempts: try columns.int(7), createdAt: try columns.instant(8),
            expiresAt: try columns.optional(9, columns.instant))
        lease = try columns.integer(1)
        delivery.claims = max(1, Int(lease))
        priority = try columns.int(10)
        availableAt = try columns.instant(11)
        isExpired = try columns.text(12) == OutboxState.expired.rawValue
        isRemembered = try columns.bool(13)
    }

    /// The order in which messages take their turn. No statement promises to return them so.
    static func inTurn(_ left: Claimed, _ right: Claimed) -> Bool {
        left.priority == right.priority ? comesBefore(left, right) : left.priority < right.priority
    }

    static func comesBefore(_ left: Claimed, _ right: Claimed) -> Bool {
        (left.availableAt, left.delivery.id) < (right.availableAt, right.delivery.id)
    }
}

/// Moves due messages that stand behind another of their order out of the claim's way, until that one's own next time.
/// Whoever finishes the one in front calls them forward (`CallForward`), so nobody waits for that time in vain; it is
/// bounded by `latest` for the case that somebody changed the table by hand.
///
/// Without it, ten thousand messages behind one dead web hook would be looked at by every claim.
public struct StepAside: Command {
    public static let sql = SQL(
        sqlite: """
            \(stepAside)
            WHERE id IN (SELECT id FROM \(due.sqlite) WHERE due.order_key IS NOT NULL AND (\(ClaimDue.isBehind)))
            """,
        postgres: """
            \(stepAside)
            WHERE id = ANY (ARRAY(
                SELECT due.id FROM \(due.postgres) CROSS JOIN LATERAL (\(lockedFront)) AS front
                WHERE due.order_key IS NOT NULL)) AND state = 'ready'
            """)
    private static let due = Outlook.due(at: "$1", "$4", limit: "$5")
    private static let stepAside = "UPDATE outbox SET blocked_at = available_at, available_at = \(laterTime)"

    /// The lease of the one that is running, or the next attempt of the first that waits; between `$2` and `$3`.
    private static let laterTime = """
        COALESCE((
            SELECT CASE WHEN e.lease_until > $3 THEN $3 WHEN e.lease_until > $2 THEN e.lease_until ELSE $2 END
            FROM outbox AS e WHERE e.order_key = outbox.order_key AND e.state = 'running'
                AND e.finished_at IS NULL LIMIT 1), (
            SELECT CASE WHEN e.available_at > $3 THEN $3 WHEN e.available_at > $2 THEN e.available_at ELSE $2 END
            FROM outbox AS e WHERE e.order_key = outbox.order_key AND e.state = 'ready'
                AND e.finished_at IS NULL
            ORDER BY e.order_number, e.id LIMIT 1), $2)
        """

    /// PostgreSQL locks the one in front, so that it cannot finish between this look and this commit and call nobody
    /// forward. Where it is locked already, somebody is about to change it: the message stays where it is.
    private static let lockedFront = """
        SELECT e.id FROM outbox AS e
        WHERE e.order_key = due.order_key AND e.finished_at IS NULL AND (e.state = 'running'
            OR (e.state = 'ready' AND (e.order_number, e.id) < (due.order_number, due.id)))
        ORDER BY e.state DESC, e.order_number, e.id LIMIT 1 FOR UPDATE SKIP LOCKED
        """

    public var bindings: [SQLValue] {
        [.instant(now), .instant(earliest), .instant(latest), .json(outlook.json), .integer(window)]
    }
    let now: Instant
    let earliest: Instant
    let latest: Instant
    let outlook: Outlook
    let window: Int
}

/// Gives the first waiting message of an order key its own time back, once nothing stands before it.
public struct CallForward: Amendment {
    public static let rank = -1
    public var touches: [Touch]? { [] }
    public static let sql: SQL = """
        UPDATE outbox SET available_at = blocked_at, blocked_at = NULL
        WHERE blocked_at IS NOT NULL AND id = (
            SELECT e.id FROM outbox AS e WHERE e.order_key = $1 AND e.state = 'ready' AND e.finished_at IS NULL
            ORDER BY e.order_number, e.id LIMIT 1)
        """
    public var bindings: [SQLValue] { [.text(orderKey)] }
    let orderKey: String
}

extension WriteTransaction {
    /// Lets the next of each order step forward. Called by everything that finishes a message.
    func callForward(behind orderKeys: [String?]) throws {
        var called: Set<String> = []
        for case let key? in orderKeys where called.insert(key).inserted { try run(CallForward(orderKey: key)) }
    }
}

/// When the next message of these places is due; nil when none waits.
public struct NextDue: Query {
    public static let sql = SQL(sqlite: text(\.sqlite), postgres: text(\.postgres))
    private static func text(_ engine: (SQL) -> String) -> String {
        """
        SELECT MIN((SELECT available_at FROM outbox WHERE \(engine(Outlook.ready)) ORDER BY available_at LIMIT 1))
        FROM \(engine(Outlook.wanted("$1")))
        """
    }
    public var bindings: [SQLValue] { [.json(outlook.json)] }
    let outlook: Outlook

    public static func row(_ columns: any Columns) throws -> Instant? { try columns.optional(0, columns.instant) }
}
