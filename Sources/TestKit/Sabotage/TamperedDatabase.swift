public import Storage

/// A database whose writing transactions somebody has laid hands on.
public struct TamperedDatabase: Database {
    private let inner: any Database
    private let tamper: @Sendable (any WriteTransaction) -> any WriteTransaction

    public init(_ inner: any Database, _ tamper: @escaping @Sendable (any WriteTransaction) -> any WriteTransaction) {
        self.inner = inner
        self.tamper = tamper
    }

    public func read<Answer: Sendable>(
        _ body: @escaping @Sendable (any ReadTransaction) throws -> Answer
    ) async throws -> Answer {
        try await inner.read(body)
    }

    public func write<Answer: Sendable>(
        _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        try await inner.write { [tamper] in try body(tamper($0)) }
    }

    public func writeTogether<Answer: Sendable>(
        foreseen: [any Query], _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        try await inner.writeTogether(foreseen: foreseen) { [tamper] in try body(tamper($0)) }
    }

    public func doing(_ work: Work) -> any Database { TamperedDatabase(inner.doing(work), tamper) }
    public var gainsFromForesight: Bool { inner.gainsFromForesight }
    public var isShared: Bool { inner.isShared }
}
