import Notation
import Resilience
import Synchronization

/// A bulkhead that callers stand before.
final class Gate: Sendable {
    fileprivate struct State {
        var bulkhead: Bulkhead
        var callers = 0
        /// Who has not been told yet.
        var waiting: Set<Bulkhead.Caller> = []
        /// Who sleeps.
        var sleepers: [Bulkhead.Caller: CheckedContinuation<Bool, Never>] = [:]
        /// Who was told before they slept.
        var told: [Bulkhead.Caller: Bool] = [:]
    }

    private let state: Mutex<State>
    private let clock: any WallClock

    init(_ settings: Bulkhead.Settings, clock: any WallClock) {
        state = Mutex(State(bulkhead: Bulkhead(settings)))
        self.clock = clock
    }

    var count: (underWay: Int, waiting: Int) { state.withLock { ($0.bulkhead.inside.count, $0.bulkhead.waiting) } }

    /// The number to leave with; nil when there is no room, or the task was cancelled.
    func enter() async -> Bulkhead.Caller? {
        let now = clock.now
        let (caller, entry) = state.withLock { state in
            state.callers += 1
            let entry = state.bulkhead.enter(state.callers, at: now)
            if case .wait = entry { state.waiting.insert(state.callers) }
            return (state.callers, entry)
        }
        switch entry {
        case .enter: return caller
        case .turnedAway: return nil
        case .wait(let until): return await wait(caller, until: until) ? caller : nil
        }
    }

    func leave(_ caller: Bulkhead.Caller) {
        let now = clock.now
        tell(state.withLock { state in state.take(state.bulkhead.leave(caller, at: now)) })
    }

    private func wait(_ caller: Bulkhead.Caller, until: Instant) async -> Bool {
        await withTaskGroup(of: Bool?.self) { group in
            group.addTask { await self.sleep(caller) }
            group.addTask {
                try? await self.clock.sleep(until: until)
                self.pass()
                return nil
            }
            for await answer in group {
                guard let answer else { continue }
                group.cancelAll()
                return answer
            }
            return false
        }
    }

    private func sleep(_ caller: Bulkhead.Caller) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
                let told: Bool? = state.withLock { state in
                    if let told = state.told.removeValue(forKey: caller) { return told }
                    state.sleepers[caller] = continuation
                    return nil
                }
                if let told { continuation.resume(returning: told) }
            }
        } onCancel: {
            giveUp(caller)
        }
    }

    /// Whoever was let in before they gave up has entered, and leaves by `leave`.
    private func giveUp(_ caller: Bulkhead.Caller) {
        let now = clock.now
        let calls = state.withLock { state -> [(CheckedContinuation<Bool, Never>, Bool)] in
            guard state.waiting.contains(caller) else { return [] }
            var calls = state.bulkhead.leave(caller, at: now)
            calls.turnedAway.append(caller)
            return state.take(calls)
        }
        tell(calls)
    }

    private func pass() {
        let now = clock.now
        tell(state.withLock { state in state.take(state.bulkhead.pass(to: now)) })
    }

    private func tell(_ calls: [(CheckedContinuation<Bool, Never>, Bool)]) {
        for (continuation, mayEnter) in calls { continuation.resume(returning: mayEnter) }
    }
}

extension Gate.State {
    /// Whom to wake, and with what. Who does not sleep yet is told when they lie down.
    fileprivate mutating func take(_ calls: Bulkhead.Calls) -> [(CheckedContinuation<Bool, Never>, Bool)] {
        var woken: [(CheckedContinuation<Bool, Never>, Bool)] = []
        for (caller, mayEnter) in calls.enter.map({ ($0, true) }) + calls.turnedAway.map({ ($0, false) })
        where waiting.remove(caller) != nil {
            if let sleeper = sleepers.removeValue(forKey: caller) {
                woken.append((sleeper, mayEnter))
            } else {
                told[caller] = mayEnter
            }
        }
        return woken
    }
}
