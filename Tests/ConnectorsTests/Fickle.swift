import Outbound
import Synchronization

/// A name whose owner changes what it stands for from one look-up to the next, which is how a name that was vetted is turned
/// against whoever looks twice (DNS rebinding).
final class Fickle: HostResolver {
    private let answers: Mutex<(left: [[IPAddress]], asked: Int)>

    /// One answer after the other; the last stays.
    init(_ answers: [String]...) {
        self.answers = Mutex((answers.map { $0.map { IPAddress($0)! } }, 0))
    }

    var timesAsked: Int { answers.withLock { $0.asked } }

    func addresses(of name: String) -> [IPAddress] {
        answers.withLock { state in
            state.asked += 1
            return state.left.count > 1 ? state.left.removeFirst() : state.left[0]
        }
    }
}

/// Never answers whoever asks.
final class Speechless: HostResolver {
    private let questions = AsyncStream.makeStream(of: Void.self)

    /// Returns when somebody has asked.
    func asked() async { for await _ in questions.stream { return } }

    func addresses(of name: String) async throws -> [IPAddress] {
        questions.continuation.yield()
        let (silence, _continuation) = AsyncStream.makeStream(of: Void.self)
        for await _ in silence {}
        _continuation.finish()
        throw CancellationError()
    }
}
