import Foundation
import Notation
import PostgresCluster
import Storage
import StoragePostgres
import TestKit
import Testing

/// A server that speaks TLS, and what a URL says about it.
@Suite("An encrypted connection")
struct EncryptionTests {
    private struct IsEncrypted: Query {
        static let sql: SQL = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        var bindings: [SQLValue] { [] }
        static func row(_ columns: any Columns) throws -> Bool { try columns.bool(0) }
    }

    /// Where a server is that names itself `localhost`, and the authority that says so.
    private func withServer(_ body: (PrivateCluster, _ url: String, _ authority: String) async throws -> Void) async throws {
        try await PrivateCluster.withCluster(durable: false) { cluster in
            try await cluster.psql(Visit.table)
            let authority = try await cluster.encrypt(as: "localhost")
            try await body(cluster, cluster.url().replacing("@127.0.0.1:", with: "@localhost:"), authority)
        }
    }

    private func settings(_ url: String) -> PostgresSettings {
        PostgresSettings(url: url, connections: 2, patienceSeconds: 5, random: SeededRandom(seed: 1))
    }

    private func refusal(_ url: String) async -> String {
        let fault = await fault { await (try PostgresDatabase(settings(url))).close() }
        return fault?.description ?? "it was opened"
    }

    @Test func `verify-full books with a server that proves who it is`() async throws {
        try await withServer { cluster, url, authority in
            let database = try PostgresDatabase(settings(url + "?sslmode=verify-full&sslrootcert=\(authority)"))
            let outcome = await fault {
                #expect(try await database.read { try $0.first(IsEncrypted()) } == true)
                try await database.write { _ = try $0.run(PutVisit(id: 1)) }
                try await database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 2)) }
            }
            await database.close()
            #expect(outcome == nil)
            #expect(try await cluster.psql("SELECT id FROM visit ORDER BY id") == ["1", "2"])
        }
    }

    @Test func `verify-full refuses a server that somebody else vouches for, and one with another name`() async throws {
        try await withServer { cluster, url, authority in
            let stranger = try await cluster.strangeAuthority()
            for (address, word) in [
                (url + "?sslmode=verify-full&sslrootcert=\(stranger)", "certificate verify failed"),
                (cluster.url() + "?sslmode=verify-full&sslrootcert=\(authority)", "127.0.0.1"),
                (url + "?sslmode=verify-full&sslrootcert=\(authority).not-there", "root certificate file"),
            ] {
                let answer = await refusal(address)
                #expect(answer.contains("the server's certificate is not accepted") && answer.contains(word), "\(answer)")
                #expect(!answer.contains(cluster.password) && !answer.contains("\n"), "\(answer)")
            }
            // The same name is enough for who does not ask for it.
            #expect(await refusal(cluster.url() + "?sslmode=verify-ca&sslrootcert=\(authority)") == "it was opened")
        }
    }
}

/// Where a connection's password and its server come from.
@Suite("A URL of PostgreSQL")
struct AddressTests {
    @Test func `a password in a file`() async throws {
        try await PrivateCluster.withCluster(durable: false) { cluster in
            let file = cluster.socketDirectory + "/passwords"
            let line = "127.0.0.1:\(cluster.port):*:\(cluster.superuser):\(cluster.password)\n"
            let isWritten = FileManager.default.createFile(
                atPath: file, contents: Data(line.utf8), attributes: [.posixPermissions: 0o600])
            #expect(isWritten)
            let url = "postgres://\(cluster.superuser)@127.0.0.1:\(cluster.port)/postgres?passfile="
            for (passfile, isRight) in [(file, true), (file + ".not-there", false)] {
                let settings = PostgresSettings(url: url + passfile, patienceSeconds: 1, random: SeededRandom(seed: 1))
                let fault = await fault { await (try PostgresDatabase(settings)).close() }
                #expect((fault == nil) == isRight, "\(passfile): \(String(describing: fault))")
            }
        }
    }

    /// The replica stands first, so that whoever takes the first that answers writes nothing.
    @Test(arguments: [true, false]) func `of several hosts, the one that may be written to`(asksForIt: Bool) async throws {
        try await PrivateCluster.withCluster { cluster in
            try await cluster.psql(Visit.table)
            let replica = try await StreamingReplica(of: cluster)
            try await replica.start()
            let hosts = "127.0.0.1:\(replica.port),127.0.0.1:\(cluster.port)"
            let wish = asksForIt ? "?target_session_attrs=read-write" : ""
            let database = try PostgresDatabase(
                PostgresSettings(
                    url: "postgres://\(cluster.superuser):\(cluster.password)@\(hosts)/postgres\(wish)", connections: 2,
                    patienceSeconds: 5, random: SeededRandom(seed: 1)))
            let booking = await fault { try await database.write { _ = try $0.run(PutVisit(id: 1)) } }
            let grouped = await fault { try await database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 2)) } }
            let complaint = await database.complaint()
            await database.close()
            await replica.remove()
            #expect([booking, grouped] == (asksForIt ? [nil, nil] : [.readOnly, .readOnly]))
            #expect((complaint == nil) == asksForIt)
        }
    }
}
