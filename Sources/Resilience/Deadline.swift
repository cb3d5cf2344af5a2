public import Notation

/// The instant after which nobody wants the answer any more. Handed on as an instant, not as a length, so that what is spent
/// on the way is spent for everybody.
public struct Deadline: Sendable, Hashable, Comparable {
    public let at: Instant

    public init(at: Instant) { self.at = at }
    public init(after span: Span, from now: Instant) { at = now + span }

    /// Never less than nothing.
    public func remaining(at now: Instant) -> Span { max(.zero, at - now) }
    public func hasPassed(at now: Instant) -> Bool { now >= at }

    /// The sooner of this one and `span` from now: what a step of the whole may take.
    public func allowing(_ span: Span, from now: Instant) -> Deadline { min(self, Deadline(after: span, from: now)) }

    public static func < (left: Deadline, right: Deadline) -> Bool { left.at < right.at }
}
