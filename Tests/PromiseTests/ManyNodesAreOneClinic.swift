import Notation
import Scheduling
import Storage
import StoragePostgres
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// HB-5, RC-4: any number of nodes serve one clinic.
    @Suite(.serialized) struct ManyNodesAreOneClinic {
        /// Two programs at one database, each with an index of its own.
        private func withTwoNodes(_ body: (ClinicFixture, Clinic) async throws -> Void) async throws {
            try await ClinicFixture.open(.postgres) { fixture in
                try await fixture.clinic.open()
                try await body(fixture, try await fixture.anotherClinic())
            }
        }

        private func offers(_ clinic: Clinic, _ fixture: ClinicFixture) throws -> [Instant] {
            let search = TimeSearch(
                visitType: fixture.plan.consultation, practitioner: fixture.plan.practitioner(0),
                range: fixture.plan.range(ofDays: 2..<3), limit: 100)
            return try clinic.freeTimes(search, for: fixture.plan.desk()).elements.map(\.start)
        }

        @Test func `what one node sells another stops offering, also when every hint is lost`() async throws {
            try await withTwoNodes { fixture, other in
                let time = fixture.plan.time(day: 2, hour: 10)
                #expect(try offers(other, fixture).contains(time))
                let booked = await fixture.book(patient: 1, at: time)
                // Nobody told it.
                #expect(try offers(other, fixture).contains(time))
                try await other.refreshAvailability()
                #expect(try offers(other, fixture).contains(time) == false)

                await fixture.cancel(try #require(booked.told).id, by: fixture.plan.patientCaller(1))
                try await other.refreshAvailability()
                #expect(try offers(other, fixture).contains(time))
                // What was read once is not read for ever.
                try await other.refreshAvailability()
                let again = try await other.refreshAvailability()
                #expect(again == 0)
            }
        }

        /// A node may have a clinic open only to deliver for it.
        @Test func `an index nobody has filled is not brought up to date, and once it is filled it is`() async throws {
            try await ClinicFixture.open(.postgres) { fixture in
                let time = fixture.plan.time(day: 2, hour: 10)
                let idle = Clinic(database: fixture.database, surroundings: fixture.surroundings, master: TestKeys.master)
                _ = await fixture.book(patient: 1, at: time)
                let before = try await idle.refreshAvailability()
                #expect(before == 0)
                #expect(throws: StorageFault.closed) { try self.offers(idle, fixture) }
                try await idle.open()
                #expect(try offers(idle, fixture).contains(time) == false)
                _ = await fixture.book(patient: 2, at: fixture.plan.time(day: 2, hour: 11))
                let after = try await idle.refreshAvailability()
                #expect(after > 0)
                #expect(try offers(idle, fixture).contains(fixture.plan.time(day: 2, hour: 11)) == false)
            }
        }

        @Test func `working hours and imports reach every node`() async throws {
            try await withTwoNodes { fixture, other in
                let before = try offers(other, fixture)
                let leave = ScheduleException(
                    id: fixture.surroundings.identifiers.next(ScheduleException.self),
                    resource: fixture.plan.practitioner(0), kind: .leave, range: fixture.plan.range(ofDays: 2..<3), note: nil)
                _ = try await fixture.clinic.change(
                    .addException(leave), call: Call(caller: fixture.plan.admin(), requestID: "test"),
                    wording: Wording(
                        done: { _ in StoredAnswer(status: 200, contentType: "text/plain", body: []) },
                        refused: { _ in StoredAnswer(status: 409, contentType: "text/plain", body: []) }))
                try await other.refreshAvailability()
                #expect(!before.isEmpty)
                #expect(try offers(other, fixture).isEmpty)
            }
        }

        @Test func `a stale node is told no and sells nothing twice`() async throws {
            try await withTwoNodes { fixture, other in
                let time = fixture.plan.time(day: 2, hour: 11)
                _ = await fixture.book(patient: 1, at: time)
                #expect(await fixture.book(patient: 2, at: time, at: other).refusal == .practitionerTaken)
                let violations = try await fixture.violations()
                #expect(violations.isEmpty, "\(violations)")
            }
        }
    }

    /// Elected duties: two nodes never both act.
    @Suite(.serialized) struct OneNodeLeads {
        private func sideline(_ url: String, _ name: String, mayLead: Bool = true) throws -> Sideline {
            try Sideline(PostgresSettings(url: url, random: SeededRandom(seed: 1)), name: name, mayLead: mayLead) {}
        }

        @Test func `of two nodes one leads, and when it goes the other does within seconds`() async throws {
            try await Engine.withPostgres { _, url in
                let first = try sideline(url, "first")
                try await eventually { first.leads }
                let second = try sideline(url, "second")
                for _ in 0..<30 {
                    #expect(!(first.leads && second.leads))
                    try await Task.sleep(for: .milliseconds(50))
                }
                #expect(first.leads)
                await first.close()
                #expect(!first.leads)
                try await eventually { second.leads }
                await second.close()
            }
        }

        @Test func `a leader whose session the server ended leads no more, before another does`() async throws {
            try await Engine.withPostgres { database, url in
                let first = try sideline(url, "first")
                try await eventually { first.leads }
                let second = try sideline(url, "second")
                for _ in 0..<3 {
                    try await database.write {
                        try $0.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 2")
                    }
                    for _ in 0..<40 {
                        #expect(!(first.leads && second.leads))
                        try await Task.sleep(for: .milliseconds(25))
                    }
                    try await eventually { first.leads || second.leads }
                }
                await first.close()
                await second.close()
            }
        }

        /// A node without the role of a reconciler does nothing for all of them.
        @Test func `a node that may not lead does not, and keeps nobody from it`() async throws {
            try await Engine.withPostgres { _, url in
                let worker = try sideline(url, "worker", mayLead: false)
                let reconciler = try sideline(url, "reconciler")
                try await eventually { worker.nodes == 2 && reconciler.leads }
                #expect(!worker.leads)
                // The lock is nobody's now, and it is not taken by who may not have it.
                await reconciler.close()
                try await eventually { worker.nodes == 1 }
                for _ in 0..<60 {
                    #expect(!worker.leads)
                    try await Task.sleep(for: .milliseconds(50))
                }
                // The negative control: whoever may has it in that time.
                let next = try sideline(url, "next")
                try await eventually { next.leads }
                #expect(!worker.leads && worker.failure == nil)
                await next.close()
                await worker.close()
            }
        }

        /// What is for all nodes together is divided by how many there are (MC-10).
        @Test func `nodes count each other, and notice when one goes`() async throws {
            try await Engine.withPostgres { _, url in
                let first = try sideline(url, "first")
                #expect(first.nodes == 1)
                let others = try [sideline(url, "second"), sideline(url, "third")]
                try await eventually { first.nodes == 3 && others.allSatisfy { $0.nodes == 3 } }
                await others[0].close()
                try await eventually { first.nodes == 2 }
                await others[1].close()
                try await eventually { first.nodes == 1 }
                await first.close()
            }
        }

        @Test func `news told by one node are heard by the others and not by itself`() async throws {
            try await Engine.withPostgres { _, url in
                let (mine, theirs) = (Count(), Count())
                let settings = PostgresSettings(url: url, random: SeededRandom(seed: 1))
                let first = try Sideline(settings, name: "first") { mine.add() }
                let second = try Sideline(settings, name: "second") { theirs.add() }
                // Each hears once that it may have missed something.
                try await eventually { mine.value == 1 && theirs.value == 1 }
                for _ in 0..<1_000 { first.tell() }
                try await eventually { theirs.value > 1 }
                #expect(mine.value == 1)
                // A thousand commits are told in a few words.
                #expect(theirs.value < 20)
                await first.close()
                await second.close()
            }
        }
    }
}

/// Waits for something another thread does, for ten seconds at most.
private func eventually(_ condition: () -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(60)
    while !condition() {
        if ContinuousClock.now > limit {
            Issue.record("it did not happen in ten seconds")
            return
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}

private final class Count: Sendable {
    private let count = Mutex(0)
    func add() { count.withLock { $0 += 1 } }
    var value: Int { count.withLock { $0 } }
}
