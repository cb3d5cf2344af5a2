import Scheduling
import Storage
import TestKit
import Testing

extension Promises {
    /// MA-4, HB-2: two callers never get the same time, under any load.
    @Suite(.serialized) struct NobodyIsDoubleBooked {
        @Test(arguments: [(1, 30_000), (20, 30_000), (500, 40_000)])
        func `in a storm of 64 callers every time is sold once and to one`(practitioners: Int, attempts: Int) async throws {
            let plan = StormPlan(attempts: attempts, practitioners: practitioners)
            let report = try await ClinicFixture.open(.sqlite, plan.clinic) { try await Storm(plan, in: $0).run() }
            print("storm of \(practitioners): \(Int(report.attemptsPerSecond))/s, longest wait \(report.longestWait) s")
            #expect(report.violations.isEmpty)
            #expect(report.failures == 0)
            #expect(report.sold == report.capacity && report.unsold == 0)
            #expect(report.changes > attempts / 20 && report.refusals > attempts / 20 && report.repeats > attempts / 50)
            // The one figure of time the requirement names (HB-2).
            #expect(report.longestWait <= 1)
        }

        /// The clinic of the controls: visits of 30 minutes every 15, so that two may overlap without starting together
        /// and the primary key of the claims is no help.
        private func damage(blinded: Bool, unguarded: Bool) async throws -> (report: StormReport, overlaps: Int) {
            let plan = StormPlan(attempts: 2_000, practitioners: 1)
            var clinic = plan.clinic
            clinic.policy.startGridMinutes = 15
            return try await ClinicFixture.open(.sqlite, clinic, sabotage: { blinded ? BlindedDatabase($0) : $0 }) { fixture in
                if unguarded { try await fixture.execute(Unguarded.sql) }
                let report = await Storm(plan, in: fixture).rush()
                let violations = try await fixture.violations()
                return (report, violations.count { $0.promise == .neverDoubleBooked })
            }
        }

        @Test func `with only the clinic's own look blinded, the schema still refuses`() async throws {
            let (report, overlaps) = try await damage(blinded: true, unguarded: false)
            #expect(overlaps == 0 && report.changes > 100)
        }

        @Test func `with only the schema's guard dropped, the clinic's own look on the one writer still holds`() async throws {
            let (report, overlaps) = try await damage(blinded: false, unguarded: true)
            #expect(overlaps == 0 && report.changes > 100)
        }

        @Test func `negative control: with neither, the checker finds double bookings`() async throws {
            let (_, overlaps) = try await damage(blinded: true, unguarded: true)
            #expect(overlaps > 0)
        }
    }
}
