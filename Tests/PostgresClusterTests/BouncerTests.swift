import PostgresCluster
import Processes
import Testing

@Suite("A bouncer")
struct BouncerTests {
    @Test("it answers in transaction mode, for the users it was told")
    func answers() async throws {
        let cluster = try await PrivateCluster.shared
        let database = try await cluster.freshDatabase()
        try await cluster.psql("CREATE ROLE nurse LOGIN PASSWORD 'secret'")
        let bouncer = try Bouncer(before: cluster, users: ["nurse": "secret"], poolSize: 1)
        try await bouncer.start()
        #expect(try await bouncer.psql("SELECT current_database()", database: database.name) == [database.name])
        let modes = try await bouncer.psql("SHOW CONFIG", database: "pgbouncer").filter { $0.hasPrefix("pool_mode|") }
        #expect(modes.first?.hasPrefix("pool_mode|transaction") == true)
        // Two clients, one connection to the server.
        async let first = bouncer.psql("SELECT pg_backend_pid()", database: database.name)
        async let second = bouncer.psql("SELECT pg_backend_pid()", database: database.name)
        let connections = try await Set([first, second])
        #expect(connections.count == 1)
        let url = bouncer.url(database: database.name, user: "nurse", password: "secret")
        #expect(url == "postgres://nurse:secret@127.0.0.1:\(bouncer.port)/\(database.name)")
        await bouncer.stop()
        await #expect(throws: ProcessFault.self) { try await bouncer.psql("SELECT 1", database: database.name) }
        try await bouncer.start()
        #expect(try await bouncer.psql("SELECT 1", database: database.name) == ["1"])
        await bouncer.remove()
        try await database.drop()
        try await cluster.psql("DROP ROLE nurse")
    }
}
