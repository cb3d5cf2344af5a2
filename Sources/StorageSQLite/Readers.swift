import Storage

/// A few threads that read, each with a connection that cannot write. The log keeps what a reader sees unchanged while
/// the writer goes on, so neither waits for the other.
final class Readers: Sendable {
    private let queue: WorkQueue<ReadJob>
    private let threads: [WorkerThread]

    init(_ settings: SQLiteSettings) throws {
        queue = WorkQueue(limit: settings.waitingMaximum)
        threads = (0..<settings.readers).map { _ in WorkerThread() }
        do {
            for thread in threads { try start(thread, SQLiteConnection.reading(settings)) }
        } catch {
            // Those that run already end and close their connections.
            queue.end()
            throw error
        }
    }

    /// Why the body was not taken; nil when it was.
    func add<Answer: Sendable>(
        _ caller: UnsafeContinuation<Answer, any Error>, _ body: @escaping @Sendable (any ReadTransaction) throws -> Answer
    ) -> StorageFault? {
        queue.add(ReadJob { caller.resume(with: Self.answer($0, $1, body)) })
    }

    func addPlan(_ caller: UnsafeContinuation<[String], any Error>, of sql: String) -> StorageFault? {
        queue.add(ReadJob { connection, _ in caller.resume(with: Result { try connection.queryPlan(of: sql) }) })
    }

    func refuse() { queue.refuse() }
    func end() { queue.end() }

    /// Returns when every thread has closed its connection.
    func ended() async {
        for thread in threads { await thread.ended() }
    }

    private func start(_ thread: WorkerThread, _ connection: SQLiteConnection) throws {
        // Handed over: from here on only the thread uses it.
        nonisolated(unsafe) let connection = connection
        do {
            try thread.start { [queue] in
                let transaction = SQLiteTransaction(connection)
                while let jobs = queue.take(upTo: 1) {
                    for job in jobs { job.run(connection, transaction) }
                }
                connection.close()
            }
        } catch {
            connection.close()
            throw error
        }
    }

    private static func answer<Answer>(
        _ connection: SQLiteConnection, _ transaction: SQLiteTransaction,
        _ body: (any ReadTransaction) throws -> Answer
    ) -> Result<Answer, any Error> {
        do { try connection.begin(.beginReading) } catch { return .failure(error) }
        defer { connection.rollback() }
        return transaction.perform(.reading) { try body($0) }
    }
}
