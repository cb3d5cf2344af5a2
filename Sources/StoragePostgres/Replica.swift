import Notation
import Storage
import Synchronization

/// A server that follows the primary and answers reads that may be a little old.
///
/// It is passed over while it cannot be reached or lags more than it may, and for a read that has to see a change it has
/// not replayed yet. Nobody is told no because of it: whatever it does not answer the primary does.
final class Replica: Sendable {
    private struct State {
        var lagSeconds: Double?
        var isUsable = false
        var hasEnded = false
    }

    private let exchange: Exchange
    private let pool: Pool
    private let state = Mutex(State())
    private let warden = WorkerThread()

    init(_ settings: PostgresSettings, url: String, _ observer: any PostgresObserver) throws {
        var settings = settings
        settings.url = url
        exchange = Exchange(settings, observer)
        pool = Pool(exchange, size: max(2, settings.connections / 2))
        try pool.start()
        try warden.start { [self] in watch() }
    }

    /// How far behind the primary it is; nil while nobody knows.
    var lagSeconds: Double? { state.withLock { $0.lagSeconds } }

    /// Nil when the primary has to answer instead.
    func read<Answer: Sendable>(
        _ work: Work, since mark: String?, _ body: @escaping @Sendable (any ReadTransaction) throws -> Answer
    ) async throws -> Answer? {
        guard state.withLock({ $0.isUsable }) else { return nil }
        do {
            // Asked before, in a transaction of its own: the body's snapshot has to be younger than the answer.
            if let mark, try await !run(work, { try Self.hasReplayed(mark, $0) }) { return nil }
            return try await run(work, body)
        } catch let fault as StorageFault {
            switch fault {
            // `.statement`: it has not replayed the latest migration yet.
            case .connectionLost, .unreachable, .overloaded, .contended, .closed, .timedOut, .statement: return nil
            default: throw fault
            }
        }
    }

    private func run<Answer: Sendable>(
        _ work: Work, _ body: @escaping @Sendable (any ReadTransaction) throws -> Answer
    ) async throws -> Answer {
        try await withUnsafeThrowingContinuation { caller in
            if let fault = pool.add(ReadErrand(work, caller, body)) { caller.resume(throwing: fault) }
        }
    }

    /// Gives the replica a few milliseconds to come as far as the client has seen; then the primary is the quicker one.
    private static func hasReplayed(_ mark: String, _ transaction: any ReadTransaction) throws -> Bool {
        for attempt in 1...5 {
            if try transaction.first(HasReplayed(mark: mark)) == true { return true }
            if attempt < 5 { pause(4) }
        }
        return false
    }

    func close() async {
        state.withLock { $0.hasEnded = true }
        pool.end()
        await pool.ended()
        await warden.ended()
    }

    func end() {
        state.withLock { $0.hasEnded = true }
        pool.end()
    }

    /// Looks twice a second how far behind it is.
    private func watch() {
        let line = Line(exchange)
        while !state.withLock({ $0.hasEnded }) {
            let lag = lag(line)
            state.withLock { state in
                state.lagSeconds = lag
                state.isUsable = lag.map { $0 <= exchange.settings.replicaLagSeconds } ?? false
            }
            pause(500)
        }
        line.drop()
    }

    private func lag(_ line: Line) -> Double? {
        do {
            let transaction = PostgresTransaction(try line.open(), .reading, .request)
            let lag = try transaction.first(ReplicaLag()) ?? nil
            try transaction.commit {}
            return lag
        } catch {
            line.drop()
            return nil
        }
    }
}

/// Whether a replica has come as far as a mark.
struct HasReplayed: Query {
    static let sql: SQL = "SELECT coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, NOT pg_is_in_recovery())"
    let mark: String
    var bindings: [SQLValue] { [.text(mark)] }
    static func row(_ columns: any Columns) throws -> Bool { try columns.bool(0) }
}

/// Seconds since the last change a replica has replayed was made, unless it has replayed everything it was sent: a quiet
/// primary makes no replica late. Null when it receives nothing from any primary.
struct ReplicaLag: Query {
    static let sql: SQL = """
        SELECT CASE
            WHEN NOT pg_is_in_recovery() THEN 0::double precision
            WHEN NOT EXISTS (SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming') THEN NULL
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp())::double precision END
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Double? { try columns.optional(0, columns.real) }
}
