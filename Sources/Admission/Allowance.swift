public import Notation

/// So many requests in so long a time. They may come all at once, and then one comes free after another: `count` divides `span`
/// evenly, and nobody has to wait for a window to end.
public struct Allowance: Hashable, Sendable {
    public let count: Int
    public let span: Span

    /// - Parameter count: at least one, and at most one a microsecond.
    public init(_ count: Int, per span: Span) {
        precondition(
            count >= 1 && Int64(count) <= span.microseconds, "an allowance lets somebody in, and not more than can be timed")
        self.count = count
        self.span = span
    }

    public static func perSecond(_ count: Int) -> Allowance { Allowance(count, per: .seconds(1)) }
    public static func perMinute(_ count: Int) -> Allowance { Allowance(count, per: .minutes(1)) }

    /// The part of it that one of several nodes gives out.
    public func shared(by nodes: Int) -> Allowance { Allowance(max(1, count / max(1, nodes)), per: span) }

    /// After how many microseconds one more comes free; rounded up, so that it is never more than promised.
    var interval: Int64 { (span.microseconds + Int64(count) - 1) / Int64(count) }
}

/// Where somebody stands with an allowance after one more request.
public struct Standing: Hashable, Sendable {
    /// How many more would be let in at once.
    public let remaining: Int
    /// When all of it is there again; of somebody who was refused, when the next one is let in.
    public let reset: Span
    /// Nil when it was let in.
    public let wait: Span?

    public var isRefused: Bool { wait != nil }
}

/// How much of an allowance somebody has used, in one number: when all of it will be there again. This is the generic cell rate
/// algorithm (ITU-T I.371 annex A): who keeps to the pace is never refused, a refusal costs nothing, and nothing has to be
/// counted down by a timer.
struct Usage: Sendable {
    /// Microseconds since 1970.
    private(set) var restoredAt: Int64

    init(restoredAt: Int64 = 0) { self.restoredAt = restoredAt }

    func isRestored(at now: Instant) -> Bool { restoredAt <= now.microseconds }

    /// One less. Who owes nothing gains nothing: what is not owed any more lies in the past.
    mutating func giveBack(to allowance: Allowance) { restoredAt -= allowance.interval }

    /// One more request.
    /// - Parameter share: percent of the allowance it may take at once.
    mutating func take(from allowance: Allowance, share: Int, at now: Instant) -> Standing {
        let interval = allowance.interval
        let burst = interval * Int64(max(1, allowance.count * share / 100))
        // Nobody owes more than all of it: not when the allowance has grown meanwhile, nor when the clock was set back.
        let used = min(max(restoredAt - now.microseconds, 0), interval * Int64(allowance.count))
        guard used + interval <= burst else {
            restoredAt = now.microseconds + used
            let wait = Span(microseconds: used + interval - burst)
            return Standing(remaining: 0, reset: wait, wait: wait)
        }
        restoredAt = now.microseconds + used + interval
        return Standing(
            remaining: Int((burst - used - interval) / interval), reset: Span(microseconds: used + interval), wait: nil)
    }
}

extension Allowance: CustomStringConvertible {
    /// `100 in 60 s`
    public var description: String { "\(count) in \(span.microseconds / 1_000_000) s" }
}
