import Foundation
import PostgresCluster
import Processes
import StorageSQLite
import TestKit
import Workflows

/// A clinic whose database can be looked at as somebody does who has stolen it: its files, or a dump of it.
struct WhatIsKept {
    let fixture: ClinicFixture
    /// Every byte there is.
    let bytes: () async throws -> [UInt8]

    static func open(
        _ engine: Engine, _ plan: ClinicPlan = ClinicPlan(), _ body: (WhatIsKept) async throws -> Void
    ) async throws {
        switch engine {
        case .sqlite:
            let folder = try TemporaryFolder("kept", under: FolderInMemory.path)
            defer { folder.remove() }
            let database = try SQLiteDatabase(SQLiteSettings(path: folder.file("clinic.db")))
            let outcome: Result<Void, any Error>
            do {
                try await ClinicFixture.open(on: database, plan) { fixture in
                    try await body(WhatIsKept(fixture: fixture) { try files(in: folder.path) })
                }
                outcome = .success(())
            } catch { outcome = .failure(error) }
            await database.close()
            try outcome.get()
        case .postgres:
            try await Engine.withPostgres { database, url in
                try await ClinicFixture.open(on: database, plan) { fixture in
                    try await body(WhatIsKept(fixture: fixture) { try await dump(of: url) })
                }
            }
        }
    }

    /// Whether a text stands anywhere, as it is or as PostgreSQL's dumps write bytes.
    func contains(_ text: String) async throws -> Bool {
        let kept = Data(try await bytes())
        let digits = text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return kept.range(of: Data(text.utf8)) != nil || kept.range(of: Data(digits.utf8)) != nil
    }

    /// The database, its log, whatever else lies beside them.
    private static func files(in folder: String) throws -> [UInt8] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted().flatMap { name in
            Array(FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data())
        }
    }

    private static func dump(of url: String) async throws -> [UInt8] {
        let program = try await PrivateCluster.shared.program("pg_dump")
        let (status, output) = try await ChildProcess.run(program, ["--inserts", "--dbname=\(url)"])
        guard status == 0 else { throw ProcessFault("pg_dump ended with \(status)") }
        return Array(output.joined(separator: "\n").utf8)
    }
}
