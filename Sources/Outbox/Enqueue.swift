public import Notation
public import Storage

/// Writes one message. Changes no row when its dedupe key is taken.
///
/// The order number is the producer's own, or one more than the newest unfinished message of the same key: a number given
/// under the producer's row lock follows the order of commits, also when the clocks of two machines (and so their
/// identifiers) disagree.
public struct Enqueue: Insertion {
    public static let rank = 7
    public var touches: [Touch]? { [] }
    public static let sql: SQL = """
        INSERT INTO outbox (id, topic, payload, created_at, available_at, expires_at, priority, dedupe_key, order_key,
            order_number, subject, max_attempts, state, attempt, lease)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
            CASE WHEN CAST($9 AS text) IS NOT NULL THEN COALESCE($12, 1 + COALESCE((
                SELECT MAX(order_number) FROM outbox WHERE order_key = $9 AND finished_at IS NULL), 0)) END,
            $10, $11, 'ready', 0, 0)
        ON CONFLICT (topic, dedupe_key) WHERE dedupe_key IS NOT NULL AND state <> 'cancelled' DO NOTHING
        """
    public var bindings: [SQLValue] {
        [
            .id(message.id), .text(message.topic), .json(message.payload), .instant(message.createdAt),
            .instant(message.availableAt), .instant(message.expiresAt), .integer(message.priority.rawValue),
            .text(message.dedupeKey), .text(message.orderKey), .id(message.subject), .integer(message.maxAttempts),
            .integer(message.orderNumber),
        ]
    }
    public let message: OutboxMessage

    public init(_ message: OutboxMessage) { self.message = message }
}

/// Cancels what waits for a subject, and names the order keys it stood in. What a worker holds at this moment waits no
/// more; to wait for the worker here, which may be waiting for the subject, would be a circle.
public struct CancelWaiting: Query {
    public static let sql = SQL(
        sqlite: """
            \(cancel)
            WHERE \(waiting) AND topic IN (SELECT value FROM json_each($2))
            RETURNING order_key
            """,
        postgres: """
            \(cancel)
            WHERE id = ANY (ARRAY(
                SELECT id FROM outbox WHERE \(waiting) AND topic IN (SELECT json_array_elements_text($2))
                FOR UPDATE SKIP LOCKED))
            RETURNING order_key
            """)
    private static let cancel = "UPDATE outbox SET state = 'cancelled', finished_at = $3"
    private static let waiting = "subject = $1 AND state = 'ready'"
    public var bindings: [SQLValue] { [.id(subject), .json(jsonList(topics)), .instant(now)] }
    let subject: ID<OutboxSubject>
    let topics: [String]
    let now: Instant

    public static func row(_ columns: any Columns) throws -> String? { try columns.optional(0, columns.text) }
}

extension WriteTransaction {
    /// Queues a message as part of this transaction. False when its dedupe key was queued before: then nothing changed.
    ///
    /// A worker finds it within a second by itself; `afterCommit { outbox.wake() }` makes that at once.
    @discardableResult
    public func enqueue(_ message: OutboxMessage) throws -> Bool { try run(Enqueue(message)) > 0 }

    /// Queues a message of which nobody needs to hear whether it was queued before.
    public func post(_ message: OutboxMessage) throws { try post(Enqueue(message)) }

    /// Cancels the subject's messages of these topics that wait, and returns how many.
    ///
    /// One that is being delivered at this moment is not stopped, so a handler whose message may be overtaken looks at
    /// its subject again before it sends.
    @discardableResult
    public func cancelWaiting(subject: ID<OutboxSubject>, topics: [String], now: Instant) throws -> Int {
        let orderKeys = try fetch(CancelWaiting(subject: subject, topics: topics, now: now))
        try callForward(behind: orderKeys)
        return orderKeys.count
    }
}

/// A list of texts as one binding.
func jsonList(_ texts: [String]) -> String {
    var json = JSONWriter(reserving: 64)
    json.array(of: texts) { $0.value($1) }
    return String(decoding: json.bytes, as: UTF8.self)
}
