import Notation
import Outbox
import Storage
import Synchronization

/// A database whose next writes come to grief. What it does not do is what a killed process did not get to do.
final class KillingDatabase: Database {
    enum Death: Sendable {
        /// Killed before the commit: nothing of it remains.
        case beforeCommit
        /// Killed after the commit: it stands, but nobody hears of it.
        case afterCommit
        /// Not killed at all, only refused.
        case full
    }
    private let inner: any Database
    private let deaths: Mutex<[Int: Death]>
    private let count = Mutex(0)

    /// `deaths`: by the number of the write, counted from 1.
    init(_ inner: any Database, _ deaths: [Int: Death]) {
        self.inner = inner
        self.deaths = Mutex(deaths)
    }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try await inner.read(body)
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        try await unlessKilled { try await inner.write(body) }
    }

    func writeTogether<Answer: Sendable>(
        foreseen: [any Query], _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        try await unlessKilled { try await inner.writeTogether(foreseen: foreseen, body) }
    }

    var gainsFromForesight: Bool { inner.gainsFromForesight }

    private func unlessKilled<Answer>(_ write: () async throws -> Answer) async throws -> Answer {
        let number = count.withLock { count in
            count += 1
            return count
        }
        switch deaths.withLock({ $0[number] }) {
        case nil: return try await write()
        case .beforeCommit: throw StorageFault.closed
        case .full: throw StorageFault.full
        case .afterCommit:
            _ = try await write()
            throw StorageFault.closed
        }
    }
}
