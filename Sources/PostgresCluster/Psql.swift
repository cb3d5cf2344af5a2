import Foundation
import Processes
import Synchronization

/// Says SQL to a server through PostgreSQL's own `psql`, so that what is tested does not also do the looking.
public struct Psql: Sendable {
    let binaries: PostgresBinaries
    let folder: ClusterFolder
    let port: Int
    let user: String
    let password: String

    private static let calls = Mutex(0)

    /// The rows, their columns parted by `|`. Several statements are one transaction. A refused one throws what PostgreSQL
    /// said.
    @discardableResult
    public func callAsFunction(_ sql: String, database: String = "postgres") async throws -> [String] {
        let call = Self.calls.withLock { calls in
            calls += 1
            return calls
        }
        let errors = folder.file("psql-\(call)")
        defer { try? FileManager.default.removeItem(atPath: errors) }
        let (status, output) = try await ChildProcess.run(
            binaries("psql"),
            [
                "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1",
                "--port=\(port)", "--username=\(user)", "--dbname=\(database)", "--command=\(sql)",
            ],
            environment: ["PGPASSWORD": password, "PGSSLMODE": "disable", "PGOPTIONS": "", "PGCONNECT_TIMEOUT": "30"],
            errors: errors)
        guard status == 0 else {
            throw ProcessFault("psql ended with \(status):\n\((try? String(contentsOfFile: errors, encoding: .utf8)) ?? "")")
        }
        return output
    }
}
