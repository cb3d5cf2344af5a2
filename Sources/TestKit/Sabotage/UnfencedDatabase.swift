import Outbox
public import Storage

/// The planted bug of a worker: it ends a delivery that somebody else has taken over meanwhile. The tests that prove the
/// fence must fail on it.
public struct UnfencedDatabase: Database {
    private let inner: any Database

    public init(_ inner: any Database) { self.inner = inner }

    public func read<Answer: Sendable>(
        _ body: @escaping @Sendable (any ReadTransaction) throws -> Answer
    ) async throws -> Answer {
        try await inner.read(body)
    }

    public func write<Answer: Sendable>(
        _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        try await inner.write { try body(UnfencedTransaction($0)) }
    }

    public func writeTogether<Answer: Sendable>(
        foreseen: [any Query], _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        try await inner.writeTogether(foreseen: foreseen) { try body(UnfencedTransaction($0)) }
    }

    public func doing(_ work: Work) -> any Database { UnfencedDatabase(inner.doing(work)) }
    public var gainsFromForesight: Bool { inner.gainsFromForesight }
    public var isShared: Bool { inner.isShared }
}

final class UnfencedTransaction: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        guard let settle = command as? Settle else { return try super.run(command) }
        return try super.run(UnfencedSettle(bindings: settle.bindings))
    }

    override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        guard let settle = command as? Settle else { return try super.post(command, orElse: fault) }
        try super.post(UnfencedSettle(bindings: settle.bindings), orElse: fault)
    }
}

private struct UnfencedSettle: Command {
    static let sql = SQL(sqlite: text(Settle.sql.sqlite), postgres: text(Settle.sql.postgres))
    private static func text(_ fenced: String) -> String {
        fenced.replacing("AND state = 'running' AND lease = $2", with: "AND CAST($2 AS bigint) IS NOT NULL")
    }
    var bindings: [SQLValue]
}
