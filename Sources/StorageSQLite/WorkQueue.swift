import Storage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Work on its way from tasks to threads. Tasks add and go on; threads sleep until there is something.
///
/// `@unchecked Sendable`: everything mutable is touched under `mutex` only. A `Mutex` of the standard library cannot
/// wait for a condition, so it is a POSIX one.
final class WorkQueue<Job: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrival = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let limit: Int
    private var incoming: [Job] = []
    /// Taken from `incoming` when a thread took less than all of it; the next job stands last.
    private var leaving: [Job] = []
    private var sleepers = 0
    private var refuses = false
    private var hasEnded = false

    init(limit: Int) {
        self.limit = limit
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(arrival, nil)
    }

    deinit {
        pthread_cond_destroy(arrival)
        pthread_mutex_destroy(mutex)
        arrival.deallocate()
        mutex.deallocate()
    }

    /// Why the job was not taken, or nil when it was: then a thread will answer it, whatever happens.
    func add(_ job: Job) -> StorageFault? {
        locked {
            if refuses { return .closed }
            if incoming.count + leaving.count >= limit { return .overloaded }
            incoming.append(job)
            if sleepers > 0 { pthread_cond_signal(arrival) }
            return nil
        }
    }

    /// Up to `maximum` jobs in the order they came, as soon as there is one. Nil after `end`, when nothing is left.
    func take(upTo maximum: Int) -> [Job]? {
        locked {
            while incoming.isEmpty && leaving.isEmpty {
                if hasEnded { return nil }
                sleepers += 1
                pthread_cond_wait(arrival, mutex)
                sleepers -= 1
            }
            return next(maximum)
        }
    }

    var count: Int { locked { incoming.count + leaving.count } }

    /// From now on nothing is added. What waits is still taken.
    func refuse() { locked { refuses = true } }

    /// Lets the threads go when nothing is left.
    func end() {
        locked {
            refuses = true
            hasEnded = true
            pthread_cond_broadcast(arrival)
        }
    }

    private func next(_ maximum: Int) -> [Job] {
        if leaving.isEmpty {
            defer { incoming = [] }
            if incoming.count <= maximum { return incoming }
            leaving = incoming.reversed()
        }
        let taken = Array(leaving.suffix(maximum).reversed())
        leaving.removeLast(taken.count)
        return taken
    }

    private func locked<Answer>(_ body: () -> Answer) -> Answer {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
