public import Notation
public import Resilience

/// What happened on a way out. Nothing in it says anything about a person.
public enum WayOutEvent: Sendable, Equatable {
    /// How a call ended, as metrics count it.
    public enum Outcome: String, Sendable, CaseIterable {
        case done, later, never, unknown
        /// Not called: the breaker is open.
        case resting
        /// Not called: too many are under way.
        case crowded
    }

    /// - Parameters:
    ///   - took: nil when nobody was called.
    ///   - reason: nil when it was done.
    case ended(destination: String, Outcome, took: Span?, reason: String?)
    case breaker(destination: String, CircuitBreaker.State)
}

/// How a way out stands, for whoever looks.
public struct WayOutStatus: Sendable, Equatable {
    public let destination: String
    public let state: CircuitBreaker.State
    public let counts: CircuitBreaker.Counts
    public let underWay: Int
    public let waiting: Int
}
