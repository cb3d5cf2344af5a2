import Storage
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where passwords are compared: on threads of its own, half as many as there are cores, so that however many people sign in at once,
/// or pretend to, the other half books; and where there is one core only, after whatever takes a moment.
package final class HashingDesk: Sendable {
    /// The one of this process, whatever number of clinics it serves.
    package static let shared = HashingDesk(lanes: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2))

    private struct State {
        var busy = 0
        var waiting: [CheckedContinuation<Void, any Error>] = []
    }

    private let lanes: Int
    private let waitingMaximum: Int
    private let state = Mutex(State())

    init(lanes: Int, waitingMaximum: Int = 64) {
        self.lanes = lanes
        self.waitingMaximum = waitingMaximum
    }

    /// Waits for a place, and keeps it as long as `body` runs: what a try writes is bounded like what it computes. Throws
    /// `AccountFault.overloaded`, with nothing done, when too many wait already.
    package func attending<Answer>(_ body: (Place) async throws -> Answer) async throws -> Answer {
        try await enter()
        defer { leave() }
        return try await body(Place())
    }

    /// A place at the desk.
    package struct Place {
        /// Runs slow work on a thread of its own.
        package func run<Answer: Sendable>(_ work: @escaping @Sendable () throws -> Answer) async throws -> Answer {
            let thread = WorkerThread()
            return try await withCheckedThrowingContinuation { caller in
                do {
                    try thread.start(givingWay: .somewhat) { caller.resume(with: Result { try work() }) }
                } catch { caller.resume(throwing: error) }
            }
        }
    }

    private func enter() async throws {
        try await withCheckedThrowingContinuation { (caller: CheckedContinuation<Void, any Error>) in
            let answer: Result<Void, any Error>? = state.withLock { state in
                if state.busy < lanes {
                    state.busy += 1
                    return .success(())
                }
                if state.waiting.count >= waitingMaximum { return .failure(AccountFault.overloaded) }
                state.waiting.append(caller)
                return nil
            }
            if let answer { caller.resume(with: answer) }
        }
    }

    private func leave() {
        let next: CheckedContinuation<Void, any Error>? = state.withLock { state in
            if state.waiting.isEmpty {
                state.busy -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
