public import Notation

/// Whether so much is ready to be worked on that what takes a moment stands behind what takes long. It is told how late it was called itself
/// each time, because whoever is ready waits as long as that.
public struct Backlog: Sendable {
    private static let late = Span.milliseconds(20)
    /// More at once than that are not worked on: they take turns.
    private static let inside = 4
    /// A backlog that is dealt with well shows little; it is over when nothing was seen of it for so long.
    private static let memory = Span.seconds(1)

    private var until: Instant?

    public init() {}

    /// - Parameter late: how long after it was due this was called.
    public mutating func sees(late: Span, inside: Int, waiting: Int, at now: Instant) -> Bool {
        if late > Self.late || waiting > 0 || (until != nil && inside > Self.inside) { until = now + Self.memory }
        guard let end = until, now < end, end - now <= Self.memory else {
            until = nil
            return false
        }
        return true
    }
}
