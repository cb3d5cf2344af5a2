import Synchronization

/// The longest time a server acknowledged nothing.
final class Silence: Sendable {
    private struct State: Sendable {
        var last = ContinuousClock.now
        var longest = Duration.zero
    }

    private let state = Mutex(State())

    /// From now on it counts.
    func begin() { state.withLock { $0 = State() } }

    /// Something was acknowledged.
    func end() {
        state.withLock { state in
            let now = ContinuousClock.now
            state.longest = max(state.longest, now - state.last)
            state.last = now
        }
    }

    /// So far, the current silence included.
    var longestSeconds: Double {
        state.withLock { max($0.longest, ContinuousClock.now - $0.last) / .seconds(1) }
    }
}
