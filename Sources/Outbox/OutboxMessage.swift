public import Notation

/// Something that must happen outside the transaction that causes it: a message to send, a projection to bring up to
/// date. Written in that transaction, so it exists exactly when its cause does.
public struct OutboxMessage: Sendable {
    /// UUIDv7. Deliveries pass it on as the idempotency key of whatever they call.
    public var id: ID<OutboxMessage>
    /// Which handler delivers it: `reminder.due`.
    public var topic: String
    /// A JSON document. It may hold personal data; nothing of it is ever logged.
    public var payload: String
    public var createdAt: Instant
    /// Not delivered before this.
    public var availableAt: Instant
    /// Never delivered from this on: a reminder after the visit is worse than none.
    public var expiresAt: Instant?
    public var priority: OutboxPriority
    /// Queued once for each topic and key; see `OutboxSchema` for how long a key counts.
    public var dedupeKey: String?
    /// Messages with the same key are delivered one after the other, in the order they were enqueued. A message that
    /// waits for a retry holds up those behind it; a dead one lets them pass.
    public var orderKey: String?
    /// Its place among those of its key, where the producer has one that grows with every change: a version. Nil counts on
    /// from the newest that is unfinished, which costs a look. A key is used with one or without, not both.
    public var orderNumber: Int?
    /// What it is about, so that what waits for a subject can be cancelled with it.
    public var subject: ID<OutboxSubject>?
    /// After so many failed attempts the message is dead.
    public var maxAttempts: Int

    public init(
        id: ID<OutboxMessage>, topic: String, payload: String, createdAt: Instant, availableAt: Instant? = nil,
        expiresAt: Instant? = nil, priority: OutboxPriority = .normal, dedupeKey: String? = nil, orderKey: String? = nil,
        orderNumber: Int? = nil, subject: ID<OutboxSubject>? = nil, maxAttempts: Int = 12
    ) {
        self.id = id
        self.topic = topic
        self.payload = payload
        self.createdAt = createdAt
        self.availableAt = availableAt ?? createdAt
        self.expiresAt = expiresAt
        self.priority = priority
        self.dedupeKey = dedupeKey
        self.orderKey = orderKey
        self.orderNumber = orderNumber
        self.subject = subject
        self.maxAttempts = maxAttempts
    }
}

/// A label for whatever a message is about: `appointment.id.of()`.
public enum OutboxSubject {}

/// A due message of a higher priority is always taken before one of a lower.
public enum OutboxPriority: Int, Sendable, CaseIterable, Comparable {
    case urgent, normal, low, idle

    public static func < (left: OutboxPriority, right: OutboxPriority) -> Bool { left.rawValue < right.rawValue }
}

/// Where a message is in its life. `ready` also means: waiting for its time, or behind another of its order.
public enum OutboxState: String, Sendable, CaseIterable {
    case ready, running, done, dead, expired, cancelled
}
