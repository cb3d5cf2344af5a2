public import Notation
public import Storage

/// How much waits, for metrics and alarms. Counts stop at `countedTo`, so that looking at a long queue costs no more than
/// looking at a short one.
public struct OutboxDepth: Sendable, Equatable {
    public struct Topic: Sendable, Equatable {
        public let topic: String
        /// Ready and due.
        public let due: Int
        /// When the one that waits longest became due; nil when nothing is due.
        public let oldestDue: Instant?
    }

    public static let countedTo = 10_000

    public let topics: [Topic]
    /// In all topics, also those nobody asked about; due or not.
    public let ready: Int
    public let running: Int
    public let dead: Int

    public var due: Int { topics.reduce(0) { $0 + $1.due } }

    /// How long the oldest due message has waited: what an alarm should watch.
    public func oldestAge(at now: Instant) -> Span {
        topics.compactMap(\.oldestDue).min().map { max(.zero, now - $0) } ?? .zero
    }
}

extension ReadTransaction {
    public func outboxDepth(topics: [String], now: Instant) throws -> OutboxDepth {
        let counts = try first(OutboxCounts())
        return OutboxDepth(
            topics: try fetch(TopicDepths(topics: topics, now: now)), ready: counts?.ready ?? 0,
            running: counts?.running ?? 0, dead: counts?.dead ?? 0)
    }
}

extension Outbox {
    /// The depth of the topics this worker delivers.
    public func depth() async throws -> OutboxDepth {
        let topics = handlers.keys.sorted()
        return try await database.read { [now] in try $0.outboxDepth(topics: topics, now: now) }
    }
}

/// What is due, topic by topic.
public struct TopicDepths: Query {
    public static let sql = SQL(
        sqlite: """
            WITH level (priority) AS (VALUES (0), (1), (2), (3)),
                wanted (topic) AS (SELECT value FROM json_each($1))
            SELECT wanted.topic, \(counts) FROM wanted CROSS JOIN level GROUP BY wanted.topic ORDER BY wanted.topic
            """,
        postgres: """
            SELECT wanted.topic, \(counts) FROM json_array_elements_text($1) AS wanted (topic)
            CROSS JOIN (VALUES (0), (1), (2), (3)) AS level (priority) GROUP BY wanted.topic ORDER BY wanted.topic
            """)
    private static let counts = """
        CAST(SUM((SELECT COUNT(*) FROM (SELECT 1 FROM outbox AS o
            WHERE o.state = 'ready' AND o.topic = wanted.topic AND o.priority = level.priority AND o.available_at <= $2
            LIMIT \(OutboxDepth.countedTo)) AS due)) AS bigint),
        MIN((SELECT o.available_at FROM outbox AS o
            WHERE o.state = 'ready' AND o.topic = wanted.topic AND o.priority = level.priority AND o.available_at <= $2
            ORDER BY o.available_at LIMIT 1))
        """
    public var bindings: [SQLValue] { [.json(jsonList(topics)), .instant(now)] }
    let topics: [String]
    let now: Instant

    public static func row(_ columns: any Columns) throws -> OutboxDepth.Topic {
        OutboxDepth.Topic(
            topic: try columns.text(0), due: try columns.int(1), oldestDue: try columns.optional(2, columns.instant))
    }
}

/// How many are in each unfinished state, and how many are dead.
public struct OutboxCounts: Query {
    public static let sql = SQL("SELECT \(count("ready")), \(count("running")), \(count("dead"))")
    private static func count(_ state: String) -> String {
        "(SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE state = '\(state)' LIMIT \(OutboxDepth.countedTo)) AS \(state))"
    }
    public var bindings: [SQLValue] { [] }
    public static func row(_ columns: any Columns) throws -> (ready: Int, running: Int, dead: Int) {
        (try columns.int(0), try columns.int(1), try columns.int(2))
    }
}
