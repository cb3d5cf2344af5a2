import Letters
import Notation
import Outbox
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// MC-12, MC-2: to whom no way leads is known when a message is written. It says so, and no worker is kept from others' messages by it.
    @Suite struct WhoCannotBeReached {
        /// What a patient may have said of how to be reached.
        enum Said: CaseIterable {
            case nothing, yes, neitherMailNorText, noText, wantsNone, wantsNotices

            fileprivate func apply(to number: Int, in house: MessageFixture) async throws {
                switch self {
                case .nothing:
                    try await house.fixture.execute("DELETE FROM contact_consent")
                    try await house.fixture.execute("DELETE FROM contact_preference")
                case .yes: try await house.prefer(number, [.sms, .email], consents: [.sms: true, .email: true])
                case .neitherMailNorText: try await house.prefer(number, [.sms, .email], consents: [.sms: false, .email: false])
                case .noText: try await house.prefer(number, [.sms, .email], consents: [.sms: false])
                case .wantsNone: try await house.prefer(number, [], consents: [:])
                case .wantsNotices: try await house.prefer(number, [.push], consents: [.push: true])
                }
            }
        }

        @Test(arguments: Engine.allCases, Said.allCases)
        func `is not sent to, for the reason a sender would have found`(engine: Engine, said: Said) async throws {
            try await MessageFixture.open(engine) { house in
                // The addresses of one are gone before the message is written, those of the other before it is sent.
                for number in 0..<2 { try await said.apply(to: number, in: house) }
                try await house.strip(0)
                try await house.announce(to: 0, hour: 9)
                #expect(try await house.waiting.isEmpty)
                let atOnce = try await house.messages(0)
                try await house.announce(to: 1, hour: 10)
                #expect(try await house.waiting == [Topic.message])
                try await house.strip(1)
                try await house.deliver()
                let later = try await house.messages(1)
                #expect(atOnce.map(\.state) == [.suppressed] && later.map(\.state) == [.suppressed])
                #expect(atOnce[0].reason == later[0].reason && atOnce[0].endedAt != nil, "\(atOnce) \(later)")
                #expect(try await house.waiting.isEmpty && house.telephones.texts.isEmpty && house.box.letters.isEmpty)
            }
        }

        /// The control: one way is enough to be sent to.
        @Test(arguments: Engine.allCases)
        func `who has a device, and nothing else, is reached by it`(engine: Engine) async throws {
            try await MessageFixture.open(engine, order: [.sms, .push, .email]) { house in
                try await house.strip(0)
                try await house.register("a")
                try await house.announce(to: 0, hour: 9)
                #expect(try await house.waiting == [Topic.message])
                try await house.deliver()
                #expect(house.handsets.asked("a") == 1)
                #expect(try await house.messages().map(\.state) == [.handedOver])
            }
        }
    }
}

extension MessageFixture {
    /// The record has no address any more.
    fileprivate func strip(_ number: Int) async throws {
        let known = try await clinic.patient(patient(number), for: Call(caller: plan.desk(), requestID: "strip"))
        _ = try await clinic.store(
            Patient(id: known.id, name: known.name, version: known.version + 1),
            call: Call(caller: plan.desk(), requestID: "strip"), wording: .anything()
        ).value()
    }

    /// Books, and has a worker tell of it who sends nothing.
    fileprivate func announce(to number: Int, hour: Int) async throws {
        let outcome = await fixture.book(patient: number, at: plan.time(day: 3, hour: hour), by: plan.desk())
        try #require(outcome.told != nil, "\(outcome)")
        let teller = Outbox(
            database: fixture.database, surroundings: fixture.surroundings, workerName: "teller", handlers: clinic.deliveries)
        while try await teller.step() > 0 {}
    }

    /// Topics of messages to patients that wait to be sent.
    fileprivate var waiting: [String] {
        get async throws { try await fixture.database.read { try $0.fetch(Waiting()) } }
    }
}

private struct Waiting: Query {
    static let sql: SQL = "SELECT topic FROM outbox WHERE topic LIKE 'notice.%' AND state <> 'cancelled' AND finished_at IS NULL"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}
