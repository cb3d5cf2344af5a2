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
        let number = count.withLock { count in
            count += 1
            return count
        }
        switch deaths.withLock({ $0[number] }) {
        case nil: return try await inner.write(body)
        case .beforeCommit: throw StorageFault.closed
        case .full: throw StorageFault.full
        case .afterCommit:
            _ = try await inner.write(body)
            throw StorageFault.closed
        }
    }
}

/// The planted bug: deliveries end whoever ends them. The tests that prove the fence must fail on it.
struct UnfencedDatabase: Database {
    let inner: any Database

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try await inner.read(body)
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        try await inner.write { try body(UnfencedTransaction($0)) }
    }
}

private final class UnfencedTransaction: WriteTransaction {
    private let inner: any WriteTransaction
    init(_ inner: any WriteTransaction) { self.inner = inner }

    func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] { try inner.fetch(query) }
    func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? { try inner.first(query) }
    func run<Asked: Command>(_ command: Asked) throws -> Int {
        if let settle = command as? Settle { return try inner.run(UnfencedSettle(bindings: settle.bindings)) }
        return try inner.run(command)
    }
    func savepoint<Answer>(_ body: () throws -> Answer) throws -> Answer { try inner.savepoint(body) }
    func afterCommit(_ hook: @escaping @Sendable () -> Void) { inner.afterCommit(hook) }
    func execute(_ script: SQL) throws { try inner.execute(script) }
}

private struct UnfencedSettle: Command {
    static let sql = SQL(
        sqlite: Settle.sql.sqlite.replacing("AND state = 'running' AND lease = $2", with: "AND $2 = $2"),
        postgres: Settle.sql.postgres)
    var bindings: [SQLValue]
}
