import Letters
import Notation
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// Nothing goes where consent was withdrawn, and only what the booking needs where nobody has said anything.
    @Suite struct NothingGoesWhereConsentWasWithdrawn {
        private let day: Span = .hours(24)

        @Test(arguments: Engine.allCases)
        func `without consent a booking is confirmed, moved and cancelled, and nobody is reminded`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                // Nobody has asked patient 8.
                try await house.prefer(0, [.sms], consents: [:])
                try await house.fixture.execute("DELETE FROM contact_consent")
                let visit = try await house.booked()
                await house.fixture.move(visit.id, to: visit.visit.from + .hours(1), by: house.plan.desk())
                try await house.deliver()
                try await house.deliver(at: visit.visit.from + .hours(1) - day)
                await house.fixture.cancel(visit.id, by: house.plan.desk())
                try await house.deliver()
                let told = try await house.messages()
                #expect(told.map(\.kind) == [.confirmation, .move, .reminder, .cancellation])
                #expect(told.map(\.state) == [.handedOver, .handedOver, .suppressed, .handedOver])
                #expect(told[2].reason == .noConsent && house.telephones.texts.count == 3)
            }
        }

        @Test(arguments: Engine.allCases)
        func `STOP ends text messages to this number, of all kinds; what is needed goes another way`(engine: Engine) async throws
        {
            try await MessageFixture.open(engine) { house in
                let visit = try await house.booked()
                try await house.hear(reply: " stop. ", from: MessageFixture.number(0))
                let sent = house.telephones.texts.count
                try await house.deliver(at: visit.visit.from - day)
                await house.fixture.cancel(visit.id, by: house.plan.desk())
                try await house.deliver()
                try await house.live(.minutes(40))
                #expect(house.telephones.texts.count == sent)
                #expect(house.reminderLetters.count == 1 && house.box.letters.contains { $0.words.subject.contains("cancelled") })
                // Others with other numbers are not meant.
                _ = try await house.booked(1, hour: 11)
                #expect(house.telephones.texts.count == sent + 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a mail's own link ends mails, once and again, and nothing is left where both are ended`(engine: Engine) async throws
        {
            try await MessageFixture.open(engine, order: [.email, .sms]) { house in
                let visit = try await house.booked()
                let letter = try #require(house.box.letters.first)
                let link = try #require(letter.unsubscribe)
                #expect(letter.endHeaders.map(\.0) == ["List-Unsubscribe", "List-Unsubscribe-Post"])
                let code = try #require(house.code(in: link))
                #expect(try await house.accounts.messages.unsubscribe(code: code, request: "press"))
                #expect(try await house.accounts.messages.unsubscribe(code: code, request: "press"))
                try await house.hear(reply: "STOP", from: MessageFixture.number(0))
                try await house.deliver(at: visit.visit.from - day)
                await house.fixture.cancel(visit.id, by: house.plan.desk())
                try await house.deliver()
                // It never had a text message, so the number is nobody's who could have said so.
                #expect(house.telephones.texts.count == 2)
                try await house.prefer(0, [.email, .sms], consents: [.sms: false])
                let again = try await house.booked(0, hour: 11)
                try await house.deliver(at: again.visit.from - day)
                #expect(house.telephones.texts.count == 2 && house.box.letters.count == 1)
                let told = try await house.messages().suffix(2)
                #expect(told.map(\.state) == [.suppressed, .suppressed] && told.allSatisfy { $0.reason == .consentWithdrawn })
            }
        }

        @Test(arguments: Engine.allCases)
        func `withdrawn while a message waits, it does not go, nor is it tried again`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                let (one, two) = (try await house.booked(0), try await house.booked(1, hour: 10))
                house.telephones.behave(.losesAndIsSilent, .isAway)
                try await house.deliver(at: max(one.visit.from, two.visit.from) - day)
                for number in 0..<2 { try await house.prefer(number, [.sms], consents: [.sms: false]) }
                house.telephones.behave(.takes)
                try await house.live(.minutes(40))
                #expect(house.reminders().isEmpty && house.reminderLetters.isEmpty)
                for number in 0..<2 {
                    #expect(try await house.messages(number, .reminder).map(\.reason) == [.consentWithdrawn])
                }
            }
        }

        /// The negative control: a consent that is withdrawn and not written down.
        @Test(arguments: Engine.allCases)
        func `would be seen: where nobody writes it down, it goes`(engine: Engine) async throws {
            try await MessageFixture.open(engine, sabotage: { TamperedDatabase($0) { Deaf($0) } }) { house in
                let visit = try await house.booked()
                try await house.hear(reply: "STOP", from: MessageFixture.number(0))
                try await house.deliver(at: visit.visit.from - day)
                #expect(house.reminders().count == 1)
            }
        }
    }
}

/// Writes no consent that was withdrawn.
private final class Deaf: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        if Asked.sql.sqlite.hasPrefix("INSERT INTO contact_consent"), command.bindings[2] == .bool(false) { return 1 }
        return try super.run(command)
    }
}
