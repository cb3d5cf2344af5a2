import Notation
import Synchronization

/// Time that stands until a test moves it.
final class StandingClock: WallClock {
    private let time: Mutex<Instant>

    init(_ now: Instant) { time = Mutex(now) }

    var now: Instant { time.withLock { $0 } }
    func advance(by span: Span) { time.withLock { $0 = $0 + span } }
    func sleep(until deadline: Instant) async throws { throw CancellationError() }
}
