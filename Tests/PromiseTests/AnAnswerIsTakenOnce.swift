import Identity
import Letters
import Notation
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// An answer to a reminder is taken once, and only from whom it was asked.
    @Suite struct AnAnswerIsTakenOnce {
        private func reminded(_ house: MessageFixture, _ number: Int = 0, hour: Int = 9) async throws -> (Appointment, String) {
            let visit = try await house.booked(number, hour: hour)
            try await house.deliver(at: visit.visit.from - .hours(24))
            let text = try #require(house.reminders(to: MessageFixture.number(number)).last)
            return (visit, try #require(house.code(in: text.words)))
        }

        private func answer(_ house: MessageFixture, _ code: String, _ answer: VisitAnswer) async throws -> AnswerOutcome {
            try await house.accounts.messages.answer(code: code, answer, request: "page")
        }

        private func state(_ house: MessageFixture, _ visit: Appointment) async throws -> AppointmentState {
            try await house.clinic.appointment(visit.id, for: Call(caller: house.plan.desk(), requestID: "look")).state
        }

        @Test(arguments: Engine.allCases)
        func `of many who follow the link at once, one cancels, and the others hear that it is done`(engine: Engine) async throws
        {
            try await MessageFixture.open(engine) { house in
                let (visit, code) = try await reminded(house)
                let outcomes = try await withThrowingTaskGroup(of: AnswerOutcome.self) { group in
                    for _ in 0..<8 { group.addTask { try await self.answer(house, code, .cancel) } }
                    return try await group.reduce(into: [AnswerOutcome]()) { $0.append($1) }
                }
                #expect(outcomes.count { $0 == .taken } == 1 && outcomes.count { $0 == .saidBefore } == 7, "\(outcomes)")
                #expect(try await state(house, visit) == .cancelled)
                try await house.deliver()
                #expect(house.telephones.texts.count { $0.words.contains("is cancelled") } == 1)
                let told = try await house.messages(0, .reminder)
                #expect(told.map(\.answer?.answer) == [.cancel] && told.map(\.answer?.by) == ["link"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `somebody changes their mind until the visit is given up, and never back`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                let (visit, code) = try await reminded(house)
                #expect(try await answer(house, code, .confirm) == .taken)
                #expect(try await answer(house, code, .confirm) == .saidBefore)
                #expect(try await answer(house, code, .call) == .taken)
                let desk = Call(caller: house.plan.desk(), requestID: "desk")
                let calls = try await house.clinic.openCalls(page: PageRequest(), for: desk).elements
                #expect(calls.map(\.patient) == [house.patient(0)])
                #expect(try await answer(house, code, .cancel) == .taken)
                #expect(try await answer(house, code, .confirm) == .over)
                #expect(try await state(house, visit) == .cancelled)
                #expect(try await house.clinic.openCalls(page: PageRequest(), for: desk).elements.isEmpty)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a link is good for its visit at its time, by the secret of this clinic, for what it is for`(engine: Engine)
            async throws
        {
            try await MessageFixture.open(engine) { house in
                let (visit, code) = try await reminded(house)
                let message = try #require(try await house.messages(0, .reminder).first)
                let foreign = Keyring(secret: Array(repeating: 8, count: 32))
                let own = Keyring(secret: Array(repeating: 7, count: 32))
                let forged = foreign.text(of: MessageCode(message: message.id.of(), purpose: .answer), at: house.clock.now)
                let other = own.text(of: MessageCode(message: message.id.of(), purpose: .unsubscribe), at: house.clock.now)
                let confirmation = try #require(try await house.messages(0, .confirmation).first)
                let unasked = own.text(of: MessageCode(message: confirmation.id.of(), purpose: .answer), at: house.clock.now)
                for wrong in [forged, other, unasked, String(code.dropLast()), "mca_" + other.dropFirst(4), ""] {
                    #expect(try await answer(house, wrong, .cancel) == .unknown, "\(wrong)")
                }
                #expect(try await !house.accounts.messages.unsubscribe(code: code, request: "page"))
                #expect(try await state(house, visit) == .booked)
                #expect(own.text(of: MessageCode(message: message.id.of(), purpose: .answer), at: house.clock.now) == code)
                let moved = await house.fixture.move(visit.id, to: visit.visit.from + .hours(2), by: house.plan.desk())
                #expect(moved.told != nil)
                #expect(try await answer(house, code, .cancel) == .over)
                let (next, late) = try await reminded(house, 1, hour: 12)
                house.clock.advance(to: next.visit.from)
                #expect(try await answer(house, late, .confirm) == .over)
                #expect(try await state(house, next) == .booked)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a text message answers from the number that was asked, in any language, once`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                let (visit, _) = try await reminded(house)
                try await house.hear(reply: "ABSAGEN", from: MessageFixture.number(5), key: "stranger")
                try await house.hear(reply: "maybe", from: MessageFixture.number(0), key: "other")
                #expect(try await house.messages(0, .reminder).allSatisfy { $0.answer == nil })
                try await house.hear(reply: "Ja, ich komme", from: MessageFixture.number(0), key: "one")
                #expect(try await house.messages(0, .reminder).map(\.answer?.answer) == [.confirm])
                #expect(try await house.messages(0, .reminder).map(\.answer?.by) == ["sms"])
                try await house.hear(reply: "absagen", from: MessageFixture.number(0), key: "two")
                try await house.hear(reply: "absagen", from: MessageFixture.number(0), key: "two")
                try await house.hear(reply: "cancel", from: MessageFixture.number(0), key: "three")
                #expect(try await state(house, visit) == .cancelled)
                #expect(house.telephones.texts.count { $0.words.contains("is cancelled") } == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `where one telephone was asked about two visits nobody guesses which is meant: the desk calls`(engine: Engine)
            async throws
        {
            try await MessageFixture.open(engine) { house in
                try await house.register(1, phone: MessageFixture.number(0))
                let (one, two) = (try await house.booked(0), try await house.booked(1, hour: 10))
                try await house.deliver(at: two.visit.from - .hours(24))
                #expect(house.reminders(to: MessageFixture.number(0)).count == 2)
                try await house.hear(reply: "CANCEL", from: MessageFixture.number(0))
                #expect(try await state(house, one) == .booked)
                #expect(try await state(house, two) == .booked)
                let desk = Call(caller: house.plan.desk(), requestID: "desk")
                #expect(try await house.clinic.openCalls(page: PageRequest(), for: desk).elements.count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `nobody cancels by a link what they could not cancel by signing in`(engine: Engine) async throws {
            try await MessageFixture.open(engine, ClinicPlan()) { house in
                let (visit, code) = try await reminded(house)
                house.clock.advance(by: .minutes(1))
                #expect(try await answer(house, code, .cancel) == .tooLate)
                #expect(try await state(house, visit) == .booked)
                #expect(try await house.messages(0, .reminder).allSatisfy { $0.answer == nil }, "nothing of it was kept")
                #expect(try await answer(house, code, .confirm) == .taken)
            }
        }

        /// The negative control: an answer that is not written down counts again.
        @Test(arguments: Engine.allCases)
        func `would be seen: where nobody writes it down it is taken twice`(engine: Engine) async throws {
            try await MessageFixture.open(engine, sabotage: { TamperedDatabase($0) { Forgetting($0) } }) { house in
                let (_, code) = try await reminded(house)
                #expect(try await answer(house, code, .confirm) == .taken)
                #expect(try await answer(house, code, .confirm) == .taken)
            }
        }
    }
}

/// Takes every answer for the first.
private final class Forgetting: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        Asked.sql.sqlite.hasPrefix("UPDATE message SET answer") ? 1 : try super.run(command)
    }
}
