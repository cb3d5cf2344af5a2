import Notation
import PostgresCluster
import Storage
import StoragePostgres
import TestKit
import Testing

/// Somebody else takes every connection there is.
@Suite("A storm of connections", .serialized)
struct ConnectionStormTests {
    private static let places = 12

    private func settings(_ way: Way, _ url: String, connections: Int) -> PostgresSettings {
        var settings = PostgresSettings(
            url: url, connections: connections, patienceSeconds: 5, random: SeededRandom(seed: 1))
        // Every body asks for a connection of its own.
        settings.lifetimeSeconds = 0
        settings.isBehindBouncer = way == .behindBouncer
        return settings
    }

    /// A server, or a PgBouncer before one, that lets so many in at once.
    private func withPlaces(_ way: Way, _ body: (_ url: String) async throws -> Void) async throws {
        // Three of a server's places are its superuser's.
        let limit = way == .direct ? ["max_connections": "\(Self.places + 3)"] : [:]
        try await PrivateCluster.withCluster(durable: false, settings: limit) { cluster in
            try await cluster.psql(
                "CREATE ROLE clinic LOGIN PASSWORD 'clinic'; \(Visit.table); ALTER TABLE visit OWNER TO clinic")
            if way == .direct { return try await body(cluster.url(user: "clinic", password: "clinic")) }
            let bouncer = try Bouncer(before: cluster, users: ["clinic": "clinic"], clients: Self.places)
            try await bouncer.start()
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await body(bouncer.url(user: "clinic", password: "clinic")))
            } catch { outcome = .failure(error) }
            await bouncer.remove()
            try outcome.get()
        }
    }

    @Test(arguments: Way.allCases) func `is told in one line, and over when it is over`(way: Way) async throws {
        try await withPlaces(way) { url in
            let database = try PostgresDatabase(settings(way, url, connections: 4))
            try await database.write { _ = try $0.run(PutVisit(id: 1)) }
            let storm = try PostgresDatabase(settings(way, url, connections: 2 * Self.places))
            let end = Gate()
            let crowd = (1..<2 * Self.places).map { _ in
                Task {
                    while !end.isOpen { try? await storm.doing(.background).write { _ in end.hold() } }
                }
            }
            var refusals: [StorageFault?] = []
            for attempt in 2..<1_000 where refusals.count < 3 {
                let refusal = await fault {
                    if refusals.count == 2 {
                        try await database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: attempt)) }
                    } else {
                        try await database.write { _ = try $0.run(PutVisit(id: attempt)) }
                    }
                }
                if refusal != nil { refusals.append(refusal) }
            }
            let complaint = await database.complaint()
            end.open()
            for one in crowd { await one.value }
            await storm.close()
            #expect(refusals.count == 3)
            for refusal in refusals {
                let text = refusal?.description ?? ""
                #expect(text.contains(way == .direct ? "raise max_connections" : "raise max_client_conn"), "\(text)")
                #expect(!text.contains("\n"))
            }
            #expect(complaint == "cannot be reached or does not answer")

            var last: StorageFault?
            let start = ContinuousClock.now
            while ContinuousClock.now - start < .seconds(30) {
                last = await fault { try await database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 2_000)) } }
                if last == nil { break }
            }
            #expect(last == nil)
            #expect(await database.complaint() == nil)
            #expect(try await database.read { try $0.fetch(VisitIDs()) }.last == 2_000)
            await database.close()
        }
    }
}
