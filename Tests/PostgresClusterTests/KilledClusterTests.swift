import PostgresCluster
import Processes
import Testing

@Suite("A cluster of one's own")
struct KilledClusterTests {
    @Test("kill -9 takes nothing that was acknowledged, and none of its processes stays")
    func killed() async throws {
        try await PrivateCluster.withCluster { cluster in
            #expect(try await cluster.psql("SHOW fsync; SHOW synchronous_commit") == ["on", "on"])
            try await cluster.psql("CREATE TABLE visit (id int)")
            for round in 1...3 {
                // Somebody is in the middle of something, and another computes and looks at nothing else.
                async let waiting = isCutOff("INSERT INTO visit VALUES (-1); SELECT pg_sleep(600)", in: cluster)
                async let computing = isCutOff("SELECT sum(n) FROM generate_series(1, 100000000000) n", in: cluster)
                try await sessions(3, of: cluster)
                try await cluster.psql("INSERT INTO visit VALUES (\(round))")
                let processes = try await cluster.psql("SELECT pid FROM pg_stat_activity").compactMap { Int32($0) }
                #expect(processes.count >= 4)
                await cluster.kill()
                #expect(!cluster.isRunning)
                #expect(processes.allSatisfy { !isAlive($0) })
                let cutOff = await [waiting, computing]
                #expect(cutOff == [true, true])
                try await cluster.restart()
                let expected = (1...round).map { "\($0)" }
                #expect(try await cluster.psql("SELECT id FROM visit ORDER BY id") == expected)
            }
        }
    }

    @Test("it is stopped and started again at the same address, with the settings it was given")
    func restarted() async throws {
        let settings = ["synchronous_commit": "off", "default_transaction_isolation": "serializable"]
        try await PrivateCluster.withCluster(settings: settings) { cluster in
            let url = cluster.url()
            let shown = "SHOW synchronous_commit; SHOW default_transaction_isolation"
            #expect(try await cluster.psql(shown) == ["off", "serializable"])
            await cluster.stop()
            await #expect(throws: ProcessFault.self) { try await cluster.psql("SELECT 1") }
            try await cluster.restart()
            #expect(cluster.url() == url)
            #expect(try await cluster.psql(shown) == ["off", "serializable"])
        }
    }

    @Test("frozen it answers nobody and forgets nobody")
    func frozen() async throws {
        try await PrivateCluster.withCluster { cluster in
            let processes = try await cluster.psql("SELECT pid FROM pg_stat_activity WHERE backend_type <> 'client backend'")
                .compactMap { Int32($0) }
            try cluster.freeze()
            #expect(processes.allSatisfy { state($0) == "T" })
            async let answering = cluster.psql("SELECT 1")
            cluster.thaw()
            let answer = try await answering
            #expect(answer == ["1"])
            // Whoever is frozen can still be stopped and killed.
            try cluster.freeze()
            await cluster.stop()
            try await cluster.start()
            try cluster.freeze()
            await cluster.kill()
            #expect(processes.allSatisfy { !isAlive($0) })
        }
    }

    @Test("one that cannot start says what PostgreSQL said")
    func cannotStart() async throws {
        let fault = await #expect(throws: ProcessFault.self) {
            try await PrivateCluster.withCluster(settings: ["shared_buffers": "nonsense"]) { _ in }
        }
        #expect(fault?.description.contains("invalid value for parameter \"shared_buffers\"") == true)
    }

    private func isCutOff(_ sql: String, in cluster: PrivateCluster) async -> Bool {
        do {
            try await cluster.psql(sql)
            return false
        } catch { return "\(error)".contains("server closed the connection unexpectedly") }
    }

    private func sessions(_ count: Int, of cluster: PrivateCluster) async throws {
        let counted = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND state = 'active'"
        while try await cluster.psql(counted) != ["\(count)"] {}
    }
}
