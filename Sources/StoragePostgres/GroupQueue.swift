import Storage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Bodies on their way to the group writer. While it is busy with one group, the next gathers by itself.
///
/// `@unchecked Sendable`: everything mutable is touched under `mutex` only.
final class GroupQueue: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrival = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let limit: Int
    private var jobs: [(job: any Playable, since: ContinuousClock.Instant)] = []
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

    func add(_ job: any Playable) -> StorageFault? {
        locked {
            if refuses { return .closed }
            if jobs.count >= limit { return .overloaded }
            jobs.append((job, .now))
            pthread_cond_signal(arrival)
            return nil
        }
    }

    /// Those who have to see what the last group wrote come first in the next one.
    func putBack(_ deferred: [any Playable]) {
        if !deferred.isEmpty { locked { jobs.insert(contentsOf: deferred.map { ($0, .now) }, at: 0) } }
    }

    func take(upTo maximum: Int) -> [any Playable]? {
        locked {
            while jobs.isEmpty {
                if hasEnded { return nil }
                pthread_cond_wait(arrival, mutex)
            }
            let taken = Array(jobs.prefix(maximum))
            jobs.removeFirst(taken.count)
            return taken.map(\.job)
        }
    }

    /// Tells those who have waited too long, while the connection is busy with a group that takes its time.
    func refuseLate(after limit: Duration) {
        let late = locked {
            let now = ContinuousClock.now
            let late = jobs.filter { now - $0.since > limit }
            if !late.isEmpty { jobs.removeAll { now - $0.since > limit } }
            return late
        }
        for one in late { one.job.answer(.overloaded) }
    }

    var count: Int { locked { jobs.count } }

    func refuse() { locked { refuses = true } }

    func end() {
        locked {
            refuses = true
            hasEnded = true
            pthread_cond_broadcast(arrival)
        }
    }

    private func locked<Answer>(_ body: () -> Answer) -> Answer {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
