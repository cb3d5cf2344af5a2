import Letters
import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// MC-9: whoever waits says anew whether they want to be asked, keeps their place, and is asked as they last said.
    @Suite struct AConsentIsChanged {
        private func say(
            _ wants: Bool, _ waitlist: WaitlistFixture, _ patient: Int = 1, version: Int? = nil, by caller: Caller? = nil
        ) async throws -> Reply<WaitlistPlace> {
            let place = try await waitlist.place(patient)
            return try await waitlist.fixture.clinic.changeConsent(
                WaitlistTarget(id: place.id, expectedVersion: version), wantsOffers: wants,
                call: Call(caller: caller ?? waitlist.plan.patientCaller(patient), requestID: "consent"), wording: .anything())
        }

        private func acts(_ waitlist: WaitlistFixture, _ patient: Int = 1) async throws -> [String] {
            let audit = try await waitlist.fixture.clinic.exportRecord(
                of: waitlist.plan.patient(patient).of(), call: waitlist.desk
            ).entries.map(\.act)
            return audit.filter { $0.hasPrefix("waitlist.") }
        }

        @Test(arguments: Engine.allCases)
        func `the place is kept: since when they wait, and what they let pass`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine) { waitlist in
                for patient in 1...2 { _ = try await waitlist.join(patient).value() }
                let before = try await waitlist.place(1)
                let off = try await say(false, waitlist, version: 1).value()
                #expect(!off.entry.wantsOffers && off.version == 2)
                #expect(try await say(true, waitlist, version: 1).refusal == .changedMeanwhile, "somebody was faster")
                let again = try await say(false, waitlist, version: 2).value()
                #expect(again.version == 2, "a repeat gives what there is")
                try await waitlist.free(waitlist.start())
                try await waitlist.work()
                #expect(try await waitlist.thinking() == [2], "who does not want to be asked is not")
                let on = try await say(true, waitlist, by: waitlist.plan.desk()).value()
                #expect(on.version == 3 && on.entry.wantsOffers)
                #expect(on.entry.since == before.entry.since && on.entry.missedOffers == 0 && on.state == .waiting)
                try await waitlist.free(waitlist.start(6))
                try await waitlist.work()
                #expect(try await waitlist.thinking(at: waitlist.start(6)) == [1], "first in line as before")
                #expect(try await say(false, waitlist, by: waitlist.plan.patientCaller(2)).refusal == .recordUnknown)
                #expect(
                    try await acts(waitlist)
                        == ["waitlist.joined", "waitlist.consent-withdrawn", "waitlist.consent-given", "waitlist.offered"])
                try await waitlist.isSound()
            }
        }

        @Test(arguments: Engine.allCases)
        func `what they are just being offered goes to the next, and counts as nothing they let pass`(engine: Engine) async throws
        {
            try await WaitlistFixture.open(engine) { waitlist in
                for patient in 1...2 { _ = try await waitlist.join(patient).value() }
                try await waitlist.free(waitlist.start())
                try await waitlist.work()
                let first = try #require(try await waitlist.offers(.open).first)
                let off = try await say(false, waitlist).value()
                #expect(off.offer == nil && off.entry.missedOffers == 0 && off.state == .waiting)
                #expect(try await waitlist.accept(first, by: 1).refusal == .transitionNotAllowed)
                try await waitlist.work()
                #expect(try await waitlist.thinking() == [2])
                #expect(try await waitlist.offers().map(\.state) == [.revoked, .open])
                #expect(try await waitlist.holders(of: waitlist.start()).count == 1)
                try await waitlist.isSound()
            }
        }

        /// The negative control: a consent that is withdrawn and not written down.
        @Test(arguments: Engine.allCases)
        func `would be seen: where it is not written down, they are asked`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine, sabotage: { TamperedDatabase($0) { Forgetting($0) } }) { waitlist in
                for patient in 1...2 { _ = try await waitlist.join(patient).value() }
                _ = try await say(false, waitlist).value()
                try await waitlist.free(waitlist.start())
                try await waitlist.work()
                #expect(try await waitlist.thinking() == [1])
            }
        }

        @Test(arguments: Engine.allCases)
        func `a message about an offer that was taken back is not sent, and its link is over`(engine: Engine) async throws {
            try await MessageFixture.open(engine, ClinicPlan { $0.policy.cancellationCutoffMinutes = 0 }, order: [.sms]) {
                house in
                let waitlist = WaitlistFixture(fixture: house.fixture)
                house.clock.advance(to: house.plan.time(day: 0, hour: 8))
                for patient in 1...2 { _ = try await waitlist.join(patient).value() }
                try await waitlist.free(waitlist.start())
                try await house.deliver()
                let text = try #require(house.telephones.texts.last { $0.to == MessageFixture.number(1) })
                let code = try #require(house.code(in: text.words))
                house.telephones.behave(.isAway)
                _ = try await say(false, waitlist).value()
                try await house.deliver()
                #expect(try await house.accounts.messages.answer(code: code, .confirm, request: "page") == .over)
                #expect(try await house.messages(2, .offer).map(\.state) == [.sending])
                _ = try await say(false, waitlist, 2).value()
                house.telephones.behave(.takes)
                try await house.live(.minutes(10))
                #expect(try await house.messages(2, .offer).map(\.reason) == [.overtaken])
                #expect(
                    !house.telephones.texts.contains { $0.to == MessageFixture.number(2) && $0.words.contains("become free") })
            }
        }

        @Test(arguments: Engine.allCases)
        func `whoever answers and whoever withdraws at once: it is taken, or it goes on, and never both`(engine: Engine)
            async throws
        {
            try await WaitlistFixture.open(engine, ClinicPlan { $0.patients = 8 }) { waitlist in
                for round in 0..<6 {
                    let start = waitlist.start(5 + round)
                    if try await waitlist.fixture.clinic.waitlist(
                        of: waitlist.plan.patient(1).of(), page: PageRequest(limit: 200), for: waitlist.desk
                    ).elements.last?.state != .waiting {
                        _ = try await waitlist.join(1).value()
                    }
                    _ = try await say(true, waitlist).value()
                    try await waitlist.free(start)
                    try await waitlist.work()
                    let offer = try #require(try await waitlist.offers(.open, at: start).first)
                    async let taken = waitlist.accept(offer, by: 1)
                    async let withdrawn = say(false, waitlist)
                    let (one, other) = (try await taken.refusal, try await withdrawn.refusal)
                    let place = try await waitlist.place(1)
                    if one == nil {
                        #expect(other == .transitionNotAllowed || other == .changedMeanwhile, "\(String(describing: other))")
                        #expect(place.state == .booked)
                    } else {
                        #expect(one == .transitionNotAllowed && other == nil)
                        #expect(place.state == .waiting && !place.entry.wantsOffers && place.offer == nil)
                    }
                    try await waitlist.work()
                    #expect(try await waitlist.holders(of: start).count == (one == nil ? 1 : 0))
                }
                try await waitlist.isSound()
            }
        }
    }
}

/// Writes no consent that was withdrawn.
private final class Forgetting: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        let count = try super.run(command)
        if Asked.sql.sqlite.hasPrefix("UPDATE waitlist_entry") { _ = try super.run(Consent()) }
        return count
    }

    private struct Consent: Command {
        static let sql = SQL(
            sqlite: "UPDATE waitlist_entry SET wants_offers = 1", postgres: "UPDATE waitlist_entry SET wants_offers = true")
        var bindings: [SQLValue] { [] }
    }
}
