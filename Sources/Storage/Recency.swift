import Synchronization

/// How recent what a read sees has to be. Only says something where there are replicas: everywhere else a read sees
/// everything that was acknowledged before it.
///
/// Handed down with the task, because it belongs to the request and not to what is asked: the same use case is called by a
/// list that may lag a second and by a decision that may not.
public enum Recency: Sendable, Equatable {
    /// Everything acknowledged so far. Decisions want this.
    case newest
    /// A replica will do that has come as far as `mark`, or, without one, that does not lag more than it may.
    case since(mark: String?)

    @TaskLocal public static var wanted: Recency = .newest
}

/// Where a change stands in the order of the database's log, for the client to hand in with its next read: it then sees
/// its own change, whichever replica answers.
public final class CommitMark: Sendable {
    private let mark = Mutex<String?>(nil)

    /// Whoever wants to know puts one here; a database that has replicas fills it.
    @TaskLocal public static var current: CommitMark?

    public init() {}

    /// Nil when nothing was committed, or there are no replicas.
    public var value: String? { mark.withLock { $0 } }

    public func keep(_ value: String) { mark.withLock { $0 = value } }

    /// `0/16B3748`, as PostgreSQL writes a position in its log.
    public static func isWellFormed(_ text: String) -> Bool {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        return halves.count == 2 && halves.allSatisfy { (1...8).contains($0.utf8.count) && $0.allSatisfy(\.isHexDigit) }
    }
}
