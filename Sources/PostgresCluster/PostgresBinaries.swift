import Foundation
import Processes

/// Where this machine keeps PostgreSQL's programs.
struct PostgresBinaries: Sendable {
    let folder: String

    func callAsFunction(_ program: String) -> String { "\(folder)/\(program)" }

    /// The newest that Debian has installed, or else the one `pg_config` knows. Throws what to install when there is none: a
    /// proof that is skipped in silence looks like one that held.
    static func found() async throws -> PostgresBinaries {
        let debian = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: debian))?.compactMap { Int($0) } ?? []
        for version in versions.sorted(by: >) where isServer("\(debian)/\(version)/bin") {
            return PostgresBinaries(folder: "\(debian)/\(version)/bin")
        }
        for configuration in ["/usr/bin/pg_config", "/usr/local/bin/pg_config"] {
            guard FileManager.default.isExecutableFile(atPath: configuration) else { continue }
            let folder = try await ChildProcess.run(configuration, ["--bindir"]).output.first ?? ""
            if isServer(folder) { return PostgresBinaries(folder: folder) }
        }
        throw ProcessFault(
            "PostgreSQL is not installed on this machine; run ./dev test, which installs it, or: "
                + "apt-get install postgresql pgbouncer")
    }

    private static func isServer(_ folder: String) -> Bool {
        ["postgres", "initdb", "psql", "pg_basebackup"].allSatisfy {
            FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)")
        }
    }
}
