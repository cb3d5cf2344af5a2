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
}

/// Dead letters by identifier, oldest first, a page at a time.
public struct DeadLetters: Query {
    public static let sql: SQL = """
        SELECT id, topic, subject, attempt, last_error, created_at, finished_at FROM outbox
        WHERE state = 'dead' AND id > $1 ORDER BY id LIMIT $2
        """
    public var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    let after: ID<OutboxMessage>
    let limit: Int

    /// `after`: the last one of the page before; nil for the first page.
    public init(after: ID<OutboxMessage>? = nil, limit: Int = 100) {
        self.after = after ?? ID(high: 0, low: 0)
        self.limit = limit
    }

    public static func row(_ columns: any Columns) throws -> DeadLetter {
        DeadLetter(
            id: try columns.id(0), topic: try columns.text(1), subject: try columns.optional(2) { try columns.id($0) },
            attempts: try columns.int(3), lastError: try columns.optional(4, columns.text),
            createdAt: try columns.instant(5), diedAt: try columns.instant(6))
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
