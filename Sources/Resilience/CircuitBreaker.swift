public import Notation

/// Keeps calls away from a destination that fails or drags, and finds out by a few when it is well again (MC-2).
///
/// It holds no clock and starts nothing: whoever calls asks `admit`, makes the call, and tells `record` how it went. Time
/// never runs backwards for it; an instant before the latest it heard of counts as that one.
///
///     switch breaker.admit(at: now, luck: random.unit()) {
///     case .pass(let permit): …; breaker.record(.done, of: permit, at: now, luck: random.unit())
///     case .refused(let until): …
///     }
public struct CircuitBreaker: Sendable {
    public enum State: Sendable, Equatable {
        case closed
        /// Nothing passes before `until`; who asks then or later tries it out.
        case open(until: Instant)
        /// A few calls try it out, or would: where the rest is over, `state(at:)` has it since now.
        case halfOpen(since: Instant)
        /// By hand: nothing passes.
        case forcedOpen
        /// By hand: everything passes, and nothing is concluded from it.
        case disabled
    }

    /// What somebody decided by hand.
    public enum Order: String, Sendable, CaseIterable {
        case automatic, forcedOpen, disabled

        /// What it makes of a breaker at once; nil when the breaker decides.
        public var state: State? {
            switch self {
            case .automatic: nil
            case .forcedOpen: .forcedOpen
            case .disabled: .disabled
            }
        }
    }

    /// Leave to make one call. It is given back by `record`, also when the call came to nothing.
    public struct Permit: Sendable, Equatable {
        let era: Int
        let started: Instant
    }

    public enum Verdict: Sendable, Equatable {
        case pass(Permit)
        /// When to ask again; nil when only a person changes that.
        case refused(until: Instant?)
    }

    /// How a call went. Whether it was slow, the breaker sees for itself.
    public enum Outcome: Sendable, Equatable {
        case done
        case failed
        /// Says nothing about the destination: we gave up, or the request was wrong (4xx but 408 and 429).
        case neither
        /// It asked to be left alone for so long (`Retry-After`).
        case toldToWait(Span)
    }

    public let settings: Settings
    /// As the last call has left it. What it is by now, `state(at:)` says.
    public private(set) var state = State.closed
    public private(set) var counts = Counts()

    /// Changes with every change of state. A call that ends in another era than it began in says nothing about this one.
    private var era = 0
    private var latest: Instant?
    private var window: CallWindow
    private var lastCalls: LastCalls
    private var trial = Trial()
    /// How many times in a row it opened.
    private var openings = 0

    public init(_ settings: Settings = Settings()) {
        self.settings = settings
        window = CallWindow(length: settings.window)
        lastCalls = LastCalls(settings.minimumCalls)
    }

    /// Whether a call may be made now.
    ///
    /// - Parameter luck: 0..<1; spreads the times at which many breakers try again.
    public mutating func admit(at instant: Instant, luck: Double) -> Verdict {
        let now = passTime(to: instant, luck: luck)
        switch state {
        case .closed, .disabled: break
        case .open(let until):
            counts.refused += 1
            return .refused(until: until)
        case .forcedOpen:
            counts.refused += 1
            return .refused(until: nil)
        case .halfOpen(let since):
            guard trial.given < settings.permits else {
                counts.refused += 1
                return .refused(until: since + settings.halfOpenAtMost)
            }
            trial.given += 1
        }
        counts.passed += 1
        return .pass(Permit(era: era, started: now))
    }

    /// How it stands by then, seen without asking: what the next who asks would meet, whatever their luck. A destination that nobody calls any
    /// more is not left alone for ever, because the next call would be made.
    public func state(at instant: Instant) -> State { by(instant).state }

    /// Until when whoever asks is refused, seen without asking; nil when the next who asks may pass, or nobody knows.
    public func restsUntil(at instant: Instant) -> Instant? {
        let then = by(instant)
        switch then.state {
        case .open(let until): return until
        case .halfOpen(let since): return then.trial.given >= settings.permits ? since + settings.halfOpenAtMost : nil
        case .closed, .forcedOpen, .disabled: return nil
        }
    }

