package import Storage

/// A database in memory that runs every body at once, on the caller's thread.
///
/// The simulator uses it: real SQL and the same transaction as in the server, but no threads whose order a seed could
/// not decide. Not `Sendable`: it stays where it was made.
package final class InlineSQLite {
    private let connection: SQLiteConnection
    private let transaction: SQLiteTransaction

    package init() throws {
        connection = try SQLiteConnection.inMemory()
        transaction = SQLiteTransaction(connection)
    }

    deinit { connection.close() }

    package func read<Answer>(_ body: (any ReadTransaction) throws -> Answer) throws -> Answer {
        try connection.begin(.beginReading)
        defer { connection.rollback() }
        return try transaction.perform(.reading) { try body($0) }.get()
    }

    /// Commits what `body` did and runs its hooks before it returns.
    package func write<Answer>(_ body: (any WriteTransaction) throws -> Answer) throws -> Answer {
        try connection.begin(.beginWriting)
        let answer = try transaction.perform(.alone) { try body($0) }.get()
        let hooks = transaction.takeHooks()
        do {
            try connection.commit()
        } catch {
            connection.rollback()
            throw error
        }
        for hook in hooks { hook() }
        return answer
    }

    package func queryPlan(of sql: String) throws -> [String] { try connection.queryPlan(of: sql) }

    /// Runs hand-typed SQL outside any transaction.
    package func execute(_ text: String) throws { try connection.execute(text) }
}
