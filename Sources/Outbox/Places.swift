internal import Synchronization

/// How many external deliveries may still be started. A place is free again only when its delivery's end is durable:
/// otherwise a database that does not answer would let ever more results pile up.
final class Places: Sendable {
    private let count: Atomic<Int>

    init(_ count: Int) { self.count = Atomic(count) }

    var free: Int { count.load(ordering: .relaxed) }
    func take() { count.subtract(1, ordering: .relaxed) }
    func give(back number: Int) { count.add(number, ordering: .relaxed) }
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
