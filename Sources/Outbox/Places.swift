internal import Synchronization

/// How many external deliveries may still be started, of each topic and altogether. A place is free again only when its delivery's end is
/// durable: otherwise a database that does not answer would let ever more results pile up.
final class Places: Sendable {
    private struct State {
        var free: Int
        var taken: [String: Int] = [:]
    }

    private let state: Mutex<State>
    private let each: Int

    init(_ settings: OutboxSettings) {
        each = settings.concurrency
        state = Mutex(State(free: max(settings.concurrency, settings.concurrencyOfAll)))
    }

    /// Which of these topics may have more, and how many that is at most for whichever of them it turns out to be.
    ///
    /// A topic that has nearly all it may have is passed over until a quarter is free again: it would make every look a small one.
    func open(_ topics: [String], atMost batch: Int) -> (topics: [String], limit: Int) {
        state.withLock { state in
            let rooms = topics.map { (topic: $0, room: each - state.taken[$0, default: 0]) }
            let open = rooms.filter { $0.room >= max(1, each / 4) }
            let limit = open.map(\.room).min() ?? 0
            return (open.map(\.topic), min(limit, state.free, batch))
        }
    }

    func take(_ topic: String) {
        state.withLock { state in
            state.free -= 1
            state.taken[topic, default: 0] += 1
        }
    }

    func give(back topics: [String]) {
        state.withLock { state in
            state.free += topics.count
            for topic in topics { state.taken[topic, default: 0] -= 1 }
        }
    }
}

/// Ends that arrive while others are being written are written together, by whoever was writing. Under load this is one
/// transaction for many ends, and without load no end waits for a timer.
final class SettlingQueue: Sendable {
    private struct State {
        var waiting: [Outbox.Ended] = []
        var isBeingWritten = false
    }
    private let state = Mutex(State())

    /// True when the caller has to write, until `take` has nothing more.
    func add(_ ended: Outbox.Ended) -> Bool {
        state.withLock { state in
            state.waiting.append(ended)
            defer { state.isBeingWritten = true }
            return !state.isBeingWritten
        }
    }

    func take() -> [Outbox.Ended]? {
        state.withLock { state in
            let batch = state.waiting
            state.waiting = []
            if batch.isEmpty { state.isBeingWritten = false }
            return batch.isEmpty ? nil : batch
        }
    }
}
