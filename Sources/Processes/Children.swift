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
    private let farewells = Mutex<[@Sendable () -> Void]>([])

    /// Only kept alive here; nobody calls anything on it.
    private struct Watch: @unchecked Sendable { let source: any DispatchSourceSignal }

    /// Evaluated once, however many ask for it.
    private static let endAtExit: Void = { _ = atexit { Children.all.end() } }()

    /// Call once, before the first child is started.
    public func endWithMe() {
        Self.endAtExit
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { exit(128 + number) }
            source.resume()
            sources.withLock { $0.append(Watch(source: source)) }
        }
    }

    /// For a child that deserves better than `SIGKILL`: `farewell` is run at an ordinary exit, before the others are killed.
    /// What was asked for last is done first.
    public func beforeTheEnd(_ farewell: @escaping @Sendable () -> Void) {
        farewells.withLock { $0.append(farewell) }
        Self.endAtExit
    }

    private func end() {
        for farewell in farewells.withLock({ $0 }).reversed() { farewell() }
        killAll()
        TemporaryFolder.removeThoseThatGoWithMe()
    }

    func add(_ number: Int32) { numbers.withLock { _ = $0.insert(number) } }
    func remove(_ number: Int32) { numbers.withLock { _ = $0.remove(number) } }
    func contains(_ number: Int32) -> Bool { numbers.withLock { $0.contains(number) } }

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
