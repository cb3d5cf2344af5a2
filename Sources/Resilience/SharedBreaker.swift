public import Notation
import Synchronization

/// One circuit breaker for everybody in the program who calls a destination, with the clock and the chance it needs (MC-2).
///
/// Whoever makes a call asks `admit` and tells `record` how it went, also when it came to nothing.
public final class SharedBreaker: Sendable {
    private let breaker: Mutex<CircuitBreaker>
    private let clock: any WallClock
    private let random: any RandomSource
    private let watch: @Sendable (CircuitBreaker.State) -> Void

    /// - Parameter watch: told of every change of state, by whoever's call has changed it.
    public init(
        _ settings: CircuitBreaker.Settings = .init(), clock: any WallClock, random: any RandomSource,
        watch: @escaping @Sendable (CircuitBreaker.State) -> Void = { _ in }
    ) {
        breaker = Mutex(CircuitBreaker(settings))
        self.clock = clock
        self.random = random
        self.watch = watch
    }

    public func admit() -> CircuitBreaker.Verdict {
        let (now, luck) = (clock.now, random.unit())
        let (verdict, news) = breaker.withLock { breaker in
            let before = breaker.state
            let verdict = breaker.admit(at: now, luck: luck)
            return (verdict, breaker.state == before ? nil : breaker.state)
        }
        if let news { watch(news) }
        return verdict
    }

    public func record(_ outcome: CircuitBreaker.Outcome, of permit: CircuitBreaker.Permit) {
        let (now, luck) = (clock.now, random.unit())
        let news: CircuitBreaker.State? = breaker.withLock { breaker in
            let before = breaker.state
            breaker.record(outcome, of: permit, at: now, luck: luck)
            return breaker.state == before ? nil : breaker.state
        }
        if let news { watch(news) }
    }

    /// See `CircuitBreaker.restsUntil`.
    public var restsUntil: Instant? {
        let now = clock.now
        return breaker.withLock { $0.restsUntil(at: now) }
    }

    /// When somebody who was refused comes again: when the breaker says so, and not later than after `patience`, because a few good calls may
    /// have closed it by then.
    public func comeBack(_ until: Instant?, within patience: Span) -> Instant {
        let latest = clock.now + patience
        return min(until ?? latest, latest)
    }

    /// What somebody decides by hand.
    public func follow(_ order: CircuitBreaker.Order) {
        let news: CircuitBreaker.State? = breaker.withLock { breaker in
            let before = breaker.state
            breaker.follow(order)
            return breaker.state == before ? nil : breaker.state
        }
        if let news { watch(news) }
    }

    /// As it is now: see `CircuitBreaker.state(at:)`.
    public var state: CircuitBreaker.State {
        let now = clock.now
        return breaker.withLock { $0.state(at: now) }
    }
    public var counts: CircuitBreaker.Counts { breaker.withLock { $0.counts } }
}
