import Foundation
import Notation
import PostgresCluster
import Storage
import StoragePostgres
import TestKit
import Testing

@Suite("Opening a database on PostgreSQL")
struct OpeningTests {
    private static let secret = "s3cr3t-Passw0rd"

    private func refusal(_ url: String, patienceSeconds: Double = 0) async -> StorageFault? {
        await fault {
            let settings = PostgresSettings(url: url, patienceSeconds: patienceSeconds, random: SeededRandom(seed: 1))
            await (try PostgresDatabase(settings)).close()
        }
    }

    /// One line, in which nobody's password stands.
    private func expectQuiet(_ fault: StorageFault?, contains words: [String], sourceLocation: SourceLocation = #_sourceLocation)
    {
        guard case .unreachable = fault, let text = fault?.description else {
            Issue.record("\(String(describing: fault))", sourceLocation: sourceLocation)
            return
        }
        #expect(!text.contains("\n") && !text.contains(Self.secret), "\(text)", sourceLocation: sourceLocation)
        for word in words { #expect(text.contains(word), "\(text)", sourceLocation: sourceLocation) }
    }

    @Test func `a wrong password, or a user nobody knows`() async throws {
        let cluster = try await PrivateCluster.shared
        for url in [cluster.url(password: Self.secret), cluster.url(user: "nobody", password: Self.secret)] {
            expectQuiet(await refusal(url, patienceSeconds: 1), contains: ["refused the password", "check"])
        }
    }

    @Test func `no password at all`() async throws {
        let cluster = try await PrivateCluster.shared
        let url = "postgres://\(cluster.superuser)@127.0.0.1:\(cluster.port)/postgres"
        expectQuiet(await refusal(url, patienceSeconds: 1), contains: ["wants a password", "passfile="])
    }

    @Test func `a database that is not there`() async throws {
        let url = try await PrivateCluster.shared.url(database: "nowhere")
        expectQuiet(await refusal(url, patienceSeconds: 1), contains: ["\"nowhere\"", "create"])
    }

    @Test func `a host that is not there`() async {
        let url = "postgres://nurse:\(Self.secret)@no-such-host.invalid:5432/clinic"
        expectQuiet(await refusal(url), contains: ["no such host", "check the URL"])
    }

    @Test func `a port nobody listens on`() async {
        let url = "postgres://nurse:\(Self.secret)@127.0.0.1:1/clinic"
        expectQuiet(await refusal(url), contains: ["127.0.0.1", "port 1"])
    }

    @Test func `an encryption the server does not speak`() async throws {
        let url = try await PrivateCluster.shared.url() + "?sslmode=require"
        expectQuiet(await refusal(url, patienceSeconds: 1), contains: ["encrypted"])
    }

    @Test(arguments: [
        "postgres://nurse:\(secret)@[::1/clinic", "postgres://nurse:\(secret)@[::1]x/clinic",
        "postgres://nurse:\(secret)%zz@127.0.0.1/clinic", "postgres://nurse:\(secret)@127.0.0.1/clinic?colour=red",
        "postgres://nurse:\(secret)@127.0.0.1:port/clinic", "postgres://nurse:\(secret)@127.0.0.1/clinic?password=\(secret)%",
        "host=127.0.0.1 password='\(secret)", "host=127.0.0.1 \(secret)", "password=\(secret) port=x",
    ])
    func `an address that is none, in which a password stands`(url: String) async {
        expectQuiet(await refusal(url, patienceSeconds: 1), contains: ["URL"])
    }

    @Test func `a server without a place for one more`() async throws {
        let cluster = try await PrivateCluster.shared
        try await cluster.psql("CREATE ROLE crowded LOGIN PASSWORD '\(Self.secret)' CONNECTION LIMIT 0")
        expectQuiet(await refusal(cluster.url(user: "crowded", password: Self.secret)), contains: ["connection"])
        try await cluster.psql("DROP ROLE crowded")
    }

    /// PgBouncer's own console speaks the protocol and says what version it is: an ancient one, to who expects PostgreSQL's.
    @Test func `a server that is too old`() async throws {
        let bouncer = try await Bouncer(before: PrivateCluster.shared)
        try await bouncer.start()
        let refusal = await refusal(bouncer.url(database: "pgbouncer"), patienceSeconds: 5)
        await bouncer.remove()
        guard case .cannotOpen(let text) = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        #expect(text.contains("needs 14 or newer") && !text.contains("\n"))
    }

    @Test func `waits for a server that is not there yet`() async throws {
        try await PrivateCluster.withCluster(durable: false) { cluster in
            await cluster.stop()
            async let opening = PostgresDatabase.opened(
                PostgresSettings(url: cluster.url(), patienceSeconds: 60, random: SeededRandom(seed: 1)))
            try await cluster.restart()
            let database = try await opening
            #expect(await database.complaint() == nil)
            await database.close()
        }
    }

    @Test(arguments: Way.allCases) func `a server that takes no changes is read from, and says so to who writes`(way: Way)
        async throws
    {
        try await way.open({ $0.lifetimeSeconds = 0 }) { opened in
            try await opened.database.write { _ = try $0.run(PutVisit(id: 1)) }
            try await opened.cluster.psql("ALTER DATABASE \(opened.name) SET default_transaction_read_only = on")
            // What PgBouncer keeps open began before that.
            let sessions = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            for backend in try await opened.psql(sessions).compactMap({ Int($0) }) { try await opened.end(backend) }
            #expect(await fault { try await opened.database.write { _ = try $0.run(PutVisit(id: 2)) } } == .readOnly)
            let grouped = await fault {
                try await opened.database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 2)) }
            }
            #expect(grouped == .readOnly)
            try await opened.expectVisits([1])
            #expect(await opened.database.complaint()?.contains("takes no changes") == true)
            #expect(StorageFault.readOnly.description.contains("failover"))
            try await opened.cluster.psql("ALTER DATABASE \(opened.name) RESET default_transaction_read_only")
            for backend in try await opened.psql(sessions).compactMap({ Int($0) }) { try await opened.end(backend) }
            try await opened.database.write { _ = try $0.run(PutVisit(id: 2)) }
            try await opened.database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 3)) }
            try await opened.expectVisits([1, 2, 3])
            #expect(await opened.database.complaint() == nil)
        }
    }
}

extension PostgresDatabase {
    /// Opens on a thread of its own: opening blocks.
    fileprivate static func opened(_ settings: PostgresSettings) async throws -> PostgresDatabase {
        try await withUnsafeThrowingContinuation { caller in
            Thread.detachNewThread { caller.resume(with: Result { try PostgresDatabase(settings) }) }
        }
    }
}
