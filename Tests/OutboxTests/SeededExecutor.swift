import Notation
import Synchronization

/// Runs tasks on the thread that asks it to, one job after another, in an order a seed decides. With time that only
/// moves when nobody has anything to do, a whole day of several workers is one repeatable history.
final class SeededExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let random: SeededRandom

    init(_ random: SeededRandom) { self.random = random }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    /// Runs `body` and everything it starts, to its end. False when that has not come within `limit`, or never will.
    func run(_ clock: ManualClock, limit: Span, _ body: @escaping @Sendable () async -> Void) -> Bool {
        let ended = Ended()
        let latest = clock.now + limit
        _ = Task(executorPreference: self) {
            await body()
            ended.flag.withLock { $0 = true }
        }
        while !ended.flag.withLock({ $0 }) {
            if runOne() { continue }
            if clock.now > latest || !clock.advanceToNextSleeper() { return false }
        }
        return true
    }

    private final class Ended: Sendable { let flag = Mutex(false) }

    private func runOne() -> Bool {
        let job = jobs.withLock { jobs in jobs.isEmpty ? nil : jobs.remove(at: random.below(jobs.count)) }
        job?.runSynchronously(on: asUnownedTaskExecutor())
        return job != nil
    }
}
