public import Notation

extension CircuitBreaker {
    /// When a breaker opens, and how it closes. The defaults are MC-2's where it names one.
    public struct Settings: Sendable, Equatable {
        /// The calls that ended within so long count and, where those are fewer than `minimumCalls`, the last so many.
        public var window = Span.seconds(10)
        /// Fewer say nothing.
        public var minimumCalls = 10
        /// What ended longer ago never counts: a clinic that sends a text an hour learns nothing from yesterday's.
        public var memory = Span.minutes(10)
        /// Opens when so large a share failed.
        public var failureShare = 0.5
        /// Opens when so large a share was slow, whether it failed or not.
        public var slowShare = 0.8
        /// A call that takes longer is slow.
        public var slowAfter: Span
        /// The first rest. It doubles each time trying out fails.
        public var rest = Span.seconds(5)
        public var restAtMost = Span.minutes(1)
        /// Each rest is longer or shorter by up to this share, so that not all nodes try at once.
        public var spread = 0.2
        /// How many calls try it out.
        public var permits = 5
        /// Trying out takes no longer: then it is judged by the calls that there were, and has failed if one of them is not back.
        public var halfOpenAtMost = Span.seconds(10)
        /// A destination that asks to be left alone is obeyed for at most so long.
        public var obeysAtMost = Span.minutes(15)

        /// - Parameter slowAfter: by default four fifths of the 5 s that a call may take.
        public init(slowAfter: Span = .seconds(4)) { self.slowAfter = slowAfter }

        func isTooMuch(_ tally: CallTally) -> Bool {
            Double(tally.failed) >= failureShare * Double(tally.calls) || Double(tally.slow) >= slowShare * Double(tally.calls)
        }

        /// The rest that follows `openings` earlier ones in a row.
        func rest(afterOpenings openings: Int, luck: Double) -> Span {
            let bound = Backoff(base: rest, cap: restAtMost).bound(doublings: openings)
            return Span(microseconds: Int64(Double(bound.microseconds) * (1 - spread + 2 * spread * luck)))
        }
    }

    /// What a breaker has seen since it was made: metrics are made of it.
    public struct Counts: Sendable, Equatable {
        public var passed = 0
        public var refused = 0
        public var done = 0
        public var failed = 0
        public var neither = 0
        public var toldToWait = 0
        /// Among those above.
        public var slow = 0
        /// Not by hand.
        public var opened = 0

        mutating func note(_ outcome: Outcome, isSlow: Bool) {
            if isSlow { slow += 1 }
            switch outcome {
            case .done: done += 1
            case .failed: failed += 1
            case .neither: neither += 1
            case .toldToWait: toldToWait += 1
            }
        }
    }
}
