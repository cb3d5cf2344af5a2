import Glibc
import Synchronization

/// Lets a test wait until something has happened, and something wait until a test allows it.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    var isOpen: Bool { state.withLock { $0.isOpen } }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

extension Gate {
    /// The same for a body that may not suspend: holds its thread, for so long at most.
    func hold(seconds: Int) {
        for _ in 0..<seconds * 1_000 where !isOpen { usleep(1_000) }
    }
}

/// What several tasks write down.
final class Notes<Entry: Sendable>: Sendable {
    private let state = Mutex<[Entry]>([])
    func add(_ entry: Entry) { state.withLock { $0.append(entry) } }
    var all: [Entry] { state.withLock { $0 } }
    var count: Int { all.count }
}
