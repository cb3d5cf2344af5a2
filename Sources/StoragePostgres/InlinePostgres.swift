package import Notation
package import Storage

/// A connection that runs every body at once, on the caller's thread.
///
/// The simulator uses it: the real server and the same transaction as in the program, but no threads whose order a seed
/// could not decide. Not `Sendable`: it stays where it was made.
package final class InlinePostgres {
    private let line: Line

    package init(_ url: String, random: any RandomSource) {
        line = Line(Exchange(PostgresSettings(url: url, random: random), NobodyCounts()))
    }

    deinit { line.drop() }

    package func read<Answer>(_ body: (any ReadTransaction) throws -> Answer) throws -> Answer {
        try run(.reading) { try body($0) }
    }

    /// Commits what `body` did and runs its hooks before it returns.
    package func write<Answer>(_ body: (any WriteTransaction) throws -> Answer) throws -> Answer {
        try run(.writing) { try body($0) }
    }

    private func run<Answer>(_ manner: Conversation.Manner, _ body: (PostgresTransaction) throws -> Answer) throws -> Answer {
        let conversation = try line.open()
        let transaction = PostgresTransaction(conversation, manner, .background)
        do {
            let answer = try body(transaction)
            try transaction.commit {}
            for hook in transaction.hooks { hook() }
            return answer
        } catch {
            conversation.rollback()
            throw (error as? PostgresFault)?.meaning ?? error
        }
    }
}
