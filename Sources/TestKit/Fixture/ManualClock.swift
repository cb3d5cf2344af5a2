public import Notation
import Synchronization

/// Time that stands until somebody moves it. A sleep is a continuation that moving releases.
public final class ManualClock: WallClock {
    private struct Sleeper {
        let number: Int
        let deadline: Instant
        let continuation: CheckedContinuation<Void, any Error>
    }
    private struct State {
        var now: Instant
        var count = 0
        var sleepers: [Sleeper] = []
    }
    private let state: Mutex<State>

    public init(_ now: Instant) { state = Mutex(State(now: now)) }

    public var now: Instant { state.withLock { $0.now } }

    public func sleep(until deadline: Instant) async throws {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ending: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if deadline <= state.now { return .success(()) }
                    state.sleepers.append(Sleeper(number: number, deadline: deadline, continuation: continuation))
                    return nil
                }
                if let ending { continuation.resume(with: ending) }
            }
        } onCancel: {
            let sleeper = state.withLock { state -> Sleeper? in
                guard let index = state.sleepers.firstIndex(where: { $0.number == number }) else { return nil }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    public func advance(by span: Span) { advance(to: now + span) }

    /// Moves on to `instant` and wakes everybody who waits for that or an earlier moment. Never moves back.
    public func advance(to instant: Instant) { set(to: max(now, instant)) }

    /// Moves on, or back: machines correct their clocks. Whoever sleeps still sleeps until the moment they named.
    public func jump(by span: Span) { set(to: now + span) }

    /// Moves to the first moment somebody waits for. False when nobody waits.
    public func advanceToNextSleeper() -> Bool {
        guard let next = state.withLock({ $0.sleepers.map(\.deadline).min() }) else { return false }
        advance(to: next)
        return true
    }

    /// Whether somebody sleeps until exactly then.
    public func isAwaited(at instant: Instant) -> Bool {
        state.withLock { $0.sleepers.contains { $0.deadline == instant } }
    }

    private func set(to instant: Instant) {
        let woken = state.withLock { state in
            state.now = instant
            let woken = state.sleepers.filter { $0.deadline <= instant }
            state.sleepers.removeAll { $0.deadline <= instant }
            return woken
        }
        for sleeper in woken.sorted(by: { ($0.deadline, $0.number) < ($1.deadline, $1.number) }) {
            sleeper.continuation.resume()
        }
    }
}
