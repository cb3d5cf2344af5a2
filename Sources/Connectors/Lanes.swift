import Storage
import Synchronization

/// Threads of their own for what blocks, so many at once and no more. Whoever comes later waits, in order.
final class Lanes: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    /// Runs slow work on a thread of its own when there is a lane for it.
    func run<Answer: Sendable>(_ work: @escaping @Sendable () -> Answer) async throws -> Answer {
        await enter()
        defer { leave() }
        let thread = WorkerThread()
        return try await withCheckedThrowingContinuation { caller in
            do { try thread.start { caller.resume(returning: work()) } } catch { caller.resume(throwing: error) }
        }
    }

    private func enter() async {
        await withCheckedContinuation { (caller: CheckedContinuation<Void, Never>) in
            let mayEnter = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(caller)
                    return false
                }
                state.free -= 1
                return true
            }
            if mayEnter { caller.resume() }
        }
    }

    private func leave() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}
