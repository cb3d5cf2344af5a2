import Foundation

/// Blocks a thread until it is set.
final class Done: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func set() { semaphore.signal() }
    func wait() { semaphore.wait() }
}
