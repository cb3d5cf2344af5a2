import Storage

/// A body that waits for the writer, whatever its answer is.
protocol WriteJob: AnyObject, Sendable {
    /// Runs the body and keeps what comes of it. May be called again when the transaction was lost.
    func run(in transaction: SQLiteTransaction, _ manner: SQLiteTransaction.Manner)
    /// Whether the last run threw.
    var hasFailed: Bool { get }
    /// Tells the caller what came of the last run.
    func answer()
    /// Tells the caller something else.
    func answer(_ fault: StorageFault)
}

/// `@unchecked Sendable`: the writer's thread alone touches `result`.
final class Write<Answer: Sendable>: WriteJob, @unchecked Sendable {
    private let body: @Sendable (any WriteTransaction) throws -> Answer
    private let caller: UnsafeContinuation<Answer, any Error>
    private var result: Result<Answer, any Error> = .failure(StorageFault.closed)

    init(_ caller: UnsafeContinuation<Answer, any Error>, _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) {
        self.caller = caller
        self.body = body
    }

    func run(in transaction: SQLiteTransaction, _ manner: SQLiteTransaction.Manner) {
        result = transaction.perform(manner) { try body($0) }
    }

    var hasFailed: Bool { if case .failure = result { true } else { false } }
    func answer() { caller.resume(with: result) }
    func answer(_ fault: StorageFault) { caller.resume(throwing: fault) }
}

/// A body that waits for a reader. It runs on the thread that takes it and answers its caller itself.
struct ReadJob: Sendable {
    let run: @Sendable (SQLiteConnection, SQLiteTransaction) -> Void
}
