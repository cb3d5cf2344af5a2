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
    /// MC-9, MC-12: what is offered reaches whoever it is offered to, once, while it stands; they answer by its link, and nobody is woken for it.
    @Suite struct AnOfferReachesWhoWaits {
        /// Patients reached by text message alone, who wait; at eight in the morning.
        private func open(
            _ engine: Engine, _ plan: ClinicPlan = ClinicPlan { $0.policy.cancellationCutoffMinutes = 0 },
            order: [Channel] = [.sms], waiting: ClosedRange<Int> = 1...2,
            sabotage: (any Database) -> any Database = { $0 },
            _ body: (MessageFixture, WaitlistFixture) async throws -> Void
        ) async throws {
            try await MessageFixture.open(engine, plan, order: order, sabotage: sabotage) { house in
                let waitlist = WaitlistFixture(fixture: house.fixture)
                house.clock.advance(to: house.plan.time(day: 0, hour: 8))
                for patient in waiting { _ = try await waitlist.join(patient).value() }
                try await body(house, waitlist)
                try await waitlist.isSound()
            }
        }

        private func offers(_ house: MessageFixture, to patient: Int) -> [String] {
            house.telephones.texts.filter { $0.to == MessageFixture.number(patient) && $0.words.contains("has become free") }
                .map(\.words)
        }

        private func code(_ house: MessageFixture, to patient: Int) throws -> String {
            let words = try #require(offers(house, to: patient).last)
            return try #require(house.code(in: words))
        }

        private func answer(_ house: MessageFixture, _ code: String, _ answer: VisitAnswer) async throws -> AnswerOutcome {
            try await house.accounts.messages.answer(code: code, answer, request: "page")
        }

        @Test(arguments: Engine.allCases)
        func `it goes out once, says until when it stands, and is taken by its link, once`(engine: Engine) async throws {
            try await open(engine) { house, waitlist in
                try await waitlist.free(waitlist.start())
                try await house.deliver(workers: 4)
                let told = offers(house, to: 1)
                #expect(told.count == 1 && offers(house, to: 2).isEmpty)
                #expect(
                    told[0].contains("Saturday 7 March 2026 at 09:00 has become free. It is held for you until 12:00."), "\(told)"
                )
                #expect(told[0].contains("/visit/answer?language=en&about=offer#mca_"))
                let code = try code(house, to: 1)
                let outcomes = try await withThrowingTaskGroup(of: AnswerOutcome.self) { group in
                    for _ in 0..<4 { group.addTask { try await answer(house, code, .confirm) } }
                    return try await group.reduce(into: [AnswerOutcome]()) { $0.append($1) }
                }
                #expect(outcomes.count { $0 == .taken } == 1 && outcomes.count { $0 == .saidBefore } == 3, "\(outcomes)")
                #expect(try await answer(house, code, .cancel) == .over)
                let held = try await waitlist.holders(of: waitlist.start())
                #expect(held.map(\.state) == [.booked] && held[0].patients == [house.plan.patient(1)])
                let place = try await waitlist.place(1)
                #expect(place.state == .booked)
                try await house.deliver()
                try await house.live(.minutes(40))
                #expect(offers(house, to: 1).count == 1 && offers(house, to: 2).isEmpty)
                let message = try #require(try await house.messages(1, .offer).first)
                #expect(message.answer?.answer == .confirm && message.answer?.by == "link")
            }
        }

        /// The negative control: a notice that lies in the mailbox and makes no message.
        @Test(arguments: Engine.allCases)
        func `would be seen: what lies in the mailbox alone reaches nobody, and after three they are asked no more`(
            engine: Engine
        ) async throws {
            try await open(engine, waiting: 1...1, sabotage: { TamperedDatabase($0) { MailboxOnly($0) } }) { house, waitlist in
                for day in 5...8 {
                    try await waitlist.free(waitlist.start(day))
                    try await house.deliver()
                    try await house.live(.hours(1))
                    house.clock.advance(by: .hours(23))
                    try await house.deliver()
                }
                #expect(offers(house, to: 1).isEmpty)
                let place = try await waitlist.place(1)
                #expect(place.entry.missedOffers == 3)
            }
        }

        @Test(arguments: Engine.allCases)
        func `who lets it pass by its link is asked no more, and the next is told`(engine: Engine) async throws {
            try await open(engine) { house, waitlist in
                try await waitlist.free(waitlist.start())
                try await house.deliver()
                let code = try code(house, to: 1)
                #expect(try await answer(house, code, .cancel) == .taken)
                try await house.deliver()
                #expect(offers(house, to: 2).count == 1)
                #expect(try await answer(house, code, .confirm) == .over)
                #expect(try await answer(house, code, .cancel) == .saidBefore)
                let thinking = try await waitlist.thinking()
                #expect(thinking == [2])
                // Nobody tells them that an appointment which they never had is cancelled; whom the desk takes it from is told.
                #expect(try await house.messages(1, .cancellation).isEmpty)
                let held = try #require(try await waitlist.holders(of: waitlist.start()).first)
                _ = try await house.clinic.cancel(
                    AppointmentTarget(id: held.id), reason: .desk, call: Call(caller: house.plan.desk(), requestID: "away"),
                    wording: .anything())
                try await house.deliver()
                #expect(try await house.messages(2, .cancellation).count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `its link is good until the offer ends, also when nobody has swept it yet`(engine: Engine) async throws {
            try await open(engine) { house, waitlist in
                try await waitlist.free(waitlist.start())
                try await house.deliver()
                let code = try code(house, to: 1)
                house.clock.advance(by: .hours(4))
                #expect(try await answer(house, code, .confirm) == .over)
                try await house.deliver()
                #expect(try await answer(house, code, .confirm) == .over)
                #expect(try await waitlist.thinking() == [2])
            }
        }

        @Test(arguments: Engine.allCases)
        func `it goes to nobody when it has ended while the carrier was away`(engine: Engine) async throws {
            try await open(engine, waiting: 1...1) { house, waitlist in
                house.telephones.behave(.isAway)
                try await waitlist.free(waitlist.start())
                try await house.deliver()
                #expect(try await house.messages(1, .offer).map(\.state) == [.sending])
                house.clock.advance(by: .hours(4))
                house.telephones.behave(.takes)
                try await house.deliver()
                try await house.live(.hours(2))
                #expect(offers(house, to: 1).isEmpty)
                let told = try await house.messages(1, .offer)
                #expect(told.map(\.state) == [.suppressed] && told.map(\.reason) == [.overtaken])
            }
        }

        @Test(arguments: Engine.allCases)
        func `with five minutes to answer the next channel is used while there is time, once`(engine: Engine) async throws {
            try await open(engine, order: [.sms, .email], waiting: 1...1) { house, waitlist in
                // Ninety minutes ahead.
                try await waitlist.free(house.plan.time(day: 0, hour: 9, minute: 30))
                try await house.deliver()
                #expect(offers(house, to: 1).count == 1)
                try await house.live(.minutes(3))
                let letters = house.box.letters.filter { $0.words.subject == "A time has become free" }
                let letter = try #require(letters.first)
                #expect(letters.count == 1 && letter.calendar == nil)
                #expect(letter.words.text.contains("It is held for you until 08:05"), "\(letter.words.text)")
                let links = letter.words.text.matches(of: #/about=offer&answer=([a-z]+)#/#).map { String($0.1) }
                #expect(links == ["confirm", "cancel"])
                let byMail = try #require(house.code(in: letter.words.text))
                #expect(try await answer(house, byMail, .confirm) == .taken)
                #expect(try await answer(house, try code(house, to: 1), .confirm) == .over)
                try await house.live(.minutes(30))
                #expect(offers(house, to: 1).count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `consent that was withdrawn is heeded, and what was never asked needs none`(engine: Engine) async throws {
            try await open(engine, order: [.sms, .email], waiting: 1...1) { house, waitlist in
                try await house.fixture.execute("DELETE FROM contact_consent")
                try await house.prefer(1, [.sms, .email], consents: [.sms: false])
                try await waitlist.free(waitlist.start())
                try await house.deliver()
                #expect(offers(house, to: 1).isEmpty)
                #expect(house.box.letters.contains { $0.words.subject == "A time has become free" })
            }
        }

        @Test(arguments: Engine.allCases)
        func `a text message that answers takes it, and one that comes too late cancels nothing`(engine: Engine) async throws {
            try await open(engine) { house, waitlist in
                // Who waits has a visit, too, and was asked whether they come.
                let visit = try #require(
                    await house.fixture.book(patient: 1, at: waitlist.start(1), by: house.plan.desk()).told)
                try await house.deliver(at: waitlist.start(1) - .hours(23))
                #expect(house.reminders(to: MessageFixture.number(1)).count == 1)
                try await waitlist.free(waitlist.start())
                try await house.deliver()
                #expect(offers(house, to: 1).count == 1)
                try await house.deliver(at: house.clock.now + .hours(4))
                #expect(try await waitlist.thinking() == [2])
                try await house.hear(reply: "No", from: MessageFixture.number(1), key: "late")
                let desk = Call(caller: house.plan.desk(), requestID: "look")
                #expect(try await house.clinic.appointment(visit.id, for: desk).state == .booked)
                let calls = try await house.clinic.openCalls(page: PageRequest(), for: desk).elements
                #expect(calls.map(\.patient) == [house.patient(1)], "nobody guesses: the desk calls")
                try await house.hear(reply: "Yes!", from: MessageFixture.number(2), key: "in-time")
                #expect(try await waitlist.holders(of: waitlist.start()).map(\.state) == [.booked])
                #expect(try await waitlist.place(2).state == .booked)
            }
        }

        // MARK: At night

        @Test(arguments: Engine.allCases)
        func `nobody is offered anything in the usual night, and the time to answer begins in the morning`(
            engine: Engine
        ) async throws {
            try await open(engine, waiting: 1...1) { house, waitlist in
                try await house.prefer(1, [.sms], quiet: nil, consents: [:])
                house.clock.advance(to: house.plan.time(day: 0, hour: 22))
                try await waitlist.free(waitlist.start())
                try await house.deliver()
                try await house.deliver(at: house.plan.time(day: 1, hour: 6, minute: 59))
                #expect(try await waitlist.offers().isEmpty && offers(house, to: 1).isEmpty)
                try await house.deliver(at: house.plan.time(day: 1, hour: 7))
                let offer = try #require(try await waitlist.offers(.open).first)
                #expect(offer.recipient?.until == house.plan.time(day: 1, hour: 11))
                #expect(offers(house, to: 1).count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `nor in the hours they have chosen, by their own clock`(engine: Engine) async throws {
            try await open(engine, waiting: 1...1) { house, waitlist in
                // From three to eight in New York: eight in the morning to one there is where the clinic is.
                try await house.prefer(
                    1, [.sms], quiet: .init(from: 3 * 60, until: 8 * 60), zone: "America/New_York", consents: [:])
                try await waitlist.free(waitlist.start())
                try await house.deliver(at: house.plan.time(day: 0, hour: 12, minute: 59))
                #expect(try await waitlist.offers().isEmpty)
                try await house.deliver(at: house.plan.time(day: 0, hour: 13))
                #expect(try await waitlist.thinking() == [1] && offers(house, to: 1).count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `who has said with their wish when they sleep is asked when they are awake`(engine: Engine) async throws {
            try await open(engine, waiting: 2...2) { house, waitlist in
                for patient in 1...2 { try await house.prefer(patient, [.sms], quiet: nil, consents: [:]) }
                _ = try await waitlist.join(1, by: house.plan.desk()) {
                    ($0.urgency, $0.quietHours) = (.urgent, QuietHours(from: 23 * 60, to: 6 * 60))
                }.value()
                house.clock.advance(to: house.plan.time(day: 0, hour: 22))
                try await waitlist.free(waitlist.start())
                try await house.deliver()
                #expect(try await waitlist.thinking() == [1] && offers(house, to: 1).count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `would be seen: where nobody's night counts, they are woken`(engine: Engine) async throws {
            try await open(engine, waiting: 1...1) { house, waitlist in
                try await house.prefer(1, [.sms], quiet: .init(from: 0, until: 0), consents: [:])
                house.clock.advance(to: house.plan.time(day: 0, hour: 22))
                try await waitlist.free(waitlist.start())
                try await house.deliver()
                #expect(offers(house, to: 1).count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `what could not be sent before the night began wakes nobody, and is over in the morning`(engine: Engine) async throws
        {
            try await open(engine, waiting: 1...1) { house, waitlist in
                try await house.prefer(1, [.sms], quiet: nil, consents: [:])
                house.clock.advance(to: house.plan.time(day: 0, hour: 20, minute: 50))
                house.telephones.behave(.isAway)
                try await waitlist.free(waitlist.start())
                try await house.deliver()
                #expect(try await waitlist.thinking() == [1])
                house.clock.advance(to: house.plan.time(day: 0, hour: 21))
                house.telephones.behave(.takes)
                try await house.deliver()
                try await house.live(.hours(1))
                #expect(offers(house, to: 1).isEmpty)
                try await house.deliver(at: house.plan.time(day: 1, hour: 7))
                #expect(offers(house, to: 1).isEmpty)
                #expect(try await house.messages(1, .offer).map(\.reason) == [.overtaken])
            }
        }
    }

    /// HB-3: what becomes of somebody's money is told to them, wherever they are.
    @Suite struct MoneyIsToldOf {
        private static let plan = ClinicPlan {
            $0.price = PayingClinic.price
            $0.policy.cancellationCutoffMinutes = 0
        }

        private func open(
            _ engine: Engine, sabotage: (any Database) -> any Database = { $0 },
            _ body: (MessageFixture, PayingClinic) async throws -> Void
        ) async throws {
            try await MessageFixture.open(engine, Self.plan, order: [.email], sabotage: sabotage) { house in
                house.clock.advance(to: house.plan.time(day: 0, hour: 8))
                try await body(house, PayingClinic(fixture: house.fixture, desk: TrialDesk(house.clock)))
            }
        }

        private func deliver(_ house: MessageFixture, _ paying: PayingClinic) async throws {
            for _ in 0..<3 {
                try await paying.deliver()
                try await house.deliver()
            }
        }

        private func letters(_ house: MessageFixture, _ words: String) -> [String] {
            house.box.letters.map(\.words.text).filter { $0.contains(words) }
        }

        @Test(arguments: Engine.allCases)
        func `what goes back of a visit that is cancelled is said in one mail, with how much it is`(engine: Engine) async throws {
            try await open(engine) { house, paying in
                let (hold, intent) = try await paying.held(at: house.plan.time(day: 3, hour: 9))
                try await paying.tell(paying.desk.pay(intent.id))
                try await deliver(house, paying)
                _ = await paying.fixture.cancel(hold.id, by: paying.plan.patientCaller(0))
                try await deliver(house, paying)
                let told = letters(house, "we give back")
                #expect(told.count == 1 && told[0].contains("we give back 45.00 EUR, the way it was paid."), "\(told)")
                #expect(told[0].contains("Thursday 5 March 2026, 09:00"))
                #expect(try await house.messages(0, .refund).map(\.state) == [.handedOver])
            }
        }

        @Test(arguments: Engine.allCases)
        func `who paid late hears that the visit is booked after all, or what goes back`(engine: Engine) async throws {
            try await open(engine) { house, paying in
                try await house.prefer(0, [.email], language: .german, consents: [:])
                let (_, first) = try await paying.held(at: house.plan.time(day: 3, hour: 9))
                let (_, second) = try await paying.held(patient: 1, at: house.plan.time(day: 3, hour: 10))
                house.clock.advance(by: .minutes(6))
                try await deliver(house, paying)
                let other = await house.fixture.book(patient: 2, at: house.plan.time(day: 3, hour: 10), by: house.plan.desk())
                #expect(other.told != nil)
                try await paying.tell(paying.desk.pay(first.id))
                try await paying.tell(paying.desk.pay(second.id))
                try await deliver(house, paying)
                #expect(letters(house, "Sie war noch frei, und Ihr Termin bei City Clinic ist gebucht").count == 1)
                #expect(letters(house, "we give back 45.00 EUR").count == 1)
                #expect(try await house.messages(0, .honoured).map(\.state) == [.handedOver])
                #expect(try await house.messages(1, .refund).map(\.state) == [.handedOver])
            }
        }

        /// The negative control: notices that make no messages.
        @Test(arguments: Engine.allCases)
        func `would be seen: of what lies in the mailbox alone there is no mail`(engine: Engine) async throws {
            try await open(engine, sabotage: { TamperedDatabase($0) { MailboxOnly($0) } }) { house, paying in
                let (hold, intent) = try await paying.held(at: house.plan.time(day: 3, hour: 9))
                try await paying.tell(paying.desk.pay(intent.id))
                try await deliver(house, paying)
                _ = await paying.fixture.cancel(hold.id, by: paying.plan.patientCaller(0))
                try await deliver(house, paying)
                #expect(letters(house, "we give back").isEmpty)
                #expect(try await paying.notices(.refund, to: 0).count == 1)
            }
        }
    }
}

/// Writes notices down and no messages.
private final class MailboxOnly: PassingTransaction {
    override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        if Asked.sql.sqlite.hasPrefix("INSERT INTO message (") { return }
        try super.post(command, orElse: fault)
    }
}
