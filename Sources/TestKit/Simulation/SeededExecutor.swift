import Notation
import Synchronization

/// Runs tasks on the thread that asks it to, one job after another, in an order a seed decides. With time that only moves
/// when nobody has anything to do, a whole day of callers and workers is one repeatable history.
///
/// Only structured tasks stay here: a bare `Task {}` goes to the machine's own threads and out of the seed's hands.
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
        let ended = Flag()
        let latest = clock.now + limit
        _ = Task(executorPreference: self) {
            await body()
            ended.raise()
        }
        while !ended.isRaised {
            if runOne() { continue }
            if clock.now > latest || !clock.advanceToNextSleeper() { return false }
        }
        return true
    }

    private func runOne() -> Bool {
        let job = jobs.withLock { jobs in jobs.isEmpty ? nil : jobs.remove(at: random.below(jobs.count)) }
        job?.runSynchronously(on: asUnownedTaskExecutor())
        return job != nil
    }
}

/// Raised once.
final class Flag: Sendable {
    private let state = Atomic<Bool>(false)
    var isRaised: Bool { state.load(ordering: .acquiring) }
    func raise() { state.store(true, ordering: .releasing) }
}
