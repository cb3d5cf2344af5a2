import Foundation
import Notation
import PostgresCluster
import Storage
import StoragePostgres
import TestKit
import Testing

@Suite("A server whose disk is full")
struct FullDiskTests {
    /// Built together with this test bundle, beside it.
    private static let library =
        (((try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]) as NSString)
        .deletingLastPathComponent + "/libCFullDisk.so"

    private func withServer(_ body: (PostgresDatabase, PrivateCluster) async throws -> Void) async throws {
        try await PrivateCluster.withCluster(diskLibrary: Self.library) { cluster in
            try await cluster.psql(Visit.table)
            let database = try PostgresDatabase(
                PostgresSettings(url: cluster.url(), connections: 2, patienceSeconds: 5, random: SeededRandom(seed: 1)))
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(database, cluster)) } catch { outcome = .failure(error) }
            await database.close()
            try outcome.get()
        }
    }

    /// Writes visits until one is refused. How many were acknowledged, and why no more.
    private func fill(
        _ database: PostgresDatabase, from first: Int, together: Bool
    ) async -> (acknowledged: Int, StorageFault?) {
        for id in first..<first + 100_000 {
            let refusal = await fault {
                if together {
                    try await database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: id)) }
                } else {
                    try await database.write { _ = try $0.run(PutVisit(id: id)) }
                }
            }
            if let refusal { return (id - first, refusal) }
        }
        return (100_000, nil)
    }

    @Test(arguments: [true, false]) func `says so, keeps what it acknowledged, and goes on when there is room`(
        together: Bool
    ) async throws {
        try await withServer { database, cluster in
            try await database.write { _ = try $0.run(PutVisit(id: 1)) }
            try cluster.fillDisk()
            let (acknowledged, refusal) = await fill(database, from: 2, together: together)
            #expect(refusal == .full)
            #expect(refusal?.description.contains("free some space") == true)
            #expect(await database.complaint()?.contains("disk is full") == true)
            #expect(await fill(database, from: 200_000, together: together).1 == .full)
            let written = try await database.read { try $0.fetch(VisitIDs()) }
            #expect(written == Array(1...acknowledged + 1))
            #expect(await database.complaint()?.contains("disk is full") == true)

            try cluster.emptyDisk()
            #expect(await database.complaint() == nil)
            try await database.write { _ = try $0.run(PutVisit(id: 300_000)) }
            try await database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 300_001)) }
            #expect(try await cluster.psql("SELECT count(*) FROM visit") == ["\(acknowledged + 3)"])
        }
    }
}
