import Storage

/// A body on its way to a connection. Its caller hears exactly once.
protocol Errand: AnyObject, Sendable {
    var work: Work { get }
    /// Runs the body in a transaction of its own and answers, or returns the fault after which it may be run again.
    func run(_ conversation: Conversation) -> PostgresFault?
    func answer(_ fault: StorageFault)
}

final class ReadErrand<Answer: Sendable>: Errand {
    let work: Work
    private let caller: UnsafeContinuation<Answer, any Error>
    private let body: @Sendable (any ReadTransaction) throws -> Answer

    init(
        _ work: Work, _ caller: UnsafeContinuation<Answer, any Error>,
        _ body: @escaping @Sendable (any ReadTransaction) throws -> Answer
    ) {
        self.work = work
        self.caller = caller
        self.body = body
    }

    func run(_ conversation: Conversation) -> PostgresFault? {
        let transaction = PostgresTransaction(conversation, .reading, work)
        do {
            let answer = try body(transaction)
            try transaction.commit {}
            caller.resume(returning: answer)
        } catch {
            conversation.rollback()
            let fault = transaction.doomed ?? error as? PostgresFault
            if case .refused("25006", _)? = fault {
                caller.resume(throwing: StorageFault.statement("a read changes nothing; use write"))
                return nil
            }
            if let fault, fault.repetition != nil { return fault }
            caller.resume(throwing: fault?.meaning ?? error)
        }
        return nil
    }

    func answer(_ fault: StorageFault) { caller.resume(throwing: fault) }
}

/// `@unchecked Sendable`: one thread at a time has it.
final class WriteErrand<Answer: Sendable>: Errand, Playable, @unchecked Sendable {
    let work: Work
    let foreseen: [any Query]
    let mark: CommitMark?
    private let caller: UnsafeContinuation<Answer, any Error>
    private let body: @Sendable (any WriteTransaction) throws -> Answer
    private var result: Result<Answer, any Error> = .failure(StorageFault.closed)

    init(
        _ work: Work, foreseen: [any Query] = [], mark: CommitMark? = nil, _ caller: UnsafeContinuation<Answer, any Error>,
        _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) {
        self.work = work
        self.foreseen = foreseen
        self.mark = mark
        self.caller = caller
        self.body = body
    }

    func run(_ conversation: Conversation) -> PostgresFault? {
        let transaction = PostgresTransaction(conversation, .writing, work)
        var isCommitSent = false
        do {
            let answer = try body(transaction)
            let position = try transaction.commit(telling: mark != nil) { isCommitSent = true }
            if let position { mark?.keep(position) }
            for hook in transaction.hooks { hook() }
            caller.resume(returning: answer)
        } catch {
            conversation.rollback()
            let fault = transaction.doomed ?? error as? PostgresFault
            // From the moment the commit was sent only an answer of the server says that nothing happened.
            if isCommitSent, case .lost = fault {
                caller.resume(throwing: StorageFault.outcomeUnknown)
            } else if isCommitSent, case .refused(let code, _) = fault, code.hasPrefix("57P") || code.hasPrefix("08") {
                caller.resume(throwing: StorageFault.outcomeUnknown)
            } else if let fault, fault.repetition != nil {
                return fault
            } else {
                caller.resume(throwing: doomedBody(error, fault))
            }
        }
        return nil
    }

    /// A body may have caught the fault that doomed its transaction and thrown something of its own; then that stands, as
    /// nothing of it remains.
    private func doomedBody(_ error: any Error, _ fault: PostgresFault?) -> any Error {
        error is PostgresFault ? fault?.meaning ?? error : error
    }

    // MARK: Together with others

    func play(_ transaction: PlayedTransaction) {
        do { result = .success(try body(transaction)) } catch { result = .failure(error) }
    }

    var hasFailed: Bool { if case .failure = result { true } else { false } }
    func answerAsPlayed() { caller.resume(with: result) }
    func answer(_ fault: StorageFault) { caller.resume(throwing: fault) }
}
