import CPostgres
import Dispatch
import Processes
import Synchronization

/// A session with a PostgreSQL through its own C library and nothing of ours. It stays open, because a `psql` for each question would cost a busy
/// machine more than the question; where it has broken off, the next question opens it anew.
final class PlainSession: Sendable {
    private struct Line: @unchecked Sendable { var handle: OpaquePointer? }

    private let url: String
    private let line = Mutex(Line())
    // A question may wait for a server that stands still: nobody else's thread waits with it.
    private let queue = DispatchQueue(label: "plain session")

    init(_ url: String) { self.url = url }

    deinit { line.withLock { PQfinish($0.handle) } }

    /// The rows of the last statement; a null is an empty text. Throws what the server says.
    @discardableResult
    func rows(_ text: String) async throws -> [[String]] {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try self.answer(to: text) }) }
        }
    }

    private func answer(to text: String) throws -> [[String]] {
        // What broke off since the last question says so with the next.
        for _ in 0..<2 { if let rows = try ask(text) { return rows } }
        throw ProcessFault("the connection broke off, twice, in: \(text.prefix(200))")
    }

    /// Nil when the connection has broken off.
    private func ask(_ text: String) throws -> [[String]]? {
        try line.withLock { line -> [[String]]? in
            if line.handle == nil || PQstatus(line.handle) != CONNECTION_OK {
                PQfinish(line.handle)
                line.handle = PQconnectdb(url)
            }
            guard PQstatus(line.handle) == CONNECTION_OK else {
                throw ProcessFault("no connection: \(String(cString: PQerrorMessage(line.handle)))")
            }
            guard let result = PQexec(line.handle, text) else {
                throw ProcessFault("\(String(cString: PQerrorMessage(line.handle))) in: \(text.prefix(200))")
            }
            defer { PQclear(result) }
            if PQstatus(line.handle) != CONNECTION_OK { return nil }
            guard [PGRES_TUPLES_OK, PGRES_COMMAND_OK].contains(PQresultStatus(result)) else {
                throw ProcessFault("\(String(cString: PQresultErrorMessage(result))) in: \(text.prefix(200))")
            }
            return (0..<PQntuples(result)).map { row in
                (0..<PQnfields(result)).map { String(cString: PQgetvalue(result, row, $0)) }
            }
        }
    }
}
