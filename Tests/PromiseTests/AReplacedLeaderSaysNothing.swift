import Notation
import PostgresCluster
import Scheduling
import Storage
import StoragePostgres
import TestKit
import Testing
import Workflows

extension Promises {
    /// HB-5: a leader that slept while it was replaced wakes up and still takes requests for a moment, and knows nothing of
    /// what was acknowledged meanwhile. What it says about that must never be heard, not even a refusal.
    @Suite(.serialized) struct AReplacedLeaderSaysNothing {
        /// A leader that waits for its standby, fell asleep, was replaced by it, and woke up.
        private struct Pair {
            let fixture: ClinicFixture
            let old: PrivateCluster
            /// The same clinic, at the standby that leads now.
            let successor: Clinic

            /// Booked with the successor: the old leader has never heard of it.
            func bookAtSuccessor(patient: Int, hour: Int) async throws -> Told {
                let time = fixture.plan.time(day: 2, hour: hour)
                return try #require(await fixture.book(patient: patient, at: time, at: successor).told)
            }
        }

        private func withReplacedLeader(
            sabotage: (any Database) -> any Database = { $0 }, _ body: (Pair) async throws -> Void
        ) async throws {
            try await PrivateCluster.withCluster { cluster in
                let fresh = try await cluster.freshDatabase()
                let standby = try await StreamingReplica(of: cluster)
                try await standby.start()
                let database = try PostgresDatabase(PostgresSettings(url: fresh.url, random: SeededRandom(seed: 1)))
                var successors: [PostgresDatabase] = []
                let result: Result<Void, any Error>
                do {
                    try await ClinicFixture.open(on: sabotage(database)) { fixture in
                        try await cluster.psql("ALTER SYSTEM SET synchronous_standby_names = '*'")
                        try await cluster.psql("SELECT pg_reload_conf()")
                        // It answers like any leader, as long as the standby follows.
                        #expect(
                            await fixture.cancel(fixture.newID(), by: fixture.plan.patientCaller(1)).refusal
                                == .appointmentUnknown)
                        try await standby.follow()
                        try cluster.freeze()
                        try await standby.promote()
                        let url = standby.url(database: fresh.name)
                        successors.append(try PostgresDatabase(PostgresSettings(url: url, random: SeededRandom(seed: 2))))
                        let successor = Clinic(
                            database: successors[0], surroundings: fixture.surroundings, master: TestKeys.master)
                        try await successor.open()
                        cluster.thaw()
                        try await body(Pair(fixture: fixture, old: cluster, successor: successor))
                    }
                    result = .success(())
                } catch { result = .failure(error) }
                cluster.thaw()
                await cluster.kill()
                await database.close()
                for database in successors { await database.close() }
                await standby.remove()
                try result.get()
            }
        }

        @Test func `it does not say that there is no such appointment, or that somebody may not`() async throws {
            try await withReplacedLeader { pair in
                let patient = pair.fixture.plan.patientCaller(1)
                let booked = try await pair.bookAtSuccessor(patient: 1, hour: 9)
                async let cancelled = pair.fixture.cancel(booked.id, by: patient, key: "k1")
                async let foreign = pair.fixture.cancel(booked.id, by: pair.fixture.plan.patientCaller(2), key: "k2")
                async let unkeyed = pair.fixture.cancel(booked.id, by: patient)
                // Whoever deposed it ends it, or makes it follow. Until then nobody is told anything.
                try await Task.sleep(for: .seconds(1))
                await pair.old.kill()
                for outcome in await [cancelled, foreign, unkeyed] { #expect(!outcome.isDefinite, "\(outcome)") }
                let repeated = await pair.fixture.ask(.cancel(booked.id), by: patient, key: "k1", at: pair.successor)
                #expect(repeated.told?.state == .cancelled, "\(repeated)")
            }
        }

        @Test func `without the wait for the standby it says so`() async throws {
            try await withReplacedLeader(sabotage: { TamperedDatabase.rash($0) }) { pair in
                let booked = try await pair.bookAtSuccessor(patient: 1, hour: 9)
                #expect(
                    await pair.fixture.cancel(booked.id, by: pair.fixture.plan.patientCaller(1)).refusal == .appointmentUnknown)
            }
        }

        @Test func `a change it makes is not acknowledged`() async throws {
            try await withReplacedLeader { pair in
                let time = pair.fixture.plan.time(day: 3, hour: 9)
                async let late = pair.fixture.book(patient: 1, at: time)
                async let lateAndAlone = pair.fixture.book(
                    patient: 3, with: 1, at: time, overrideReason: "late", by: pair.fixture.plan.desk())
                try await Task.sleep(for: .seconds(1))
                await pair.old.kill()
                for outcome in await [late, lateAndAlone] { #expect(!outcome.isDefinite, "\(outcome)") }
                #expect(await pair.fixture.book(patient: 2, at: time, at: pair.successor).told != nil)
            }
        }
    }
}
