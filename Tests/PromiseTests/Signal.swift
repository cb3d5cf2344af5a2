import Dispatch
import Synchronization

/// Given once. A body waits for it on its engine's own thread; a test, which must not hold one of Swift's few, gives way
/// until then.
final class Signal: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let isGiven = Atomic<Bool>(false)

    func give() {
        isGiven.store(true, ordering: .releasing)
        semaphore.signal()
    }

    func waitOnThisThread() { semaphore.wait() }

    func given() async {
        while !isGiven.load(ordering: .acquiring) { await Task.yield() }
    }
}
