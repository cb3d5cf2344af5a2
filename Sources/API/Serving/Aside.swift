import NIOCore

/// Threads for requests that compute for a while, so that those that take a moment do not stand behind them.
///
/// Swift has as many threads of its own as cores, and gives them to whoever is ready first. A hundred searches of a millisecond are a tenth of
/// a second during which nobody else is even looked at: not who arrives at the desk, and not who could be turned away at once. While
/// that happens searches and reports run here, and the system shares the cores out among all threads.
final class Aside: TaskExecutor {
    private let group: any EventLoopGroup

    init(_ group: any EventLoopGroup) { self.group = group }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        group.next().execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
