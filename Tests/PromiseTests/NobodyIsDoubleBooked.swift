import Scheduling
import Storage
import StoragePostgres
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// MA-4, HB-2: two callers never get the same time, under any load.
    @Suite(.serialized) struct NobodyIsDoubleBooked {
        @Test(arguments: [
            (Engine.sqlite, 1, 30_000), (.sqlite, 20, 30_000), (.sqlite, 500, 40_000),
            (.postgres, 1, 10_000), (.postgres, 20, 10_000), (.postgres, 500, 12_000),
        ])
        func `in a storm of 64 callers every time is sold once and to one`(
            engine: Engine, practitioners: Int, attempts: Int
        ) async throws {
            let plan = StormPlan(attempts: attempts, practitioners: practitioners)
            let report = try await ClinicFixture.open(engine, plan.clinic) { try await Storm(plan, in: $0).run() }
            print(
                "storm of \(practitioners) on \(engine): \(Int(report.attemptsPerSecond))/s, longest wait \(report.longestWait) s"
            )
            #expect(report.violations.isEmpty)
            #expect(report.failures == 0)
            #expect(report.sold == report.capacity && report.unsold == 0)
            #expect(report.changes > attempts / 20 && report.refusals > attempts / 20 && report.repeats > attempts / 50)
            // The one figure of time the requirement names (HB-2).
            #expect(report.longestWait <= 1)
        }

        /// The clinic of the controls: visits of 30 minutes every 15, so that two may overlap without starting together
        /// and the primary key of the claims is no help.
        private func damage(
            _ engine: Engine, blinded: Bool, unguarded: Bool
        ) async throws -> (report: StormReport, overlaps: Int) {
            let plan = StormPlan(attempts: 2_000, practitioners: 1)
            var clinic = plan.clinic
            clinic.policy.startGridMinutes = 15
            return try await ClinicFixture.open(engine, clinic, sabotage: { blinded ? TamperedDatabase.blinded($0) : $0 }) {
                fixture in
                if unguarded { try await fixture.execute(Unguarded.sql) }
                let report = await Storm(plan, in: fixture).rush()
                let violations = try await fixture.violations()
                return (report, violations.count { $0.promise == .neverDoubleBooked })
            }
        }

        @Test(arguments: Engine.allCases)
        func `with only the clinic's own look blinded, the schema still refuses`(engine: Engine) async throws {
            let (report, overlaps) = try await damage(engine, blinded: true, unguarded: false)
            #expect(overlaps == 0 && report.changes > 100)
        }

        /// Only where there is one writer. Where many write, the look is for good answers and the schema for the promise;
        /// what happens without it is shown below.
        @Test func `with only the schema's guard dropped, the clinic's own look on the one writer still holds`() async throws {
            let (report, overlaps) = try await damage(.sqlite, blinded: false, unguarded: true)
            #expect(overlaps == 0 && report.changes > 100)
        }

        @Test(arguments: Engine.allCases)
        func `negative control: with neither, the checker finds double bookings`(engine: Engine) async throws {
            let (_, overlaps) = try await damage(engine, blinded: true, unguarded: true)
            #expect(overlaps > 0)
        }

        /// Two programs look at the same moment and find the same time free, a quarter of an hour apart.
        private func lookTogether(unguarded: Bool) async throws -> (outcomes: [Outcome], violations: [Violation]) {
            let plan = ClinicPlan { $0.policy.startGridMinutes = 15 }
            return try await ClinicFixture.open(.postgres, plan) { fixture in
                if unguarded { try await fixture.execute(Unguarded.sql) }
                let meeting = TwoLookFirst(fixture.database)
                let programs = [1, 2].map { _ in
                    Clinic(database: meeting, surroundings: fixture.surroundings, master: TestKeys.master)
                }
                for program in programs { try await program.open() }
                meeting.begin()
                let outcomes = await withTaskGroup(of: Outcome.self) { group in
                    for (number, program) in programs.enumerated() {
                        let start = plan.time(day: 3, hour: 9, minute: 15 * number)
                        group.addTask { await fixture.book(patient: number, at: start, at: program) }
                    }
                    return await group.reduce(into: [Outcome]()) { $0.append($1) }
                }
                return (outcomes, try await fixture.violations())
            }
        }

        @Test func `of two programs that look before either writes, one gets the time and the other hears it is taken`()
            async throws
        {
            let (outcomes, violations) = try await lookTogether(unguarded: false)
            #expect(violations.isEmpty)
            #expect(outcomes.count { $0.told?.state == .booked } == 1)
            #expect(outcomes.count { $0.refusal == .practitionerTaken } == 1)
        }

        @Test func `negative control: where many write, the look alone does not keep two programs apart`() async throws {
            let (outcomes, violations) = try await lookTogether(unguarded: true)
            #expect(outcomes.allSatisfy { $0.told?.state == .booked })
            #expect(violations.contains { $0.promise == .neverDoubleBooked })
        }

        @Test func `bookings that wait together do share their transactions, so the storm is one of groups`() async throws {
            let counts = GroupCounts()
            let plan = StormPlan(attempts: 2_000, practitioners: 20)
            try await Engine.withPostgres(observer: counts) { database, _ in
                try await ClinicFixture.open(on: database, plan.clinic) { fixture in
                    let report = await Storm(plan, in: fixture).rush()
                    #expect(report.failures == 0 && report.changes > 100)
                    try await fixture.keepsEveryPromise()
                }
            }
            #expect(counts.largest > 8)
        }
    }
}

private final class GroupCounts: PostgresObserver {
    private let most = Mutex(0)
    var largest: Int { most.withLock { $0 } }

    func grouped(bodies: Int, seconds: Double) { most.withLock { $0 = max($0, bodies) } }
    func waited(_ seconds: Double) {}
    func waiting(because why: String) {}
    func slow(_ statement: String, seconds: Double) {}
    func repeated(because cause: String) {}
}
