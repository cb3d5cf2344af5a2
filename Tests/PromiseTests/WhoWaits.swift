import Notation
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// Whose turn it is, who is left alone, and who leaves the list.
    @Suite struct WhoWaits {
        @Test(arguments: Engine.allCases)
        func `the more urgent come first, whoever cannot come is passed over, and staff are told why`(engine: Engine) async throws
        {
            try await WaitlistFixture.open(engine) { waitlist in
                let (plan, start) = (waitlist.plan, waitlist.start())
                _ = try await waitlist.join(1).value()
                _ = try await waitlist.join(2) { $0.wantsOffers = false }.value()
                _ = try await waitlist.join(3) { $0.weekdays = [1] }.value()
                let own = try await waitlist.join(4) { $0.urgency = .urgent }
                #expect(own.refusal == .notPermitted, "that is for staff to say")
                _ = try await waitlist.join(4, by: plan.desk()) { $0.urgency = .urgent }.value()
                _ = try await waitlist.join(5, by: plan.desk()) { $0.urgency = .stat }.value()
                // The most urgent is with somebody else then.
                #expect(await waitlist.fixture.book(patient: 5, with: 1, at: start, by: plan.desk()).told == nil, "there is one")
                let another = try #require(
                    await waitlist.fixture.book(patient: 5, at: start + .minutes(-30), by: plan.desk()).told)
                #expect(another.state == .booked)
                try await waitlist.free(start)
                try await waitlist.work()
                let thinking = try await waitlist.thinking()
                #expect(thinking == [5])
                let first = try #require(try await waitlist.offers(.open).first)
                #expect(first.explanation.contains(#""urgency":"stat""#))
                #expect(
                    first.explanation.contains(#""passedOver":{"behind":2,"no-consent":1,"weekday":1}"#), "\(first.explanation)")
                _ = try await waitlist.decline(first, by: 5).value()
                try await waitlist.work()
                let next = try await waitlist.thinking()
                #expect(next == [4])
            }
        }

        @Test(arguments: Engine.allCases)
        func `who is somewhere else at that time is passed over, and nothing of the try is left`(engine: Engine) async throws {
            let plan = ClinicPlan { $0.practitioners = 2 }
            try await WaitlistFixture.open(engine, plan) { waitlist in
                let start = waitlist.start()
                for patient in 1...2 { _ = try await waitlist.join(patient).value() }
                #expect(await waitlist.fixture.book(patient: 1, with: 1, at: start, by: plan.desk()).told != nil)
                try await waitlist.free(start)
                try await waitlist.work()
                let thinking = try await waitlist.thinking()
                #expect(thinking == [2])
                let offer = try #require(try await waitlist.offers(.open).first)
                #expect(offer.explanation.contains(#""cannot-come":1"#), "\(offer.explanation)")
                #expect(try await waitlist.notices(.offer) == 1)
                let place = try await waitlist.place(1)
                #expect(place.offer == nil && place.version == 1)
                try await waitlist.isSound()
            }
        }

        @Test(arguments: Engine.allCases)
        func `quiet hours are waited for when the visit is far, and the chain is not lost`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine) { waitlist in
                // It is six in the morning.
                let quiet = try #require(QuietHours(from: 21 * 60, to: 8 * 60))
                _ = try await waitlist.join(1) { $0.quietHours = quiet }.value()
                _ = try await waitlist.join(2).value()
                try await waitlist.free(waitlist.start())
                try await waitlist.work()
                var thinking = try await waitlist.thinking()
                #expect(thinking == [], "their turn comes in the morning")
                waitlist.fixture.clock.advance(by: .hours(2))
                try await waitlist.work()
                thinking = try await waitlist.thinking()
                #expect(thinking == [1])
                // Three hours before a visit nobody waits for who sleeps.
                waitlist.fixture.clock.advance(by: .hours(22))
                try await waitlist.work()
                let late = try #require(try await waitlist.offers(.open).first)
                _ = try await waitlist.decline(late, by: 2).value()
                try await waitlist.free(waitlist.start(1))
                try await waitlist.work()
                thinking = try await waitlist.thinking(at: waitlist.start(1))
                #expect(thinking == [2])
            }
        }

        @Test(arguments: Engine.allCases)
        func `whoever withdraws, or whose record is closed, is offered nothing, and what they had goes on`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine) { house in
                let waitlist = WaitlistFixture(fixture: house.fixture)
                try await waitlist.stayAwake()
                for patient in 1...3 { _ = try await waitlist.join(patient).value() }
                let again = try await waitlist.join(2)
                #expect(again.refusal == .alreadyWaiting)
                try await waitlist.free(waitlist.start())
                try await waitlist.work()
                var thinking = try await waitlist.thinking()
                #expect(thinking == [1])
                let place = try await waitlist.place(1)
                let stranger = try await house.fixture.clinic.leaveWaitlist(
                    WaitlistTarget(id: place.id), call: Call(caller: waitlist.plan.patientCaller(2), requestID: "no"),
                    wording: .anything())
                #expect(stranger.refusal == .recordUnknown)
                _ = try await house.fixture.clinic.leaveWaitlist(
                    WaitlistTarget(id: place.id), call: Call(caller: waitlist.plan.patientCaller(1), requestID: "leave"),
                    wording: .anything()
                ).value()
                try await waitlist.work()
                thinking = try await waitlist.thinking()
                #expect(thinking == [2])
                let id = waitlist.plan.patient(2).of(Patient.self)
                _ = try await house.accounts.closeRecord(
                    of: id, reason: Personal("moved"), cancelling: false,
                    call: Call(caller: waitlist.plan.admin(), requestID: "close"), wording: .anything()
                ).value()
                try await waitlist.work()
                thinking = try await waitlist.thinking()
                #expect(thinking == [3])
                let states = try await waitlist.offers().map(\.state)
                #expect(states == [.declined, .revoked, .open])
                let closed = try await waitlist.place(2)
                #expect(closed.state == .withdrawn)
                let back = try await waitlist.join(2, by: waitlist.plan.desk())
                #expect(back.refusal == .patientClosed)
                // Erased, nothing of it is left.
                _ = try await house.accounts.eraseRecord(
                    of: id, call: Call(caller: waitlist.plan.admin(), requestID: "erase"), wording: .anything()
                ).value()
                let left = try await waitlist.offers().count
                #expect(left == 2)
                try await waitlist.isSound()
            }
        }

        @Test(arguments: Engine.allCases)
        func `who let three offers pass is asked no more until they say that they wait still`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine) { waitlist in
                _ = try await waitlist.join(1).value()
                for day in 5...8 {
                    try await waitlist.free(waitlist.start(day))
                    try await waitlist.work()
                    let thinking = try await waitlist.thinking()
                    #expect(thinking == (day < 8 ? [1] : []))
                    guard let offer = try await waitlist.offers(.open).first else { continue }
                    _ = try await waitlist.decline(offer, by: 1).value()
                    try await waitlist.work()
                }
                let place = try await waitlist.place(1)
                #expect(place.entry.missedOffers == 3)
                let renewed = try await waitlist.fixture.clinic.renewWaiting(
                    WaitlistTarget(id: place.id, expectedVersion: place.version),
                    call: Call(caller: waitlist.plan.patientCaller(1), requestID: "renew"), wording: .anything()
                ).value()
                #expect(renewed.entry.missedOffers == 0)
                try await waitlist.free(waitlist.start(9))
                try await waitlist.work()
                let thinking = try await waitlist.thinking()
                #expect(thinking == [1])
            }
        }

        @Test(arguments: Engine.allCases)
        func `a hold that lapses and an appointment that is moved free their times, too`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine) { waitlist in
                for patient in 1...2 { _ = try await waitlist.join(patient).value() }
                let (fixture, plan) = (waitlist.fixture, waitlist.plan)
                #expect(await fixture.hold(patient: 0, at: waitlist.start(6)).told != nil)
                fixture.clock.advance(by: .minutes(5))
                try await waitlist.work()
                var thinking = try await waitlist.thinking(at: waitlist.start(6))
                #expect(thinking == [1])
                let moved = try #require(await fixture.book(patient: 0, at: waitlist.start(7), by: plan.desk()).told)
                #expect(await fixture.move(moved.id, to: waitlist.start(8), by: plan.desk()).told != nil)
                try await waitlist.work()
                thinking = try await waitlist.thinking(at: waitlist.start(7))
                #expect(thinking == [2])
            }
        }
    }
}
