import Notation
import PostgresCluster
import Scheduling
import Storage
import StoragePostgres
import TestKit
import Testing
import Workflows

extension Promises {
    /// HB-5, MA-12: lists may come from a replica, and nobody misses a change of their own.
    @Suite(.serialized) struct OneReadsWhatOneWrote {
        private func withReplica(
            _ body: (ClinicFixture, StreamingReplica, PostgresDatabase) async throws -> Void
        ) async throws {
            try await PrivateCluster.withCluster(durable: false) { cluster in
                let fresh = try await cluster.freshDatabase()
                let replica = try await StreamingReplica(of: cluster)
                try await replica.start()
                try await replica.follow()
                var settings = PostgresSettings(url: fresh.url, random: SeededRandom(seed: 1))
                settings.replicaURL = replica.url(database: fresh.name)
                let database = try PostgresDatabase(settings)
                let result: Result<Void, any Error>
                do {
                    try await ClinicFixture.open(on: database) { fixture in
                        try await eventually { database.replicaLagSeconds == 0 }
                        try await body(fixture, replica, database)
                    }
                    result = .success(())
                } catch { result = .failure(error) }
                await database.close()
                await replica.remove()
                try result.get()
            }
        }

        private func starts(_ fixture: ClinicFixture, since mark: String?) async throws -> [Instant] {
            let request = PageRequest(limit: 100)
            return try await Recency.$wanted.withValue(.since(mark: mark)) {
                try await fixture.clinic.appointments(
                    .ofPractitioner(fixture.plan.practitioner(0)), in: fixture.plan.range(ofDays: 0..<9), page: request,
                    for: .looking(fixture.plan.desk())
                ).elements.map(\.visit.from)
            }
        }

        @Test func `with the token of a change the list has it, however far the replica lags`() async throws {
            try await withReplica { fixture, replica, _ in
                try await replica.follow()
                try await replica.pauseReplay()
                let time = fixture.plan.time(day: 2, hour: 9)
                let mark = CommitMark()
                await CommitMark.$current.withValue(mark) { _ = await fixture.book(patient: 1, at: time) }
                let token = try #require(mark.value)
                #expect(CommitMark.isWellFormed(token))
                // Negative control: the replica answers, unless it is passed over for a moment, and does not know.
                try await eventually { (try? await self.starts(fixture, since: nil))?.isEmpty == true }
                #expect(try await starts(fixture, since: token) == [time])
                try await replica.resumeReplay()
                try await eventually { (try? await self.starts(fixture, since: nil)) == [time] }
                #expect(try await starts(fixture, since: token) == [time])
            }
        }

        @Test func `a replica that is gone is passed over, and used again when it is back`() async throws {
            try await withReplica { fixture, replica, database in
                let time = fixture.plan.time(day: 2, hour: 9)
                _ = await fixture.book(patient: 1, at: time)
                await replica.kill()
                #expect(try await starts(fixture, since: nil) == [time])
                try await eventually { database.replicaLagSeconds == nil }
                try await replica.start()
                try await eventually { database.replicaLagSeconds == 0 }
            }
        }

        @Test func `decisions never ask a replica`() async throws {
            try await withReplica { fixture, replica, _ in
                try await replica.pauseReplay()
                let time = fixture.plan.time(day: 2, hour: 9)
                _ = await fixture.book(patient: 1, at: time)
                let second = await Recency.$wanted.withValue(.since(mark: nil)) { await fixture.book(patient: 2, at: time) }
                #expect(second.refusal == .practitionerTaken)
            }
        }
    }
}

/// Waits for something a server does, for fifteen seconds at most.
private func eventually(_ condition: () async -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(60)
    while await !condition() {
        if ContinuousClock.now > limit {
            Issue.record("it did not happen in fifteen seconds")
            return
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
