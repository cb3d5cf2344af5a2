import Letters
import Notation
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// What a patient's own calendar is told follows the visit: one name for as long as it lives, and each change after the one before.
    @Suite struct ACalendarFollows {
        private struct Entry: Equatable {
            let method, uid, start: String
            let sequence: Int
        }

        private func entry(_ letter: Letter) -> Entry? {
            guard let text = letter.calendar?.text else { return nil }
            func value(_ name: String) -> String {
                let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("\(name):") || $0.hasPrefix("\(name);") }
                return line.map { String($0[$0.index(after: $0.lastIndex(of: ":")!)...]) } ?? ""
            }
            return Entry(
                method: value("METHOD"), uid: value("UID"), start: value("DTSTART"), sequence: Int(value("SEQUENCE")) ?? -1)
        }

        @Test(arguments: Engine.allCases)
        func `when it is booked, moved and cancelled, and a reminder leaves it alone`(engine: Engine) async throws {
            try await MessageFixture.open(engine, order: [.email]) { house in
                let visit = try await house.booked()
                let later = visit.visit.from + .hours(2)
                await house.fixture.move(visit.id, to: later, by: house.plan.desk())
                try await house.deliver()
                try await house.deliver(at: later - .hours(24))
                await house.fixture.cancel(visit.id, by: house.plan.desk())
                try await house.deliver()
                let entries = house.box.letters.map(entry)
                #expect(entries.map { $0?.method } == ["REQUEST", "REQUEST", nil, "CANCEL"])
                let told = entries.compactMap(\.self)
                #expect(Set(told.map(\.uid)) == ["\(visit.id)@clinic.example"])
                #expect(told.map(\.sequence) == told.map(\.sequence).sorted() && Set(told.map(\.sequence)).count == 3)
                #expect(told.map(\.start) == ["20260305T090000Z", "20260305T110000Z", "20260305T110000Z"])
                let wire = String(decoding: house.box.letters[0].message, as: UTF8.self)
                #expect(wire.contains("Content-Type: text/calendar; method=REQUEST; charset=UTF-8\r\n"))
                #expect(wire.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"))
                #expect(wire.contains("List-Unsubscribe: <https://clinic.example/visit/unsubscribe?"))
                #expect(!wire.contains("Consultation") && !house.box.letters.contains { $0.words.text.contains("Consultation") })
            }
        }

        @Test(arguments: Engine.allCases)
        func `and who runs late tells each patient that is left today once, in one message`(engine: Engine) async throws {
            try await MessageFixture.open(engine) { house in
                for number in 0..<3 { _ = try await house.booked(number, hour: 9 + number) }
                house.clock.advance(to: house.plan.time(day: 3, hour: 9, minute: 30))
                try await house.deliver()
                let silent = Wording<DelayAnnouncement>(
                    done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
                for number in 0..<3 {
                    _ = try await house.clinic.announceDelay(
                        of: house.plan.practitioner(0), minutes: 20, from: nil,
                        call: Call(caller: house.plan.practitionerCaller(0), requestID: "late-\(number)"), wording: silent
                    ).value()
                }
                try await house.deliver(workers: 4)
                let told = house.telephones.texts.filter { $0.words.contains("20 minutes late") }
                #expect(told.map(\.to).sorted() == [MessageFixture.number(1), MessageFixture.number(2)])
            }
        }
    }
}
