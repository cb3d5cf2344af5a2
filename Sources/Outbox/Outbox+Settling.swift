internal import Notation
internal import Resilience
internal import Storage

// From what a handler said to what the table says.
extension Outbox {
    func settlement(for verdict: Verdict, of claimed: Claimed, now: Instant) -> Settlement {
        switch verdict {
        case .done: Settlement(state: .done)
        case .cancel: Settlement(state: .cancelled)
        case .snooze(let until): again(claimed, at: until, givesAttemptBack: true)
        case .retry(let delay, let reason): retry(claimed, at: now + delay, error: reason)
        case .dead(let reason): Settlement(state: .dead, error: reason)
        }
    }

    func settlement(forFailure error: String, of claimed: Claimed, now: Instant) -> Settlement {
        let delay = settings.backoff.delay(attempt: claimed.delivery.attempt, luck: surroundings.random.unit())
        return retry(claimed, at: now + delay, error: error)
    }

    /// The program stops under a delivery: as if it had never been claimed.
    static let interrupted = Settlement(state: .ready, givesAttemptBack: true)

    private func retry(_ claimed: Claimed, at instant: Instant, error: String) -> Settlement {
        if claimed.delivery.isLastAttempt { return Settlement(state: .dead, error: error) }
        return again(claimed, at: instant, error: error)
    }

    /// Not later than its expiry: there it expires, and lets those behind it pass.
    private func again(_ claimed: Claimed, at instant: Instant, givesAttemptBack: Bool = false, error: String? = nil)
        -> Settlement
    {
        let next = claimed.delivery.expiresAt.map { min($0, instant) } ?? instant
        return Settlement(state: .ready, availableAt: next, givesAttemptBack: givesAttemptBack, error: error)
    }

    func event(for settlement: Settlement, of claimed: Claimed, isStale: Bool) -> OutboxEvent {
        let delivery = claimed.delivery
        if isStale { return .stale(topic: delivery.topic) }
        if settlement == Self.interrupted { return .interrupted(topic: delivery.topic) }
        return .settled(topic: delivery.topic, state: settlement.state, attempt: delivery.attempt, error: settlement.error)
    }
}

extension Claimed {
    func hasExpired(at now: Instant) -> Bool { delivery.expiresAt.map { $0 <= now } ?? false }
}
