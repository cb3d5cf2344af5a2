import Notation
import Outbox
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// MC-12: reminders are scheduled when the appointment is made, and sent once, whatever the number of workers.
    @Suite struct RemindersAreSentOnce {
        /// A day on which somebody is booked for the third day at 9:00.
        private func withBooking(
            _ engine: Engine, _ body: (ClinicFixture, Told, Instant) async throws -> Void
        ) async throws {
            let plan = ClinicPlan { $0.policy.cancellationCutoffMinutes = 0 }
            try await ClinicFixture.open(engine, plan) { fixture in
                let start = plan.time(day: 3, hour: 9)
                let booked = try #require(await fixture.book(at: start).told)
                try await body(fixture, booked, start)
                try await fixture.keepsEveryPromise(isQuiet: true)
            }
        }

        /// Moves time on and lets so many workers deliver at once what is due.
        private func deliver(at instant: Instant, workers: Int = 1, _ fixture: ClinicFixture) async throws {
            fixture.clock.advance(to: instant)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<workers {
                    let worker = fixture.worker(named: "worker-\(number)")
                    group.addTask { while try await worker.step() > 0 {} }
                }
                try await group.waitForAll()
            }
        }

        /// The minutes before of every reminder so far, in order.
        private func reminders(_ fixture: ClinicFixture) async throws -> [String] {
            let page = PageRequest(limit: 200)
            let notices = try await fixture.clinic.mailbox(of: nil, page: page, for: .looking(fixture.plan.desk())).elements
            return notices.filter { $0.kind == .reminder }.map(\.payload)
        }

        private func expectReminders(_ expected: [String], _ fixture: ClinicFixture) async throws {
            let found = try await reminders(fixture)
            #expect(found == expected)
        }

        private func reminder(_ start: Instant, _ minutes: Int) -> String {
            #"{"start":"\#(start)","minutesBefore":\#(minutes)}"#
        }

        @Test(arguments: Engine.allCases, [1, 2, 8])
        func `24 hours and 2 hours before, once each, however many workers there are`(engine: Engine, workers: Int) async throws {
            try await withBooking(engine) { fixture, _, start in
                try await deliver(at: start - .hours(24) - .milliseconds(1), workers: workers, fixture)
                try await expectReminders([], fixture)
                try await deliver(at: start - .hours(24), workers: workers, fixture)
                try await expectReminders([reminder(start, 1440)], fixture)
                try await deliver(at: start - .hours(2) - .milliseconds(1), workers: workers, fixture)
                try await expectReminders([reminder(start, 1440)], fixture)
                try await deliver(at: start - .hours(2), workers: workers, fixture)
                try await deliver(at: start, workers: workers, fixture)
                try await expectReminders([reminder(start, 1440), reminder(start, 120)], fixture)
            }
        }

        @Test(arguments: Engine.allCases)
        func `of many visits at one time, each patient hears once from many workers`(engine: Engine) async throws {
            let plan = ClinicPlan {
                $0.practitioners = 40; $0.patients = 40
            }
            try await ClinicFixture.open(engine, plan) { fixture in
                let start = plan.time(day: 3, hour: 9)
                for number in 0..<40 { await fixture.book(patient: number, with: number, at: start) }
                try await deliver(at: start - .hours(24), workers: 8, fixture)
                try await expectReminders(Array(repeating: reminder(start, 1440), count: 40), fixture)
                try await fixture.keepsEveryPromise(isQuiet: true)
            }
        }

        @Test(arguments: Engine.allCases)
        func `nobody is reminded of a visit that was cancelled`(engine: Engine) async throws {
            try await withBooking(engine) { fixture, booked, start in
                #expect(await fixture.cancel(booked.id, by: fixture.plan.patientCaller(0)).told?.state == .cancelled)
                try await deliver(at: start - .hours(24), fixture)
                try await deliver(at: start - .hours(2), fixture)
                try await expectReminders([], fixture)
            }
        }

        @Test(arguments: Engine.allCases)
        func `who moved is reminded of the new time only`(engine: Engine) async throws {
            try await withBooking(engine) { fixture, booked, start in
                let later = start + .hours(3)
                await fixture.move(booked.id, to: later, by: fixture.plan.patientCaller(0))
                try await deliver(at: start - .hours(24), fixture)
                try await expectReminders([], fixture)
                try await deliver(at: later - .hours(24), fixture)
                try await deliver(at: later - .hours(2), fixture)
                try await expectReminders([reminder(later, 1440), reminder(later, 120)], fixture)
            }
        }

        @Test(arguments: Engine.allCases)
        func `who moved away and back is reminded once`(engine: Engine) async throws {
            try await withBooking(engine) { fixture, booked, start in
                await fixture.move(booked.id, to: start + .hours(3), by: fixture.plan.patientCaller(0))
                await fixture.move(booked.id, to: start, by: fixture.plan.patientCaller(0))
                try await deliver(at: start - .hours(24), workers: 4, fixture)
                try await deliver(at: start - .hours(2), workers: 4, fixture)
                try await expectReminders([reminder(start, 1440), reminder(start, 120)], fixture)
            }
        }

        /// The first reminder is in the hands of a worker that died, the clock was set back, and the visit is moved away and
        /// back before the first is taken up again.
        @Test(arguments: Engine.allCases)
        func `who moved away and back under a worker that died is reminded once`(engine: Engine) async throws {
            try await withBooking(engine) { fixture, booked, start in
                fixture.clock.advance(to: start - .hours(24))
                let taken = TakenAndDropped(due: start - .hours(24))
                #expect(try await fixture.database.write { try $0.run(taken) } == 1)
                fixture.clock.jump(by: .zero - .seconds(2))
                await fixture.move(booked.id, to: start + .hours(3), by: fixture.plan.patientCaller(0))
                await fixture.move(booked.id, to: start, by: fixture.plan.patientCaller(0))
                fixture.clock.advance(by: .seconds(70))
                try await fixture.worker().rescueLeases()
                try await deliver(at: fixture.clock.now, fixture)
                try await expectReminders([reminder(start, 1440)], fixture)
                try await deliver(at: start - .hours(2), fixture)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a visit booked on its own day has the last reminder only`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let start = fixture.plan.time(day: 0, hour: 10)
                await fixture.book(at: start)
                try await deliver(at: start - .hours(2), fixture)
                try await expectReminders([reminder(start, 120)], fixture)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a hold has no reminders until it is confirmed`(engine: Engine) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let start = fixture.plan.time(day: 3, hour: 9)
                let held = try #require(await fixture.hold(at: start).told)
                fixture.clock.advance(by: .minutes(4))
                await fixture.confirm(held.id, by: fixture.plan.patientCaller(0))
                try await deliver(at: start - .hours(24), fixture)
                try await expectReminders([reminder(start, 1440)], fixture)
                try await fixture.keepsEveryPromise(isQuiet: true)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a worker that comes back after the visit began reminds nobody`(engine: Engine) async throws {
            try await withBookingAlone(engine) { fixture, start in
                try await deliver(at: start, fixture)
                try await expectReminders([], fixture)
            }
        }

        private func withBookingAlone(_ engine: Engine, _ body: (ClinicFixture, Instant) async throws -> Void) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let start = fixture.plan.time(day: 3, hour: 9)
                await fixture.book(at: start)
                try await body(fixture, start)
            }
        }
    }
}

/// A reminder in the hands of a worker that died.
private struct TakenAndDropped: Command {
    static let sql: SQL = """
        UPDATE outbox SET state = 'running', attempt = 1, lease = 1, worker = 'dead', lease_until = $2
        WHERE topic = 'appointment.reminder' AND available_at = $1
        """
    let due: Instant
    var bindings: [SQLValue] { [.instant(due), .instant(due + .minutes(1))] }
}
