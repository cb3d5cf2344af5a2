public import Storage

/// A transaction that passes everything on. Saboteurs override what they want to spoil.
open class PassingTransaction: WriteTransaction {
    private let inner: any WriteTransaction

    public init(_ inner: any WriteTransaction) { self.inner = inner }

    open func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] { try inner.fetch(query) }
    open func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? { try inner.first(query) }
    open func run<Asked: Command>(_ command: Asked) throws -> Int { try inner.run(command) }
    open func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws { try inner.post(command, orElse: fault) }
    open func savepoint<Answer>(_ body: () throws -> Answer) throws -> Answer { try inner.savepoint(body) }
    open func afterCommit(_ hook: @escaping @Sendable () -> Void) { inner.afterCommit(hook) }
    open func execute(_ script: SQL) throws { try inner.execute(script) }
}

extension TamperedDatabase {
    /// Nobody hears of commits.
    public static func deaf(_ inner: any Database) -> TamperedDatabase { TamperedDatabase(inner) { DeafTransaction($0) } }
}

/// Never hears that it was committed, like a program whose connection broke at that moment.
final class DeafTransaction: PassingTransaction {
    override func afterCommit(_ hook: @escaping @Sendable () -> Void) {}
}
