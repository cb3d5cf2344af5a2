import Synchronization

/// Where a proof's time goes: seconds by what they were spent on. One thing may be a part of another.
final class TimeSpent: Sendable {
    private let seconds = Mutex<[String: Double]>([:])

    func on<Answer>(_ what: String, _ body: () async throws -> Answer) async rethrows -> Answer {
        let began = ContinuousClock.now
        defer { seconds.withLock { $0[what, default: 0] += (ContinuousClock.now - began) / .seconds(1) } }
        return try await body()
    }

    /// The most first.
    var words: String {
        seconds.withLock { $0 }.sorted { $0.value > $1.value }.map { "\(Int($0.value)) s \($0.key)" }.joined(separator: ", ")
    }
}
