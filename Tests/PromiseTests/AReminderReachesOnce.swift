import Letters
import Notation
import Outbox
import Partners
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// MC-12, MC-2: a reminder reaches once, by the first channel that delivers.
    @Suite struct AReminderReachesOnce {
        private let day: Span = .hours(24)

        @Test(arguments: Engine.allCases, [1, 8])
        func `by the first channel alone when that delivers, however many workers there are`(engine: Engine, workers: Int)
            async throws
        {
            try await MessageFixture.open(engine) { house in
                for number in 0..<8 { _ = try await house.booked(number, hour: 8 + number / 2 * 1 + number % 2 * 4) }
                let first = house.plan.time(day: 3, hour: 16) - day
                try await house.deliver(at: first, workers: workers)
                #expect(house.reminders().count == 8 && Set(house.reminders().map(\.to)).count == 8)
                for text in house.reminders() { try await house.hear(.delivered, of: text) }
                try await house.live(.minutes(40))
                #expect(house.reminders().count == 8 && house.reminderLetters.isEmpty)
                for number in 0..<8 {
                    let told = try await house.messages(number, .reminder)
                    #expect(told.map(\.state) == [.delivered] && told.map(\.channel) == [.sms])
                }
            }
        }

        @Test(arguments: Engine.allCases)
        func `also when the carrier has it and its answer is lost: it is asked before anything is sent again`(engine: Engine)
            async throws
        {
            try await MessageFixture.open(engine) { house in
                let visit = try await house.booked()
                house.telephones.behave(.takesAndIsSilent, .takes)
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(.minutes(10))
                #expect(house.reminders().count == 1 && house.telephones.looks > 0)
                #expect(try await house.messages(0, .reminder).map(\.state) == [.handedOver])
            }
        }

        /// `seconds` is how long it is believed to be on its way; the negative control believes that it has arrived.
        @Test(arguments: Engine.allCases, [5, 0])
        func `once also when it was on its way still while the carrier was asked for it`(engine: Engine, seconds: Int)
            async throws
        {
            try await MessageFixture.open(engine, telephones: Telephones(knownAfter: .seconds(seconds))) { house in
                let visit = try await house.booked()
                house.telephones.behave(.losesAndIsSilent, .takesLater, .takes)
                try await house.deliver(at: visit.visit.from - day)
                // Not there: it is sent again, and is on its way.
                while house.telephones.asked < 3 { try await house.deliver(at: house.clock.now + .seconds(1)) }
                for _ in 0..<(seconds == 0 ? 60 : 4) { try await house.deliver(at: house.clock.now + .seconds(1)) }
                house.telephones.arrive()
                try await house.live(.minutes(10))
                #expect(house.reminders().count == (seconds == 0 ? 2 : 1))
            }
        }

        @Test(arguments: Engine.allCases)
        func `and when the carrier has not got it, it is sent again`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                let visit = try await house.booked()
                house.telephones.behave(.losesAndIsSilent, .isAway, .losesAndIsSilent, .takes)
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(.minutes(10))
                #expect(house.reminders().count == 1)
            }
        }

        /// The negative control: nobody has written down that the carrier may have it.
        @Test(arguments: Engine.allCases)
        func `would be seen: where it is forgotten that somebody was asked, it is sent twice`(engine: Engine) async throws {
            try await MessageFixture.open(engine, sabotage: { TamperedDatabase($0) { Trusting($0) } }) { house in
                let visit = try await house.booked()
                house.telephones.behave(.takesAndIsSilent, .takes)
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(.minutes(10))
                #expect(house.reminders().count == 2)
            }
        }

        @Test(arguments: Engine.allCases)
        func `by the next channel, once, when no receipt came in time; and a late one is believed`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                let visit = try await house.booked()
                try await house.deliver(at: visit.visit.from - day)
                let text = try #require(house.reminders().first)
                try await house.live(MessageFixture.patience - .minutes(1))
                #expect(house.reminderLetters.isEmpty)
                try await house.live(.minutes(30))
                #expect(house.reminderLetters.count == 1 && house.reminders().count == 1)
                var told = try await house.messages(0, .reminder)
                #expect(told.map(\.state) == [.failed, .handedOver] && told.map(\.channel) == [.sms, .email])
                #expect(told[0].reason == .notDelivered && told[1].place == 2)
                try await house.hear(.delivered, of: text)
                try await house.live(.hours(1))
                told = try await house.messages(0, .reminder)
                #expect(told.map(\.state) == [.delivered, .handedOver])
                #expect(house.reminderLetters.count == 1 && house.reminders().count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `not by the next when the carrier, asked in time, says that it has arrived`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                let visit = try await house.booked()
                try await house.deliver(at: visit.visit.from - day)
                house.telephones.mark(try #require(house.reminders().first).id, .delivered)
                try await house.live(.minutes(40))
                #expect(house.reminderLetters.isEmpty)
                #expect(try await house.messages(0, .reminder).map(\.state) == [.delivered])
            }
        }

        @Test(arguments: Engine.allCases)
        func `by the next at once when the first refuses or says that it failed`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                let (one, two) = (try await house.booked(0), try await house.booked(1, hour: 10))
                house.telephones.behave(.refuses)
                try await house.deliver(at: one.visit.from - day)
                #expect(house.reminderLetters.count == 1 && house.reminders().isEmpty)
                house.telephones.behave(.takes)
                try await house.deliver(at: two.visit.from - day)
                let text = try #require(house.reminders().first)
                try await house.hear(.failed, of: text)
                try await house.hear(.failed, of: text)
                #expect(house.reminderLetters.count == 2)
                try await house.live(.minutes(40))
                #expect(house.reminderLetters.count == 2 && house.reminders().count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `by the next when the first is away, and not by the first when that is back`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                let visit = try await house.booked()
                house.telephones.behave(.isAway)
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(MessageFixture.patience + .minutes(1))
                #expect(house.reminderLetters.count == 1)
                house.telephones.behave(.takes)
                try await house.live(.hours(2))
                #expect(house.reminders().isEmpty && house.reminderLetters.count == 1)
                #expect(try await house.messages(0, .reminder).map(\.reason) == [.notTaken, nil])
            }
        }

        @Test(arguments: Engine.allCases)
        func `in each patient's own language, by text and by mail`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                try await house.prefer(0, [.sms], language: .german, consents: [.sms: true])
                try await house.prefer(1, [.email], language: .german, consents: [.email: true])
                let visits = [
                    try await house.booked(0), try await house.booked(1, hour: 10), try await house.booked(2, hour: 12),
                ]
                try await house.deliver(at: visits[2].visit.from - day)
                let texts = house.telephones.texts
                #expect(texts.count { $0.to == MessageFixture.number(0) && $0.words.contains("Wir erinnern Sie") } == 1)
                #expect(texts.count { $0.to == MessageFixture.number(2) && $0.words.contains("remind you") } == 1)
                let letters = house.box.seen.filter { $0.to == MailAddress(MessageFixture.address(1)) }
                #expect(
                    letters.count { $0.words.text.contains("Wir erinnern Sie") && $0.words.subject.contains("Ihr Termin") } == 1)
            }
        }

        @Test(arguments: Engine.allCases, [true, false])
        func `also by mail when nobody answers for it, where the service can be asked what it has`(engine: Engine, hasIt: Bool)
            async throws
        {
            try await MessageFixture.open(engine, order: [.email]) { house in
                let visit = try await house.booked()
                house.box.canBeAsked(after: .minutes(5))
                house.box.answer(.unknown(reason: hasIt ? "silent" : "lost"))
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(.minutes(4))
                #expect(house.box.looks == 0 && house.reminderLetters.count == (hasIt ? 1 : 0))
                try await house.live(.minutes(40))
                let letters = house.box.letters.filter { $0.words.text.contains("We remind you") }
                #expect(letters.count == 1 && house.box.looks > 0, "\(letters.count) letters")
                #expect(try await house.messages(0, .reminder).map(\.state) == [.handedOver])
            }
        }

        /// The negative control: the same service, and nobody may ask it.
        @Test(arguments: Engine.allCases)
        func `would be seen: where it cannot be asked, a mail that nobody answered for is sent again`(engine: Engine) async throws
        {
            try await MessageFixture.open(engine, order: [.email]) { house in
                let visit = try await house.booked()
                house.box.answer(.unknown(reason: "silent"))
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(.minutes(40))
                #expect(house.box.letters.count { $0.words.text.contains("We remind you") } == 2)
            }
        }

        @Test(arguments: Engine.allCases)
        func `by the first when that is called again in time, and nobody asks it while it is left alone`(engine: Engine)
            async throws
        {
            try await MessageFixture.open(engine) { house in
                let visit = try await house.booked()
                let (from, before) = (visit.visit.from - day, house.telephones.asked)
                house.telephones.rest(until: from + .minutes(10))
                try await house.deliver(at: from)
                try await house.live(.minutes(9))
                #expect(house.telephones.asked == before)
                #expect(try await house.messages(0, .reminder).map(\.state) == [.sending])
                house.telephones.rest(until: nil)
                try await house.live(.minutes(40))
                #expect(house.reminders().count == 1 && house.telephones.asked >= before + 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `by the next when the first is left alone for longer`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                let visit = try await house.booked()
                let before = house.telephones.asked
                house.telephones.rest(until: visit.visit.from)
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(MessageFixture.patience + .minutes(1))
                #expect(house.reminderLetters.count == 1 && house.telephones.asked == before)
                house.telephones.rest(until: nil)
                try await house.live(.hours(2))
                #expect(house.reminders().isEmpty && house.reminderLetters.count == 1)
                #expect(try await house.messages(0, .reminder).map(\.reason) == [.notTaken, nil])
            }
        }

        @Test(arguments: Engine.allCases)
        func `not at all of a visit that was given up while it waited`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                let visit = try await house.booked()
                house.telephones.behave(.isAway)
                try await house.deliver(at: visit.visit.from - day)
                await house.fixture.cancel(visit.id, by: house.plan.desk())
                house.telephones.behave(.takes)
                try await house.live(.minutes(40))
                #expect(house.reminders().isEmpty && house.reminderLetters.isEmpty)
                #expect(try await house.messages(0, .reminder).map(\.reason) == [.overtaken])
                let told = house.telephones.texts.filter { $0.words.contains("is cancelled") }
                #expect(told.count == 1)
            }
        }
    }
}

/// Forgets whom it has asked.
private final class Trusting: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        let count = try super.run(command)
        if Asked.sql.sqlite.hasPrefix("UPDATE message SET state") { _ = try super.run(Forget()) }
        return count
    }

    private struct Forget: Command {
        static let sql: SQL = "UPDATE message SET unsure_since = NULL WHERE unsure_since IS NOT NULL"
        var bindings: [SQLValue] { [] }
    }
}
