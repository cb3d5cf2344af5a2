import Dispatch
import Synchronization

/// Opened once. A task waits before it without holding one of Swift's few threads; a body that may not suspend holds the
/// thread its engine gave it.
public final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))
    private let semaphore = DispatchSemaphore(value: 0)

    public init() {}

    public var isOpen: Bool { state.withLock { $0.isOpen } }

    public func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
        semaphore.signal()
    }

    /// Returns when it is open.
    public func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    /// The same on this thread, for so long at most.
    public func hold(seconds: Int = 3_600) {
        // Whoever comes later passes.
        if semaphore.wait(timeout: .now() + .seconds(seconds)) == .success { semaphore.signal() }
    }
}

/// What several tasks write down.
public final class Notes<Entry: Sendable>: Sendable {
    private let state = Mutex<[Entry]>([])

    public init() {}

    public func add(_ entry: Entry) { state.withLock { $0.append(entry) } }
    public var all: [Entry] { state.withLock { $0 } }
    public var count: Int { all.count }
}
