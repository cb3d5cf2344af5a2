public import Notation
public import Storage

/// A message that was given up. Its payload is left out: who repairs a queue need not read what is in it.
public struct DeadLetter: Sendable, Equatable {
    public let id: ID<OutboxMessage>
    public let topic: String
    public let subject: ID<OutboxSubject>?
    public let attempts: Int
    public let lastError: String?
    public let createdAt: Instant
    public let diedAt: Instant

    static let columns = "id, topic, subject, attempt, last_error, created_at, finished_at"

    init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), topic: try columns.text(1), subject: try columns.optional(2) { try columns.id($0) },
            attempts: try columns.int(3), lastError: try columns.optional(4, columns.text),
            createdAt: try columns.instant(5), diedAt: try columns.instant(6))
    }

    init(
        id: ID<OutboxMessage>, topic: String, subject: ID<OutboxSubject>?, attempts: Int, lastError: String?, createdAt: Instant,
        diedAt: Instant
    ) {
        self.id = id
        self.topic = topic
        self.subject = subject
        self.attempts = attempts
        self.lastError = lastError
        self.createdAt = createdAt
        self.diedAt = diedAt
    }
}

/// Which of the dead letters are meant. One that names nothing means all of them.
public struct DeadLetterFilter: Sendable, Equatable {
    public var topic: String?
    /// Died at this time or later.
    public var diedFrom: Instant?
    /// Died before this time.
    public var diedBefore: Instant?

    public init(topic: String? = nil, diedFrom: Instant? = nil, diedBefore: Instant? = nil) {
        self.topic = topic
        self.diedFrom = diedFrom
        self.diedBefore = diedBefore
    }

    public var namesNothing: Bool { self == DeadLetterFilter() }
}

/// Dead letters by identifier, oldest first, a page at a time.
public struct DeadLetters: Query {
    public static let sql = SQL(
        """
        SELECT \(DeadLetter.columns) FROM outbox
        WHERE state = 'dead' AND id > $1 AND finished_at >= $3 AND finished_at < $4 AND ($5 = '' OR topic = $5)
        ORDER BY id LIMIT $2
        """)
    public var bindings: [SQLValue] {
        [
            .id(after), .integer(limit), .instant(filter.diedFrom ?? Self.beginning), .instant(filter.diedBefore ?? Self.end),
            .text(filter.topic ?? ""),
        ]
    }
    let filter: DeadLetterFilter
    let after: ID<OutboxMessage>
    let limit: Int

    private static let beginning = Instant("0001-01-01T00:00:00Z")!
    private static let end = Instant("9999-12-31T00:00:00Z")!

    /// `after`: the last one of the page before; nil for the first page.
    public init(_ filter: DeadLetterFilter = DeadLetterFilter(), after: ID<OutboxMessage>? = nil, limit: Int = 100) {
        self.filter = filter
        self.after = after ?? ID(high: 0, low: 0)
        self.limit = limit
    }

    public static func row(_ columns: any Columns) throws -> DeadLetter { try DeadLetter(columns) }
}

/// One of them, and the document it was to deliver: `nil` when no such message is dead.
public struct DeadLetterByID: Query {
    public static let sql = SQL("SELECT \(DeadLetter.columns), payload FROM outbox WHERE id = $1 AND state = 'dead'")
    public var bindings: [SQLValue] { [.id(id)] }
    let id: ID<OutboxMessage>

    public init(_ id: ID<OutboxMessage>) { self.id = id }

    public static func row(_ columns: any Columns) throws -> (letter: DeadLetter, payload: String) {
        (try DeadLetter(columns), try columns.json(7))
    }
}

/// Makes a dead letter ready again, with all its attempts. In its order it stands where it stood.
public struct ReplayDeadLetter: Command {
    public static let sql: SQL = """
        UPDATE outbox SET state = 'ready', attempt = 0, available_at = $2, finished_at = NULL
        WHERE id = $1 AND state = 'dead'
        """
    public var bindings: [SQLValue] { [.id(id), .instant(now)] }
    let id: ID<OutboxMessage>
    let now: Instant
}

/// Gives a dead letter up for good. It is cancelled, which frees its dedupe key, and deleted after the retention.
public struct DiscardDeadLetter: Command {
    public static let sql: SQL = "UPDATE outbox SET state = 'cancelled', finished_at = $2 WHERE id = $1 AND state = 'dead'"
    public var bindings: [SQLValue] { [.id(id), .instant(now)] }
    let id: ID<OutboxMessage>
    let now: Instant
}

extension WriteTransaction {
    /// False when no such message is dead.
    public func replayDeadLetter(_ id: ID<OutboxMessage>, now: Instant) throws -> Bool {
        try run(ReplayDeadLetter(id: id, now: now)) > 0
    }

    /// False when no such message is dead.
    public func discardDeadLetter(_ id: ID<OutboxMessage>, now: Instant) throws -> Bool {
        try run(DiscardDeadLetter(id: id, now: now)) > 0
    }
}
