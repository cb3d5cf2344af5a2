import PostgresCluster
import Processes
import Testing

@Suite("A replica")
struct ReplicaTests {
    @Test("it follows, lags when told to, refuses writing, and catches up")
    func follows() async throws {
        try await PrivateCluster.withCluster { cluster in
            try await cluster.psql("CREATE TABLE visit (id int); INSERT INTO visit VALUES (1)")
            let replica = try await StreamingReplica(of: cluster)
            try await replica.start()
            try await replica.follow()
            #expect(try await replica.psql("SELECT id FROM visit; SELECT pg_is_in_recovery()") == ["1", "t"])
            let fault = await #expect(throws: ProcessFault.self) { try await replica.psql("INSERT INTO visit VALUES (9)") }
            #expect(fault?.description.contains("read-only transaction") == true)

            try await replica.pauseReplay()
            try await cluster.psql("INSERT INTO visit VALUES (2)")
            #expect(try await replica.psql("SELECT id FROM visit") == ["1"])
            try await replica.resumeReplay()
            try await replica.follow()
            #expect(try await replica.psql("SELECT id FROM visit ORDER BY id") == ["1", "2"])
            await replica.remove()
        }
    }
}
