import Synchronization

/// The keys being worked on in this process. A second try that comes meanwhile is told to wait (409), instead of queueing
/// behind the first and looking like a slow answer.
final class InFlight: Sendable {
    private let keys = Mutex<Set<String>>([])

    /// False when somebody is at it.
    func enter(_ key: String) -> Bool { keys.withLock { $0.insert(key).inserted } }
    func leave(_ key: String) { keys.withLock { _ = $0.remove(key) } }
}
