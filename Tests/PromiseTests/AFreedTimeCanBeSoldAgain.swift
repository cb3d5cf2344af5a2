import Notation
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// HB-2, MC-5: a time that was given up is free for the next one at once, and for one.
    @Suite struct AFreedTimeCanBeSoldAgain {
        /// How the first patient gives the time up.
        enum Way: CaseIterable { case cancelled, moved, enteredInError, expired }

        @Test(arguments: Engine.allCases, Way.allCases)
        func `whatever freed it, the time is offered again and sold once`(engine: Engine, way: Way) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let start = fixture.plan.time(day: 3, hour: 9)
                let first = try #require(await fixture.book(patient: 0, at: start, isHold: way == .expired).told)
                try expectOffer(of: start, false, fixture)
                #expect(await fixture.book(patient: 1, at: start).refusal == .practitionerTaken)
                try await give(up: first.id, way, fixture)
                try expectOffer(of: start, true, fixture)
                #expect(await fixture.book(patient: 1, at: start).told?.state == .booked)
                #expect(await fixture.book(patient: 2, at: start).refusal == .practitionerTaken)
                try expectOffer(of: start, false, fixture)
                try await fixture.keepsEveryPromise()
            }
        }

        private func give(up id: ID<Appointment>, _ way: Way, _ fixture: ClinicFixture) async throws {
            let desk = fixture.plan.desk()
            switch way {
            case .cancelled: await fixture.cancel(id, by: fixture.plan.patientCaller(0))
            case .moved: await fixture.move(id, to: fixture.plan.time(day: 4, hour: 9), by: desk)
            case .enteredInError: await fixture.ask(.markError(id), by: desk)
            case .expired:
                fixture.clock.advance(by: .minutes(6))
                try await fixture.clinic.sweepHolds()
            }
        }

        private func expectOffer(of start: Instant, _ isOffered: Bool, _ fixture: ClinicFixture) throws {
            let search = TimeSearch(visitType: fixture.plan.consultation, range: fixture.plan.range(ofDays: 3..<4), limit: 100)
            let offers = try fixture.clinic.freeTimes(search, for: fixture.plan.desk()).elements
            #expect(offers.contains { $0.start == start } == isOffered)
        }

        @Test(arguments: Engine.allCases)
        func `two of two who swap their times never lose both`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let (nine, ten, eleven) = (
                    fixture.plan.time(day: 3, hour: 9), fixture.plan.time(day: 3, hour: 10), fixture.plan.time(day: 3, hour: 11)
                )
                let first = try #require(await fixture.book(patient: 0, at: nine).told)
                let second = try #require(await fixture.book(patient: 1, at: ten).told)
                #expect(await fixture.move(first.id, to: ten, by: fixture.plan.desk()).refusal == .practitionerTaken)
                #expect(await fixture.move(second.id, to: eleven, by: fixture.plan.desk()).told?.start == eleven)
                #expect(await fixture.move(first.id, to: ten, by: fixture.plan.desk()).told?.start == ten)
                #expect(await fixture.move(second.id, to: nine, by: fixture.plan.desk()).told?.start == nine)
                try await fixture.keepsEveryPromise()
            }
        }
    }
}
