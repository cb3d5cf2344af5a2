import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A thread of its own for work that blocks. An engine waits for a disk or a socket; on Swift's own threads, of which there are as
/// many as cores, the whole server would wait with it.
package final class WorkerThread: Sendable {
    private struct State {
        var hasEnded = false
        var waiting: [UnsafeContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Starts a thread that runs `body` to its end.
    ///
    /// - Parameter givingWay: others come first on a busy machine.
    package func start(givingWay: GivingWay? = nil, _ body: @escaping @Sendable () -> Void) throws {
        let box = Unmanaged.passRetained(
            Box { [self] in
                givingWay?.fromNowOn()
                body()
                finish()
            })
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let code = pthread_create(&thread, nil, { runBox($0) }, box.toOpaque())
        guard code == 0 else {
            box.release()
            throw StorageFault.cannotOpen("no thread could be started (\(String(cString: strerror(code))))")
        }
        #if canImport(Darwin)
            if let thread { pthread_detach(thread) }
        #else
            pthread_detach(thread)
        #endif
    }

    /// Returns when the thread has run to its end.
    package func ended() async {
        await withUnsafeContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.hasEnded { state.waiting.append(continuation) }
                return state.hasEnded
            }
            if isOver { continuation.resume() }
        }
    }

    private func finish() {
        let waiting = state.withLock { state in
            state.hasEnded = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

private func runBox(_ box: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let box { Unmanaged<Box>.fromOpaque(box).takeRetainedValue().body() }
    return nil
}
