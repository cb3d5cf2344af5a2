public import Notation

/// How many requests may be worked on at once, found by watching how long they take (additive increase, multiplicative decrease).
///
/// A server that takes more than it can do does not get more done: everything waits for everything else, and what is finished is
/// finished too late. While requests take longer than the goal, fewer are let in; while they are quick and somebody has to wait, more.
/// Whoever is not let in costs next to nothing.
public struct AdaptiveLimit: Sendable {
    public struct Settings: Sendable {
        /// How long a request may take on average.
        public var goal: Span = .milliseconds(100)
        /// How long it watches before it decides, and how many requests it wants to have seen.
        public var window: Span = .milliseconds(100)
        public var samplesMinimum = 8
        public var limits: ClosedRange<Double> = 16...1_000
        public var first: Double = 100

        public init() {}
    }

    /// What is quick on the slowest day of a database far away: the goal is never further than so many times the one that was set.
    private static let patience = 4.0
    /// For so long the quickest window is remembered, and for as long again while the next is being found.
    private static let memory = Span.minutes(5)

    public private(set) var value: Double
    private let settings: Settings
    private var windowStart: Instant?
    private var (sum, count, isWanted) = (Int64(0), 0, false)
    private var (quickest, quickestBefore) = (Double.infinity, Double.infinity)
    private var memoryStart: Instant?

    public init(_ settings: Settings = Settings()) {
        self.settings = settings
        value = settings.first
    }

    /// Microseconds. A database that answers slowly when nobody else asks is no overload: twice that is allowed.
    private var goal: Double {
        let set = Double(settings.goal.microseconds)
        let usual = min(quickest, quickestBefore)
        return usual.isFinite ? min(max(set, usual * 2), set * Self.patience) : set
    }

    /// Somebody could not go in at once.
    public mutating func hadToWait() { isWanted = true }

    /// A request is finished.
    public mutating func finished(after span: Span, at now: Instant) {
        sum += max(0, span.microseconds)
        count += 1
        guard let start = windowStart, start <= now else { return windowStart = now }
        guard now - start >= settings.window, count >= settings.samplesMinimum else { return }
        decide(Double(sum) / Double(count), at: now)
        (windowStart, sum, count, isWanted) = (now, 0, 0, false)
    }

    private mutating func decide(_ mean: Double, at now: Instant) {
        remember(mean, at: now)
        if mean > goal {
            value *= max(0.7, goal / mean)
        } else if isWanted {
            value += value.squareRoot()
        } else if mean < goal / 2 {
            // An hour of rush leaves no mark: who finds it quiet finds as many places as on the first day. More than that, wanted by nobody,
            // would show nothing, and let in too many when they come.
            value = max(value, min(settings.first, value + value.squareRoot()))
        }
        value = min(max(value, settings.limits.lowerBound), settings.limits.upperBound)
    }

    private mutating func remember(_ mean: Double, at now: Instant) {
        if let start = memoryStart, start <= now, now - start < Self.memory {
            quickest = min(quickest, mean)
        } else {
            (quickestBefore, quickest, memoryStart) = (quickest, mean, now)
        }
    }
}
