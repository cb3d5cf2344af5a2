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

/// What several tasks write down.
final class Notes<Entry: Sendable>: Sendable {
    private let state = Mutex<[Entry]>([])
    func add(_ entry: Entry) { state.withLock { $0.append(entry) } }
    var all: [Entry] { state.withLock { $0 } }
    var count: Int { all.count }
}
