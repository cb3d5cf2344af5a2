import Storage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The threads with a connection each, and who waits for one.
///
/// The thread that was used last is used next, so that a quiet node keeps few connections busy and the rest can age. Who
/// waits too long is told so by a thread of its own, also when every connection hangs.
///
/// `@unchecked Sendable`: everything mutable is touched under `mutex` only.
final class Pool: @unchecked Sendable {
    private struct Waiting {
        let errand: any Errand
        let since: ContinuousClock.Instant
    }

    private final class Seat {
        let bell = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        init() { pthread_cond_init(bell, nil) }
        deinit {
            pthread_cond_destroy(bell)
            bell.deallocate()
        }
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let exchange: Exchange
    private let size: Int
    private var waiting: [Waiting] = []
    private var idle: [Seat] = []
    private var refuses = false
    private var hasEnded = false
    private let threads: [WorkerThread]
    private let warden = WorkerThread()

    init(_ exchange: Exchange, size: Int) {
        self.exchange = exchange
        self.size = size
        threads = (0..<size).map { _ in WorkerThread() }
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// - Parameter alsoWatch: called twenty times a second by the thread that looks after who waits too long.
    func start(alsoWatch: @escaping @Sendable () -> Void = {}) throws {
        for thread in threads { try thread.start { [self] in serve() } }
        try warden.start { [self] in watch(alsoWatch) }
    }

    /// Why the errand was not taken; nil when it was: then it is answered, whatever happens.
    func add(_ errand: any Errand) -> StorageFault? {
        locked {
            if refuses { return .closed }
            if waiting.count >= exchange.settings.waitingMaximum { return .overloaded }
            waiting.append(Waiting(errand: errand, since: .now))
            if let seat = idle.popLast() { pthread_cond_signal(seat.bell) }
            return nil
        }
    }

    var inUse: Int { locked { size - idle.count } }
    var waitingCount: Int { locked { waiting.count } }

    func refuse() { locked { refuses = true } }

    func end() {
        locked {
            refuses = true
            hasEnded = true
            for seat in idle { pthread_cond_signal(seat.bell) }
            idle = []
        }
    }

    func ended() async {
        for thread in threads { await thread.ended() }
        await warden.ended()
    }

    private func serve() {
        let (line, seat) = (Line(exchange), Seat())
        while let next = next(seat) {
            exchange.observer.waited((ContinuousClock.now - next.since).seconds)
            line.run(next.errand)
        }
        line.drop()
    }

    private func next(_ seat: Seat) -> Waiting? {
        locked {
            while waiting.isEmpty {
                if hasEnded { return nil }
                idle.append(seat)
                pthread_cond_wait(seat.bell, mutex)
                // Woken without being called: still in the list.
                idle.removeAll { $0 === seat }
            }
            return waiting.removeFirst()
        }
    }

    /// Tells those who have waited long enough, oldest first, until the pool ends.
    private func watch(_ alsoWatch: () -> Void) {
        let limit = Duration.milliseconds(exchange.settings.waitMilliseconds)
        while true {
            pause(50)
            let (late, isOver): ([Waiting], Bool) = locked {
                let now = ContinuousClock.now
                let isLate = { (one: Waiting) in now - one.since > limit && one.errand.work == .request }
                let late = waiting.filter(isLate)
                if !late.isEmpty { waiting.removeAll(where: isLate) }
                return (late, hasEnded)
            }
            alsoWatch()
            for waiting in late { waiting.errand.answer(.overloaded) }
            if isOver { return }
        }
    }

    private func locked<Answer>(_ body: () -> Answer) -> Answer {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
