import Storage
import Synchronization

/// A database that fails at its n-th use: before it does anything, or after it has done it and before anybody hears.
final class Failing: Database {
    enum Manner: Sendable, CaseIterable { case before, after }
    struct Failure: Error {}

    private let inner: any Database
    private let countdown: Countdown
    private let manner: Manner

    /// Shared by both sides of a move, so that it counts the uses of either.
    final class Countdown: Sendable {
        private let left: Mutex<Int>
        init(_ uses: Int) { left = Mutex(uses) }
        /// True once.
        func isOver() -> Bool {
            left.withLock { left in
                left -= 1
                return left == 0
            }
        }
        var hasFired: Bool { left.withLock { $0 <= 0 } }
    }

    init(_ inner: any Database, _ countdown: Countdown, _ manner: Manner) {
        self.inner = inner
        self.countdown = countdown
        self.manner = manner
    }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        if countdown.isOver() { throw Failure() }
        return try await inner.read(body)
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        guard countdown.isOver() else { return try await inner.write(body) }
        if manner == .after { _ = try await inner.write(body) }
        throw Failure()
    }

    func doing(_ work: Work) -> any Database { Failing(inner.doing(work), countdown, manner) }
}
