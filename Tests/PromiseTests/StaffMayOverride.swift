import Notation
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// Staff set the clinic's rules aside with a reason, on a calendar they answer for, and never beyond the lanes.
    @Suite struct StaffMayOverride {
        /// Two practitioners with two lanes, of which one is offered; the first has a patient at 9:00.
        private static let plan = ClinicPlan {
            $0.practitioners = 2
            $0.lanes = 2
        }
        private static let nine = plan.time(day: 3, hour: 9)

        private func withFullHour(_ engine: Engine, _ body: (ClinicFixture) async throws -> Void) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                #expect(await fixture.book(patient: 0, at: Self.nine).told?.state == .booked)
                try await body(fixture)
                try await fixture.keepsEveryPromise()
            }
        }

        private func override(_ patient: Int, at start: Instant = nine, by caller: Caller, _ fixture: ClinicFixture) async
            -> Outcome
        {
            await fixture.book(patient: patient, at: start, overrideReason: "an emergency", by: caller)
        }

        @Test(arguments: Engine.allCases)
        func `with a reason the desk takes the lane that is not offered, and no third`(engine: Engine) async throws {
            try await withFullHour(engine) { fixture in
                #expect(await fixture.book(patient: 1, at: Self.nine, by: Self.plan.desk()) == .refused(.practitionerTaken))
                #expect(await override(1, by: Self.plan.desk(), fixture).told?.state == .booked)
                #expect(await override(2, by: Self.plan.desk(), fixture) == .refused(.practitionerTaken))
            }
        }

        @Test(arguments: Engine.allCases)
        func `a practitioner overrides their own calendar, nobody else does but the desk`(engine: Engine) async throws {
            try await withFullHour(engine) { fixture in
                for caller in [Self.plan.practitionerCaller(1), Self.plan.admin(), Self.plan.patientCaller(1)] {
                    #expect(await override(1, by: caller, fixture) == .refused(.notPermitted), "\(caller.role)")
                }
                #expect(await override(1, by: Self.plan.practitionerCaller(0), fixture).told?.state == .booked)
            }
        }

        @Test(arguments: Engine.allCases)
        func `nobody is put in two places, whatever the reason`(engine: Engine) async throws {
            try await withFullHour(engine) { fixture in
                let outcome = await fixture.book(
                    patient: 0, with: 1, at: Self.nine, overrideReason: "an emergency", by: Self.plan.desk())
                #expect(outcome == .refused(.patientTaken))
            }
        }

        @Test(arguments: Engine.allCases)
        func `rules that are set aside stand in the audit with the reason and the name`(engine: Engine) async throws {
            try await withFullHour(engine) { fixture in
                let early = Self.plan.time(day: 3, hour: 5, minute: 5)
                #expect(await fixture.book(patient: 1, at: early, by: Self.plan.desk()) == .refused(.startOffGrid))
                let told = try #require(await override(1, at: early, by: Self.plan.desk(), fixture).told)
                let entries = try await fixture.clinic.audit(of: told.id, page: PageRequest(), for: .looking(Self.plan.desk()))
                    .elements
                let entry = try #require(entries.first)
                #expect(entries.count == 1 && entry.by == Self.plan.desk().principal)
                #expect(entry.overridden == ["startOffGrid", "outsideWorkingHours"])
                #expect(entry.reason?.revealed == "an emergency")
            }
        }

        @Test(arguments: Engine.allCases)
        func `the reason for the extra lane stands in the audit`(engine: Engine) async throws {
            try await withFullHour(engine) { fixture in
                let told = try #require(await override(1, by: Self.plan.desk(), fixture).told)
                let entries = try await fixture.clinic.audit(of: told.id, page: PageRequest(), for: .looking(Self.plan.desk()))
                    .elements
                #expect(entries.first?.reason?.revealed == "an emergency")
            }
        }

        @Test(arguments: Engine.allCases)
        func `a move that overrides obeys the same`(engine: Engine) async throws {
            try await withFullHour(engine) { fixture in
                let other = try #require(await fixture.book(patient: 1, at: Self.plan.time(day: 3, hour: 11)).told)
                let move = MoveRequest(start: Self.nine, overrideReason: Personal("an emergency"))
                #expect(await fixture.ask(.move(other.id, move), by: Self.plan.admin()) == .refused(.notPermitted))
                #expect(
                    await fixture.ask(.move(other.id, MoveRequest(start: Self.nine)), by: Self.plan.desk())
                        == .refused(.practitionerTaken))
                #expect(await fixture.ask(.move(other.id, move), by: Self.plan.desk()).told?.start == Self.nine)
            }
        }
    }
}
