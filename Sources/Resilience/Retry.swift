public import Notation

/// Whether and when to try again what failed in passing, within one delivery. What lasts longer is the outbox's.
public struct Retry: Sendable, Equatable {
    /// Counting the first.
    public var attempts: Int
    public var backoff: Backoff

    public init(attempts: Int = 3, backoff: Backoff = Backoff(base: .milliseconds(50), cap: .seconds(2))) {
        self.attempts = attempts
        self.backoff = backoff
    }

    public enum Next: Sendable, Equatable {
        case again(at: Instant)
        case giveUp(Reason)
    }

    public enum Reason: String, Sendable, Equatable, CaseIterable {
        /// It was tried often enough.
        case attempts
        /// There would be no time left to try.
        case deadline
        /// Too much of what this destination gets is retries already.
        case budget
    }

    /// What to do after the `attempt`th failure, counted from 1.
    ///
    /// - Parameters:
    ///   - notBefore: what the destination asked for (`Retry-After`); it is obeyed, never shortened.
    ///   - budget: is charged only when there will be another attempt.
    public func next(
        after attempt: Int, at now: Instant, notBefore: Instant? = nil, deadline: Deadline, budget: inout RetryBudget,
        luck: Double
    ) -> Next {
        guard attempt < attempts else { return .giveUp(.attempts) }
        let again = max(now + backoff.delay(attempt: attempt, luck: luck), notBefore ?? now)
        guard again < deadline.at else { return .giveUp(.deadline) }
        return budget.takeRetry() ? .again(at: again) : .giveUp(.budget)
    }
}
