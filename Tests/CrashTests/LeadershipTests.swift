import Foundation
import LoopbackClient
import PostgresCluster
import Processes
import Testing

/// What one node does for all of them is done by one that was started for it.
@Suite("Who leads")
struct LeadershipTests {
    @Test("of several nodes only one with the role of a reconciler leads")
    func roles() async throws {
        let folder = try TemporaryFolder("leaders")
        defer { folder.remove() }
        try await PrivateCluster.withCluster(durable: false) { cluster in
            let fresh = try await cluster.freshDatabase()
            func start(_ role: String) async throws -> RunningServer {
                try await RunningServer.start(
                    Programs.server,
                    ["serve", "--data", folder.file("data"), "--port", "0", "--role", role, "--database", fresh.url],
                    errors: folder.file("log-\(role)"))
            }
            /// How many sessions hold a lock of the nodes: 2 is the leader's, 3 everybody's.
            func holders(_ lock: Int) async throws -> Int {
                let lines = try await cluster.psql(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7461 AND objid = \(lock) AND granted"
                )
                return Int(lines.first ?? "") ?? -1
            }
            func eventually(_ what: String, _ look: () async throws -> Bool) async throws {
                let limit = ContinuousClock.now + .seconds(90)
                while try await !look() {
                    guard ContinuousClock.now < limit else { throw ProcessFault("\(what) did not happen") }
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            let others = [try await start("api"), try await start("worker")]
            try await eventually("two nodes") { try await holders(3) == 2 }
            // A node asks for leadership as soon as it is there, and once a second.
            for _ in 0..<30 {
                #expect(try await holders(2) == 0)
                try await Task.sleep(for: .milliseconds(100))
            }
            // The negative control.
            let leader = try await start("reconciler")
            try await eventually("a leader") { try await holders(2) == 1 }
            #expect(await leader.stop() == 0)
            try await eventually("its end") { try await holders(2) == 0 }
            for node in others { #expect(await node.stop() == 0) }
        }
    }
}
