import Foundation
import PostgresCluster
import Processes
import Testing

@Suite("The shared cluster")
struct SharedClusterTests {
    @Test("one is started for everybody")
    func one() async throws {
        async let first = PrivateCluster.shared
        async let second = PrivateCluster.shared
        let (one, other) = try await (first, second)
        #expect(one === other)
        #expect(try await one.psql("SELECT 1 + 1") == ["2"])
        #expect(try await one.psql("SHOW server_version").first?.isEmpty == false)
    }

    @Test("it is reached on this machine alone, by its password alone")
    func password() async throws {
        let cluster = try await PrivateCluster.shared
        #expect(try await cluster.psql("SHOW listen_addresses") == ["127.0.0.1"])
        #expect(try await cluster.psql("SELECT DISTINCT auth_method FROM pg_hba_file_rules") == ["scram-sha-256"])
        #expect(
            cluster.url(database: "clinic", user: "nurse", password: "x") == "postgres://nurse:x@127.0.0.1:\(cluster.port)/clinic"
        )
        let socket = cluster.socketDirectory + "/.s.PGSQL.\(cluster.port)"
        #expect(FileManager.default.fileExists(atPath: socket))
    }

    @Test("text sorts by its bytes and is UTF-8")
    func locale() async throws {
        let cluster = try await PrivateCluster.shared
        #expect(try await cluster.psql("SELECT 'Z' < 'a'; SHOW lc_collate; SHOW server_encoding") == ["t", "C.UTF-8", "UTF8"])
    }

    @Test("a fresh database is empty, a copy has what its template has, and a dropped one is gone")
    func databases() async throws {
        let cluster = try await PrivateCluster.shared
        let first = try await cluster.freshDatabase()
        try await cluster.psql("CREATE EXTENSION btree_gist; CREATE TABLE visit (id int)", database: first.name)
        let second = try await cluster.freshDatabase()
        let count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        #expect(try await cluster.psql(count, database: second.name) == ["0"])
        let copy = try await cluster.freshDatabase(template: first.name)
        #expect(try await cluster.psql(count, database: copy.name) == ["1"])
        for database in [first, second, copy] { try await database.drop() }
        let names = try await cluster.psql("SELECT datname FROM pg_database")
        #expect(!names.contains(first.name) && !names.contains(copy.name))
    }

    @Test("databases can be made by many at once")
    func many() async throws {
        let cluster = try await PrivateCluster.shared
        let names = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let database = try await cluster.freshDatabase()
                    try await database.drop()
                    return database.name
                }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(names.count == 8)
    }

    @Test("what PostgreSQL refuses is thrown with what it said")
    func refusal() async throws {
        let cluster = try await PrivateCluster.shared
        let fault = await #expect(throws: ProcessFault.self) { try await cluster.psql("SELECT nonsense") }
        #expect(fault?.description.contains("column \"nonsense\" does not exist") == true)
    }
}
