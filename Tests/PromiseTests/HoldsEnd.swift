import Notation
import Outbox
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// MC-5: a hold that is not confirmed frees its time after 5 minutes.
    @Suite struct HoldsEnd {
        private func withHold(_ engine: Engine, _ body: (ClinicFixture, Told, Instant) async throws -> Void) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let start = fixture.plan.time(day: 3, hour: 9)
                let held = try #require(await fixture.hold(patient: 0, at: start).told)
                #expect(held.state == .pending)
                try await body(fixture, held, start)
                try await fixture.keepsEveryPromise()
            }
        }

        private func expect(_ id: ID<Appointment>, is state: AppointmentState, _ fixture: ClinicFixture) async throws {
            let found = try await fixture.clinic.appointment(id, for: .looking(fixture.plan.desk())).state
            #expect(found == state)
        }

        private func expectSweep(of count: Int, _ fixture: ClinicFixture) async throws {
            let swept = try await fixture.clinic.sweepHolds()
            #expect(swept == count)
        }

        @Test(arguments: Engine.allCases)
        func `the timer frees the time after 5 minutes and not before`(engine: Engine) async throws {
            try await withHold(engine) { fixture, held, start in
                let worker = fixture.worker()
                fixture.clock.advance(by: .minutes(5) - .milliseconds(1))
                while try await worker.step() > 0 {}
                #expect(await fixture.book(patient: 1, at: start).refusal == .practitionerTaken)
                fixture.clock.advance(by: .milliseconds(1))
                while try await worker.step() > 0 {}
                let ended = try await fixture.clinic.appointment(held.id, for: .looking(fixture.plan.desk()))
                #expect(ended.state == .cancelled && ended.cancellation?.reason == .expired)
                #expect(await fixture.book(patient: 1, at: start).told?.state == .booked)
            }
        }

        @Test(arguments: Engine.allCases)
        func `the sweeper frees the time when the timer is lost`(engine: Engine) async throws {
            try await withHold(engine) { fixture, held, start in
                // No worker runs: nobody hears the timer.
                fixture.clock.advance(by: .minutes(5) + .seconds(10))
                try await expectSweep(of: 0, fixture)
                fixture.clock.advance(by: .milliseconds(1))
                try await expectSweep(of: 1, fixture)
                try await expect(held.id, is: .cancelled, fixture)
                #expect(await fixture.book(patient: 1, at: start).told?.state == .booked)
            }
        }

        @Test(arguments: Engine.allCases)
        func `who confirms at the last moment keeps the time`(engine: Engine) async throws {
            try await withHold(engine) { fixture, held, _ in
                fixture.clock.advance(by: .minutes(5) - .milliseconds(1))
                #expect(await fixture.confirm(held.id, by: fixture.plan.patientCaller(0)).told?.state == .booked)
                fixture.clock.advance(by: .minutes(1))
                while try await fixture.worker().step() > 0 {}
                try await expectSweep(of: 0, fixture)
                try await expect(held.id, is: .booked, fixture)
            }
        }

        @Test(arguments: Engine.allCases)
        func `who confirms a moment later is refused, also when nobody has swept yet`(engine: Engine) async throws {
            try await withHold(engine) { fixture, held, _ in
                fixture.clock.advance(by: .minutes(5))
                #expect(await fixture.confirm(held.id, by: fixture.plan.patientCaller(0)) == .refused(.holdExpired))
                #expect(
                    await fixture.move(held.id, to: fixture.plan.time(day: 3, hour: 11), by: fixture.plan.desk())
                        == .refused(.holdExpired))
            }
        }

        @Test(arguments: Engine.allCases)
        func `a hold that is moved ends when it would have ended`(engine: Engine) async throws {
            try await withHold(engine) { fixture, held, _ in
                fixture.clock.advance(by: .minutes(3))
                let start = fixture.plan.time(day: 4, hour: 10)
                #expect(await fixture.move(held.id, to: start, by: fixture.plan.desk()).told?.state == .pending)
                fixture.clock.advance(by: .minutes(2))
                while try await fixture.worker().step() > 0 {}
                try await expect(held.id, is: .cancelled, fixture)
            }
        }

        @Test(arguments: Engine.allCases)
        func `however many timers and sweepers there are, a hold ends once`(engine: Engine) async throws {
            try await withHold(engine) { fixture, held, _ in
                fixture.clock.advance(by: .minutes(6))
                let other = try await fixture.anotherClinic()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<4 {
                        group.addTask { _ = try await fixture.worker(named: "w\(number)").step() }
                        group.addTask { _ = try await (number % 2 == 0 ? fixture.clinic : other).sweepHolds() }
                    }
                    try await group.waitForAll()
                }
                while try await fixture.worker().step() > 0 {}
                try await fixture.keepsEveryPromise(isQuiet: true)
                let notices = try await fixture.clinic.mailbox(
                    of: nil, page: PageRequest(limit: 50), for: .looking(fixture.plan.desk())
                )
                .elements
                #expect(notices.count { $0.kind == .expiry && $0.recipientRole == .patient } == 1)
                try await expect(held.id, is: .cancelled, fixture)
            }
        }
    }
}
