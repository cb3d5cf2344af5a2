import Identity
import Letters
import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// HB-4: a change of an appointment reaches its practitioner by the channels they asked for, once, and names nobody; who has asked for
    /// nothing is not written to.
    @Suite struct PractitionersAreTold {
        private static let phone = "+493055500"
        private static let mailbox = "doctor"

        private func open(
            _ engine: Engine, sabotage: (any Database) -> any Database = { $0 }, _ body: (MessageFixture) async throws -> Void
        ) async throws {
            let plan = ClinicPlan {
                $0.policy.cancellationCutoffMinutes = 0
                $0.practitioners = 2
            }
            // The patients' own messages go by mail, so every text message is a practitioner's.
            try await MessageFixture.open(engine, plan, order: [.email], sabotage: sabotage, body)
        }

        private func ask(
            _ house: MessageFixture, _ number: Int = 0,
            _ channels: [VisitChange: [Channel]] = [
                .created: [.sms, .email], .confirmed: [.sms], .cancelled: [.sms], .moved: [.email],
            ],
            within hours: Int = 24 * 14, quiet: ContactPreferences.QuietHours? = .init(from: 0, until: 0),
            language: WrittenLanguage? = nil
        ) async throws {
            var contact = StaffContact(of: house.plan.practitioner(number))
            (contact.phone, contact.email) = (
                Personal("\(Self.phone)\(number)"), Personal("\(Self.mailbox)\(number)@example.org")
            )
            contact.wishes = StaffWishes(channels: channels, withinHours: hours)
            (contact.quiet, contact.language) = (quiet, language)
            let call = Call(caller: house.plan.practitionerCaller(number), requestID: "ask")
            _ = try await house.clinic.setStaffContact(contact, expectedVersion: nil, call: call, wording: .anything()).value()
        }

        private func texts(_ house: MessageFixture, _ number: Int = 0) -> [String] {
            house.telephones.texts.filter { $0.to == "\(Self.phone)\(number)" }.map(\.words)
        }

        private func letters(_ house: MessageFixture, _ number: Int = 0) -> [Letter] {
            house.box.seen.filter { $0.to == MailAddress("\(Self.mailbox)\(number)@example.org") }
        }

        private func told(_ house: MessageFixture, _ number: Int = 0) async throws -> [Message] {
            try await house.clinic.messages(
                ofPractitioner: house.plan.practitioner(number), page: PageRequest(limit: 200),
                for: .looking(house.plan.admin())
            ).elements
        }

        @Test(arguments: Engine.allCases, [1, 8])
        func `once by each channel they asked for, of each change, however many workers there are`(engine: Engine, workers: Int)
            async throws
        {
            try await open(engine) { house in
                try await ask(house)
                let start = house.plan.time(day: 3, hour: 9)
                let visit = try #require(await house.fixture.book(at: start, by: house.plan.desk()).told)
                try await house.deliver(workers: workers)
                #expect(texts(house).count == 1 && letters(house).count == 1)
                #expect(
                    texts(house)[0].hasPrefix("City Clinic: New appointment: Thursday 5 March 2026, 09:00, Consultation, P***"))
                await house.fixture.move(visit.id, to: start + .hours(1), by: house.plan.desk())
                try await house.deliver(workers: workers)
                #expect(texts(house).count == 1 && letters(house).count == 2)
                #expect(letters(house)[1].words.subject == "Appointment moved, now: Thursday 5 March 2026, 10:00")
                await house.fixture.cancel(visit.id, by: house.plan.desk())
                try await house.deliver(workers: workers)
                #expect(texts(house).count == 2 && letters(house).count == 2 && texts(house)[1].contains("cancelled"))
                let held = try #require(await house.fixture.hold(patient: 1, at: start, by: house.plan.desk()).told)
                await house.fixture.confirm(held.id, by: house.plan.desk())
                try await house.deliver(workers: workers)
                for text in house.telephones.texts { try await house.hear(.delivered, of: text) }
                try await house.live(.minutes(40))
                #expect(texts(house).count == 3 && letters(house).count == 2 && texts(house)[2].contains("confirmed"))
                let changes = try await told(house).map(\.change)
                #expect(changes == [.created, .created, .moved, .cancelled, .confirmed])
                #expect(letters(house).allSatisfy { $0.calendar == nil }, "their calendar is here")
                #expect(try await told(house, 1).isEmpty && texts(house, 1).isEmpty, "nobody else's business")
            }
        }

        /// The negative control: nobody has written down that the carrier may have it.
        @Test(arguments: Engine.allCases)
        func `would be seen: where it is forgotten that somebody was asked, it is sent twice`(engine: Engine) async throws {
            for forgets in [false, true] {
                try await open(engine, sabotage: { forgets ? TamperedDatabase($0) { Forgetful($0) } : $0 }) { house in
                    try await ask(house, 0, [.created: [.sms]])
                    house.telephones.behave(.takesAndIsSilent, .takes)
                    _ = try await house.booked()
                    try await house.live(.minutes(10))
                    #expect(texts(house).count == (forgets ? 2 : 1))
                }
            }
        }

        @Test(arguments: Engine.allCases)
        func `nobody who has asked for nothing: no message, no row, and no question more than is asked for those outside`(
            engine: Engine
        ) async throws {
            let questions = Questions()
            try await open(engine, sabotage: { TamperedDatabase($0) { Watched($0, questions) } }) { house in
                let visit = try await house.booked()
                await house.fixture.cancel(visit.id, by: house.plan.desk())
                try await house.deliver()
                #expect(try await told(house).isEmpty && house.telephones.texts.isEmpty)
                // One question for each of the two changes, which is also the one for webhooks.
                #expect(questions.all.filter { $0.contains("staff_contact") }.count == 2)
                #expect(questions.all.filter { $0.contains("FROM webhook") }.count == 2)
                let notices = try await house.clinic.mailbox(
                    of: house.plan.practitioner(0).of(), page: PageRequest(limit: 20), for: .looking(house.plan.desk())
                ).elements
                #expect(notices.map(\.kind) == [.confirmation, .cancellation], "the mailbox has them as ever")
                // The control: who has asked gets it.
                try await ask(house)
                _ = try await house.booked(1, hour: 11)
                #expect(try await told(house).count == 2)
            }
        }

        @Test(arguments: Engine.allCases)
        func `of what is soon, before the change or after it, and of nothing that lies far ahead`(engine: Engine) async throws {
            try await open(engine) { house in
                try await ask(house, 0, [.created: [.sms], .moved: [.sms], .cancelled: [.sms]], within: 48)
                let far = try await house.booked()
                #expect(texts(house).isEmpty, "in three days")
                await house.fixture.move(far.id, to: house.plan.time(day: 1, hour: 9), by: house.plan.desk())
                try await house.deliver()
                #expect(texts(house).count == 1, "moved to tomorrow")
                await house.fixture.move(far.id, to: house.plan.time(day: 9, hour: 9), by: house.plan.desk())
                try await house.deliver()
                #expect(texts(house).count == 2, "and away from there")
                await house.fixture.cancel(far.id, by: house.plan.desk())
                try await house.deliver()
                #expect(texts(house).count == 2)
                #expect(await house.fixture.book(at: house.clock.now + .hours(3), by: house.plan.desk()).told != nil)
                try await house.deliver()
                #expect(texts(house).count == 3)
            }
        }

        @Test(arguments: Engine.allCases)
        func `in their language, and without anybody's name or anything they suffer from`(engine: Engine) async throws {
            try await open(engine) { house in
                try await ask(house, language: .german)
                let visit = try await house.booked(2)
                let said = texts(house) + letters(house).flatMap { [$0.words.subject, $0.words.text, $0.words.html] }
                #expect(said.count == 4 && said.allSatisfy { !$0.contains("Patient 2") })
                #expect(
                    texts(house)[0].contains(
                        "Neuer Termin: Donnerstag, 5. März 2026, 09:00 Uhr, Consultation, P***, Test Clinic."))
                // The control: the same look finds a name where it stands.
                let type = try #require(try await house.clinic.currentDirectory().visitTypes[house.plan.consultation])
                var named = type
                (named.name, named.version) = ("Patient 2", type.version + 1)
                _ = try await house.clinic.change(
                    .storeVisitType(named), call: Call(caller: house.plan.admin(), requestID: "name"), wording: .anything()
                ).value()
                await house.fixture.cancel(visit.id, by: house.plan.desk())
                try await house.deliver()
                #expect(texts(house).last?.contains("Patient 2") == true)
            }
        }

        @Test(arguments: Engine.allCases)
        func `not in the night: it waits for the end of quiet hours, unless that would be too late`(engine: Engine) async throws {
            try await open(engine) { house in
                try await ask(house, 0, [.created: [.sms]], quiet: nil)
                house.clock.advance(to: house.plan.time(day: 2, hour: 22))
                #expect(await house.fixture.book(at: house.plan.time(day: 3, hour: 9), by: house.plan.desk()).told != nil)
                try await house.deliver()
                #expect(texts(house).isEmpty)
                #expect(try await told(house).map(\.dueAt) == [house.plan.time(day: 3, hour: 7)])
                try await house.deliver(at: house.plan.time(day: 3, hour: 7))
                #expect(texts(house).count == 1)
                // The control: who has chosen none is told at once.
                try await ask(house, 0, [.created: [.sms]])
                house.clock.advance(to: house.plan.time(day: 3, hour: 22))
                #expect(await house.fixture.book(at: house.plan.time(day: 4, hour: 9), by: house.plan.desk()).told != nil)
                try await house.deliver()
                #expect(texts(house).count == 2)
            }
        }

        @Test(arguments: Engine.allCases)
        func `by mail, once, where a text message does not arrive; and not where the mail comes anyway`(engine: Engine)
            async throws
        {
            try await open(engine) { house in
                try await ask(house, 0, [.created: [.sms], .cancelled: [.sms, .email]])
                house.telephones.behave(.refuses)
                let visit = try await house.booked()
                #expect(texts(house).isEmpty && letters(house).count == 1)
                let first = try await told(house)
                #expect(first.map(\.state) == [.failed, .handedOver] && first.map(\.place) == [1, 2])
                house.telephones.behave(.takes)
                await house.fixture.cancel(visit.id, by: house.plan.desk())
                try await house.deliver()
                let text = try #require(house.telephones.texts.last)
                try await house.hear(.failed, of: text)
                try await house.live(.minutes(40))
                #expect(texts(house).count == 1 && letters(house).count == 2)
                let second = try await told(house).dropFirst(2)
                #expect(second.map(\.state) == [.failed, .handedOver] && second.map(\.channel) == [.sms, .email])
            }
        }

        @Test(arguments: Engine.allCases)
        func `a receipt is believed, and what has changed meanwhile is not said any more`(engine: Engine) async throws {
            try await open(engine) { house in
                try await ask(house, 0, [.created: [.sms]])
                let visit = try await house.booked()
                try await house.hear(.delivered, of: try #require(house.telephones.texts.first))
                #expect(try await told(house).map(\.state) == [.delivered])
                await house.fixture.cancel(visit.id, by: house.plan.desk())
                house.telephones.behave(.isAway)
                let late = try await house.booked(1, hour: 10)
                await house.fixture.cancel(late.id, by: house.plan.desk())
                house.telephones.behave(.takes)
                try await house.live(.minutes(10))
                #expect(texts(house).count == 1)
                #expect(try await told(house).last?.reason == .overtaken)
            }
        }

        @Test(arguments: Engine.allCases)
        func `also whoever has lost it to somebody else; a time that is only held is nobody's yet`(engine: Engine) async throws {
            try await open(engine) { house in
                for number in 0..<2 { try await ask(house, number, [.created: [.sms], .moved: [.sms], .cancelled: [.sms]]) }
                let visit = try await house.booked()
                await house.fixture.move(visit.id, to: visit.visit.from + .hours(1), with: 1, by: house.plan.desk())
                try await house.deliver()
                #expect(texts(house, 0).last?.contains("given to somebody else: Thursday 5 March 2026, 09:00") == true)
                #expect(texts(house, 1).count == 1 && texts(house, 1)[0].contains("moved, now: Thursday 5 March 2026, 10:00"))
                let notices = try await house.clinic.mailbox(
                    of: house.plan.practitioner(0).of(), page: PageRequest(limit: 20), for: .looking(house.plan.desk())
                ).elements
                #expect(notices.map(\.kind) == [.confirmation, .move] && notices[1].payload.contains("givenTo"))
                let held = try #require(await house.fixture.hold(at: visit.visit.from, by: house.plan.desk()).told)
                await house.fixture.move(held.id, to: visit.visit.from + .hours(3), by: house.plan.desk())
                await house.fixture.cancel(held.id, by: house.plan.desk())
                try await house.deliver()
                #expect(texts(house, 0).count == 2)
                try await house.fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases)
        func `until they say STOP, or follow the link of a mail: then nothing goes there`(engine: Engine) async throws {
            try await open(engine) { house in
                try await ask(house)
                let visit = try await house.booked()
                try await house.hear(reply: "Stop", from: "\(Self.phone)0")
                let link = try #require(letters(house).first?.unsubscribe)
                await house.fixture.cancel(visit.id, by: house.plan.desk())
                let next = try await house.booked(1, hour: 11)
                #expect(texts(house).count == 1 && letters(house).count == 2)
                let code = try #require(house.code(in: link))
                for _ in 0..<2 { #expect(try await house.accounts.messages.unsubscribe(code: code, request: "press")) }
                await house.fixture.move(next.id, to: next.visit.from + .hours(1), by: house.plan.desk())
                try await house.deliver()
                #expect(texts(house).count == 1 && letters(house).count == 2)
                let contact = try await house.clinic.staffContact(
                    of: house.plan.practitioner(0), for: .looking(house.plan.admin()))
                #expect(contact.phone == nil && contact.email == nil && contact.wishes.channels.isEmpty && contact.version == 3)
                // Who is reached elsewhere by now is not meant.
                var moved = contact
                moved.phone = Personal("+49 30 555777")
                moved.wishes = StaffWishes(channels: [.cancelled: [.sms]], withinHours: 24 * 14)
                let call = Call(caller: house.plan.admin(), requestID: "ask")
                _ = try await house.clinic.setStaffContact(moved, expectedVersion: 3, call: call, wording: .anything()).value()
                try await house.hear(reply: "STOP", from: "\(Self.phone)0", key: "late")
                await house.fixture.cancel(next.id, by: house.plan.desk())
                try await house.deliver()
                #expect(house.telephones.texts.last?.to == "+4930555777")
            }
        }

        @Test(arguments: Engine.allCases, ["closed", "revoked", "inactive"])
        func `no longer when they have left, not even what was waiting`(engine: Engine, way: String) async throws {
            try await open(engine) { house in
                var settings = AccountSettings()
                settings.passwordCost = .least
                let accounts = Accounts(house.clinic, secret: Array(repeating: 7, count: 32), settings: settings)
                let doctor = house.plan.practitionerCaller(0)
                let stays = "other@clinic.example"
                for login in ["doctor@clinic.example", stays] {
                    try await accounts.create(
                        login: login, password: AccountFixture.password, roles: [doctor, house.plan.admin()], by: "test",
                        request: "test")
                }
                try await ask(house, 0, [.created: [.sms], .moved: [.sms]])
                if way != "inactive" {
                    try await accounts.set(.closed, login: "doctor@clinic.example", by: "test", request: "test")
                    _ = try await house.booked(2, hour: 8)
                    #expect(texts(house).count == 1, "somebody else still signs in as them")
                }
                let before = texts(house).count
                house.telephones.behave(.isAway)
                let last = try await house.booked()
                switch way {
                case "closed": try await accounts.set(.closed, login: stays, by: "test", request: "test")
                case "revoked": try await accounts.revoke(.practitioner, login: stays, by: "test", request: "test")
                default:
                    var gone = try #require(try await house.clinic.currentDirectory().resources[house.plan.practitioner(0)])
                    (gone.active, gone.version) = (false, gone.version + 1)
                    _ = try await house.clinic.change(
                        .storeResource(gone), call: Call(caller: house.plan.admin(), requestID: "gone"), wording: .anything()
                    ).value()
                }
                house.telephones.behave(.takes)
                try await house.live(.minutes(10))
                #expect(texts(house).count == before)
                #expect(try await told(house).last?.state == .suppressed)
                // What comes after that makes no message at all.
                let rows = try await told(house).count
                await house.fixture.move(last.id, to: last.visit.from + .hours(2), by: house.plan.desk())
                try await house.deliver()
                #expect(try await told(house).count == rows)
            }
        }
    }
}

/// Forgets who was asked.
private final class Forgetful: PassingTransaction {
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

/// What was asked in writing transactions.
private final class Questions: Sendable {
    private let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    func note(_ text: String) { texts.withLock { $0.append(text) } }
}

private final class Watched: PassingTransaction {
    private let questions: Questions

    init(_ inner: any WriteTransaction, _ questions: Questions) {
        self.questions = questions
        super.init(inner)
    }

    override func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] {
        questions.note(Asked.sql.sqlite)
        return try super.fetch(query)
    }

    override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        questions.note(Asked.sql.sqlite)
        return try super.first(query)
    }
}
