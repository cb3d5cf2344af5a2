import Notation
import Outbox
import People
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// MC-9: a freed time goes to whoever waits for it, one after the other, and to nobody twice.
    @Suite struct AFreedTimeIsOfferedOnce {
        private static let twoSeats = ClinicPlan {
            $0.lanes = 2
            $0.lanesOffered = 2
        }

        /// Two people give back the same time at once, which is two times as far as the calendar is concerned; four wait for one.
        private func freeTwice(_ waitlist: WaitlistFixture) async throws {
            for patient in 1...4 { _ = try await waitlist.join(patient).value() }
            let start = waitlist.start()
            var had: [ID<Appointment>] = []
            for patient in [0, 5] {
                had.append(
                    try #require(await waitlist.fixture.book(patient: patient, at: start, by: waitlist.plan.desk()).told).id)
            }
            for id in had {
                _ = try await waitlist.fixture.clinic.cancel(
                    AppointmentTarget(id: id), reason: .desk, call: waitlist.desk, wording: .anything()
                ).value()
            }
            let workers = (0..<4).map { waitlist.fixture.worker(named: "w\($0)") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in workers { group.addTask { while try await worker.step() > 0 {} } }
                try await group.waitForAll()
            }
            waitlist.fixture.clock.advance(by: .minutes(30))
            try await waitlist.work()
        }

        @Test(arguments: Engine.allCases) func `a freed time is offered to one person at a time`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine, Self.twoSeats) { waitlist in
                try await freeTwice(waitlist)
                let start = waitlist.start()
                for patient in 1...3 {
                    let thinking = try await waitlist.thinking()
                    #expect(thinking == [patient], "in the order they came")
                    let held = try await waitlist.holders(of: start)
                    #expect(held.count == 1 && held.first?.state == .pending)
                    // Five days ahead they have four hours.
                    waitlist.fixture.clock.advance(by: .hours(4))
                    try await waitlist.work()
                    let expired = try await waitlist.offers(.expired).count
                    #expect(expired == patient)
                }
                let thinking = try await waitlist.thinking()
                #expect(thinking == [], "three were asked; then it is free for everybody")
                let last = try #require(try await waitlist.offers(.nobody).last)
                #expect(last.explanation.contains(#""reason":"offered-often-enough""#), "\(last.explanation)")
                #expect(try await waitlist.notices(.offer) == 3)
                #expect(await waitlist.fixture.book(patient: 6, at: start).told != nil)
                try await waitlist.isSound()
            }
        }

        @Test(arguments: Engine.allCases)
        func `would be seen: where nobody looks and the schema does not mind, two think about one time`(
            engine: Engine
        ) async throws {
            try await WaitlistFixture.open(
                engine, Self.twoSeats,
                sabotage: {
                    TamperedDatabase($0) {
                        BlindTo($0, ["FROM waitlist_offer WHERE practitioner_id = $1 AND start_at = $2 AND state"])
                    }
                }
            ) { waitlist in
                try await waitlist.fixture.execute("DROP INDEX waitlist_offer_open")
                try await freeTwice(waitlist)
                let thinking = try await waitlist.thinking()
                #expect(thinking.count == 2)
            }
        }

        @Test(arguments: Engine.allCases)
        func `with only the look blinded the schema still refuses a second offer`(engine: Engine) async throws {
            try await WaitlistFixture.open(
                engine, Self.twoSeats,
                sabotage: {
                    TamperedDatabase($0) {
                        BlindTo($0, ["FROM waitlist_offer WHERE practitioner_id = $1 AND start_at = $2 AND state"])
                    }
                }
            ) { waitlist in
                try await freeTwice(waitlist)
                let thinking = try await waitlist.thinking()
                #expect(thinking == [1])
            }
        }

        @Test(arguments: Engine.allCases) func `who accepts has the time, and waits no more`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine, limits: PatientLimits(holds: 1, appointments: 2, lapses: 1)) { waitlist in
                let (fixture, plan, start) = (waitlist.fixture, waitlist.plan, waitlist.start())
                _ = try await waitlist.join(1).value()
                try await waitlist.free(start)
                try await waitlist.work()
                let offer = try #require(try await waitlist.offers(.open).first)
                let place = try await waitlist.place(1)
                #expect(place.offer == offer.id && place.state == .waiting)
                // What the clinic holds for them is nothing they took.
                let own = try #require(await fixture.hold(patient: 1, at: waitlist.start(7)).told)
                #expect(await fixture.cancel(own.id, by: plan.patientCaller(1)).told != nil)
                let another = try await waitlist.accept(offer, by: 2)
                #expect(another.refusal == .recordUnknown, "it is offered to somebody else")
                #expect(
                    await fixture.move(offer.recipient!.appointment, to: waitlist.start(8), by: plan.patientCaller(1)).refusal
                        == .transitionNotAllowed, "it is this time that is offered")
                let taken = try await waitlist.accept(offer, by: 1).value()
                #expect(taken.state == .booked && taken.visit.from == start)
                let after = try await waitlist.place(1)
                #expect(after.state == .booked && after.offer == nil)
                let again = try await waitlist.accept(offer, by: 1)
                #expect(again.refusal == .transitionNotAllowed)
                try await waitlist.work()
                let states = try await waitlist.offers(at: start).map(\.state)
                #expect(states == [.accepted])
                #expect(await fixture.book(patient: 2, at: start).refusal == .practitionerTaken)
                try await waitlist.isSound()
            }
        }

        @Test(arguments: Engine.allCases)
        func `who declines lets the next have it, and who lets it lapse is not punished for a hold`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine, limits: PatientLimits(holds: 3, lapses: 1)) { waitlist in
                for patient in 1...2 { _ = try await waitlist.join(patient).value() }
                try await waitlist.free(waitlist.start())
                try await waitlist.work()
                let first = try #require(try await waitlist.offers(.open).first)
                _ = try await waitlist.decline(first, by: 1).value()
                try await waitlist.work()
                var thinking = try await waitlist.thinking()
                #expect(thinking == [2])
                // The timer is lost: the sweeper does the same.
                waitlist.fixture.clock.advance(by: .hours(4) + .seconds(11))
                _ = try await waitlist.fixture.clinic.sweepHolds()
                try await waitlist.work()
                thinking = try await waitlist.thinking()
                #expect(thinking == [])
                let states = try await waitlist.offers().map(\.state)
                #expect(states == [.declined, .expired, .nobody])
                let place = try await waitlist.place(2)
                #expect(place.entry.missedOffers == 1 && place.state == .waiting)
                for patient in 1...2 {
                    #expect(await waitlist.fixture.hold(patient: patient, at: waitlist.start(6 + patient)).told != nil)
                }
            }
        }
    }
}
