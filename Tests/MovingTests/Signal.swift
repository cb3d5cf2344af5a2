import Synchronization

/// Holds whoever waits until it is fired.
final class Signal: Sendable {
    private let state = Mutex<(isFired: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    var isFired: Bool { state.withLock { $0.isFired } }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isFired = state.withLock { state in
                if !state.isFired { state.waiting.append(continuation) }
                return state.isFired
            }
            if isFired { continuation.resume() }
        }
    }

    func fire() {
        let waiting = state.withLock { state in
            state.isFired = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
