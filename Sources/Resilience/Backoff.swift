public import Notation

/// The delay before the next attempt: random between nothing and a bound that doubles with every failure. Full jitter,
/// so that a thousand messages that failed together do not come back together (MC-16).
public struct Backoff: Sendable, Equatable {
    public var base: Span
    public var cap: Span

    public init(base: Span = .seconds(2), cap: Span = .hours(1)) {
        self.base = base
        self.cap = cap
    }

    /// The longest delay after the `attempt`th failure, counted from 1.
    public func bound(attempt: Int) -> Span { bound(doublings: attempt) }

    /// `base`, doubled so many times, but never more than `cap`.
    func bound(doublings: Int) -> Span {
        let (bound, overflow) = base.microseconds.multipliedReportingOverflow(by: 1 << Int64(min(max(0, doublings), 40)))
        return overflow ? cap : min(cap, Span(microseconds: bound))
    }

    public func delay(attempt: Int, luck: Double) -> Span {
        Span(microseconds: Int64(Double(bound(attempt: attempt).microseconds) * luck))
    }
}