    /// Takes note of how a call went.
    public mutating func record(_ outcome: Outcome, of permit: Permit, at instant: Instant, luck: Double) {
        let now = passTime(to: instant, luck: luck)
        let isSlow = now - permit.started > settings.slowAfter
        counts.note(outcome, isSlow: isSlow)
        guard permit.era == era, state != .disabled else { return }
        switch outcome {
        case .neither: trial.given -= state.isHalfOpen ? 1 : 0
        case .toldToWait(let span): enter(.open(until: now + min(max(span, .zero), settings.obeysAtMost)))
        case .done, .failed: conclude(hasFailed: outcome == .failed, isSlow: isSlow, at: now, luck: luck)
        }
    }

    /// What a person decides; `automatic` begins anew, closed.
    public mutating func follow(_ order: Order) {
        openings = 0
        enter(order.state ?? .closed)
    }
}

extension CircuitBreaker {
    private mutating func conclude(hasFailed: Bool, isSlow: Bool, at now: Instant, luck: Double) {
        if state.isHalfOpen {
            trial.tally.add(hasFailed: hasFailed, isSlow: isSlow)
            guard trial.tally.calls == settings.permits else { return }
            if settings.isTooMuch(trial.tally) { open(at: now, luck: luck) } else { close() }
        } else {
            window.add(hasFailed: hasFailed, isSlow: isSlow, at: now)
            lastCalls.add(hasFailed: hasFailed, isSlow: isSlow, at: now)
            var tally = window.tally(at: now)
            if tally.calls < settings.minimumCalls { tally = lastCalls.tally(at: now, within: settings.memory) }
            if tally.calls >= settings.minimumCalls && settings.isTooMuch(tally) { open(at: now, luck: luck) }
        }
    }

    /// What happens by the clock alone, when its time comes and not when somebody asks: an opening ends, and so does a trial.
    private mutating func passTime(to instant: Instant, luck: Double) -> Instant {
        let now = max(instant, latest ?? instant)
        latest = now
        if case .halfOpen(let since) = state, now >= since + settings.halfOpenAtMost {
            endTrial(at: since + settings.halfOpenAtMost)
        }
        if case .open(let until) = state, now >= until {
            enter(.halfOpen(since: now))
            trial.luck = luck
        }
        return now
    }

    /// Fewer tried it out than may. If all of those are back and went well, nobody else wanted to, and it is well; if somebody still waits for
    /// it, or nobody came back, it has failed.
    private mutating func endTrial(at end: Instant) {
        let isHeardWhole = trial.tally.calls > 0 && trial.tally.calls == trial.given
        if isHeardWhole, !settings.isTooMuch(trial.tally) { close() } else { open(at: end, luck: trial.luck) }
    }

    private func by(_ instant: Instant) -> CircuitBreaker {
        var then = self
        // Luck decides about nothing that begins now.
        _ = then.passTime(to: instant, luck: 0.5)
        return then
    }

    private mutating func open(at now: Instant, luck: Double) {
        let rest = settings.rest(afterOpenings: openings, luck: luck)
        openings += 1
        enter(.open(until: now + rest))
    }

    private mutating func close() {
        openings = 0
        enter(.closed)
    }

    private mutating func enter(_ next: State) {
        if case .open = next { counts.opened += 1 }
        state = next
        era += 1
        trial = Trial()
        window = CallWindow(length: settings.window)
        lastCalls = LastCalls(settings.minimumCalls)
    }

    /// The calls that try a destination out.
    private struct Trial: Sendable {
        /// Under way or concluded.
        var given = 0
        var tally = CallTally()
        /// Decides how long the rest is if nobody hears of it in time: so that is known before anybody asks.
        var luck = 0.5
    }
}

extension CircuitBreaker.State {
    /// By itself, not by hand.
    public var isOpen: Bool { if case .open = self { true } else { false } }

    var isHalfOpen: Bool { if case .halfOpen = self { true } else { false } }
}
