#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Dispatch
import Synchronization

/// The processes this one has started and not yet seen the end of. None outlives it: Ctrl-C, a termination and an ordinary
/// exit end them first.
public final class Children: Sendable {
    public static let all = Children()

    private let numbers = Mutex<Set<Int32>>([])
    private let sources = Mutex<[Watch]>([])

    /// Only kept alive here; nobody calls anything on it.
    private struct Watch: @unchecked Sendable { let source: any DispatchSourceSignal }

    /// Call once, before the first child is started.
    public func endWithMe() {
        atexit {
            Children.all.killAll()
            TemporaryFolder.removeThoseThatGoWithMe()
        }
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { exit(128 + number) }
            source.resume()
            sources.withLock { $0.append(Watch(source: source)) }
        }
    }

    func add(_ number: Int32) { numbers.withLock { _ = $0.insert(number) } }
    func remove(_ number: Int32) { numbers.withLock { _ = $0.remove(number) } }

    /// Under the lock, so that nobody is signalled who has been reaped.
    func send(_ signal: Int32, to number: Int32) {
        numbers.withLock { if $0.contains(number) { _ = kill(number, signal) } }
    }

    func reap(_ number: Int32) -> Int32 {
        numbers.withLock { numbers in
            var status: Int32 = 0
            while waitpid(number, &status, 0) < 0 && errno == EINTR {}
            numbers.remove(number)
            return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
        }
    }

    private func killAll() { numbers.withLock { for number in $0 { kill(number, SIGKILL) } } }
}

/// A value somebody will know later, for any number of people who wait.
final class Promise<Value: Sendable>: Sendable {
    private struct State: Sendable {
        var value: Value?
        var waiting: [CheckedContinuation<Value, Never>] = []
    }

    private let state = Mutex(State())

    var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let known = state.withLock { state in
                    if state.value == nil { state.waiting.append(continuation) }
                    return state.value
                }
                if let known { continuation.resume(returning: known) }
            }
        }
    }

    func keep(_ value: Value) {
        let waiting = state.withLock { state in
            state.value = value
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: value) }
    }
}
