import Letters
import Notation
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// A message that falls into quiet hours waits for their end, by the patient's own clock, on every night of the year.
    @Suite struct NobodyIsWoken {
        /// The night of 8 March 2026 is an hour shorter in New York, that of 1 November an hour longer.
        private static let zone = "America/New_York"
        private static let night = ContactPreferences.QuietHours(from: 22 * 60, until: 7 * 60)

        private func plan() -> ClinicPlan {
            ClinicPlan {
                $0.policy.cancellationCutoffMinutes = 0
                $0.policy.latestHorizonDays = 300
                $0.opensAtHour = 0
                $0.closesAtHour = 24
            }
        }

        private func instant(_ text: String) -> Instant { Instant(text)! }

        /// Books a visit that is reminded of a day before at some time, and gives when the text went out, to the minute.
        private func reminded(
            _ engine: Engine, visit: String, _ quiet: ContactPreferences.QuietHours?, zone: String?, from: String, to: String
        ) async throws -> [String] {
            var found: [String] = []
            try await MessageFixture.open(engine, plan()) { house in
                try await house.prefer(0, [.sms], quiet: quiet, zone: zone, consents: [.sms: true])
                #expect(await house.fixture.book(at: instant(visit), by: house.plan.desk()).told != nil)
                house.clock.advance(to: instant(from))
                try await house.deliver()
                while house.clock.now < instant(to) {
                    if found.count < house.reminders().count { found.append(house.clock.now.description) }
                    try await house.deliver(at: house.clock.now + .minutes(10))
                }
            }
            return found
        }

        @Test(arguments: Engine.allCases)
        func `in the night clocks go forward it comes when they show the end`(engine: Engine) async throws {
            // Due at 04:30 by a clock that has gone forward meanwhile; seven o'clock is 11:00 UTC, not 12:00.
            let sent = try await reminded(
                engine, visit: "2026-03-09T08:30:00Z", Self.night, zone: Self.zone, from: "2026-03-08T03:00:00Z",
                to: "2026-03-08T13:00:00Z")
            #expect(sent == ["2026-03-08T11:00:00Z"])
        }

        @Test(arguments: Engine.allCases)
        func `in the night clocks go back it comes when they show the end`(engine: Engine) async throws {
            let sent = try await reminded(
                engine, visit: "2026-11-02T08:30:00Z", Self.night, zone: Self.zone, from: "2026-11-01T03:00:00Z",
                to: "2026-11-01T14:00:00Z")
            #expect(sent == ["2026-11-01T12:00:00Z"])
        }

        @Test(arguments: Engine.allCases)
        func `and hours that end where a clock shows a time twice end the first time`(engine: Engine) async throws {
            let early = ContactPreferences.QuietHours(from: 22 * 60, until: 90)
            // Half past one comes at 05:30 UTC, and again at 06:30. What is due at 06:10, when it is 01:10 for the second time, goes at once.
            let sent = try await reminded(
                engine, visit: "2026-11-02T05:00:00Z", early, zone: Self.zone, from: "2026-11-01T03:00:00Z",
                to: "2026-11-01T09:00:00Z")
            #expect(sent == ["2026-11-01T05:30:00Z"])
            let later = try await reminded(
                engine, visit: "2026-11-02T06:00:00Z", early, zone: Self.zone, from: "2026-11-01T03:00:00Z",
                to: "2026-11-01T09:00:00Z")
            #expect(later == ["2026-11-01T06:00:00Z"])
        }

        /// The negative controls: clocks that do not change, and nobody's quiet hours.
        @Test(arguments: Engine.allCases)
        func `would be seen: by a clock without summer time it comes an hour later, and without quiet hours at once`(
            engine: Engine
        ) async throws {
            let fixed = try await reminded(
                engine, visit: "2026-03-09T08:30:00Z", Self.night, zone: "Etc/GMT+5", from: "2026-03-08T03:00:00Z",
                to: "2026-03-08T13:00:00Z")
            #expect(fixed == ["2026-03-08T12:00:00Z"])
            let none = try await reminded(
                engine, visit: "2026-03-09T08:30:00Z", .init(from: 0, until: 0), zone: Self.zone, from: "2026-03-08T03:00:00Z",
                to: "2026-03-08T13:00:00Z")
            #expect(none == ["2026-03-08T08:30:00Z"])
        }

        @Test(arguments: Engine.allCases)
        func `unless that would be too late`(engine: Engine) async throws {
            try await MessageFixture.open(engine, plan()) { house in
                try await house.prefer(0, [.sms], quiet: Self.night, zone: Self.zone, consents: [.sms: true])
                // At five in the morning there.
                let start = instant("2026-03-10T09:00:00Z")
                #expect(await house.fixture.book(at: start, by: house.plan.desk()).told != nil)
                try await house.deliver(at: start - .hours(24))
                #expect(house.reminders().isEmpty)
                try await house.deliver(at: start - .hours(22))
                #expect(house.reminders().count == 1)
                try await house.deliver(at: start - .hours(2))
                #expect(house.reminders().count == 2, "seven o'clock is after the visit")
            }
        }

        @Test(arguments: Engine.allCases, [true, false])
        func `what nobody knows the fate of is not sent again in the night either`(engine: Engine, sleeps: Bool) async throws {
            try await MessageFixture.open(engine, plan()) { house in
                let quiet = sleeps ? nil : ContactPreferences.QuietHours(from: 0, until: 0)
                try await house.prefer(0, [.sms], quiet: quiet, consents: [.sms: true])
                let start = house.plan.time(day: 3, hour: 20, minute: 30)
                #expect(await house.fixture.book(at: start, by: house.plan.desk()).told != nil)
                try await house.deliver()
                house.telephones.behave(.losesAndIsSilent)
                try await house.deliver(at: start - .hours(24))
                #expect(try await house.messages(0, .reminder).map(\.state) == [.sending])
                house.clock.advance(to: house.plan.time(day: 2, hour: 21))
                house.telephones.behave(.takes)
                try await house.deliver()
                try await house.live(.hours(2))
                // The other is the negative control: who sleeps at no time has it at once.
                #expect(house.reminders().count == (sleeps ? 0 : 1))
                try await house.deliver(at: house.plan.time(day: 3, hour: 7))
                #expect(house.reminders().count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `nor a mail, in hours somebody has chosen`(engine: Engine) async throws {
            try await MessageFixture.open(engine, plan()) { house in
                try await house.prefer(
                    0, [.email], quiet: .init(from: 21 * 60, until: 7 * 60), consents: [.email: true])
                let start = house.plan.time(day: 3, hour: 20, minute: 30)
                #expect(await house.fixture.book(at: start, by: house.plan.desk()).told != nil)
                try await house.deliver()
                house.box.answer(.unknown(reason: "silent"))
                try await house.deliver(at: start - .hours(24))
                #expect(house.reminderLetters.count == 1)
                let before = house.box.letters.count
                house.clock.advance(to: house.plan.time(day: 2, hour: 21))
                try await house.deliver()
                try await house.live(.hours(1))
                #expect(house.box.letters.count == before)
                try await house.deliver(at: house.plan.time(day: 3, hour: 7))
                #expect(house.box.letters.count == before + 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `who has said nothing is not rung up in the night either, and gets their mail`(engine: Engine) async throws {
            try await MessageFixture.open(engine, plan()) { house in
                try await house.prefer(0, [.sms], quiet: nil, consents: [.sms: true])
                try await house.prefer(1, [.email], quiet: nil, consents: [.email: true])
                let start = house.plan.time(day: 3, hour: 23)
                #expect(await house.fixture.book(patient: 0, at: start, by: house.plan.desk()).told != nil)
                #expect(await house.fixture.book(patient: 1, at: start - .hours(1), by: house.plan.desk()).told != nil)
                try await house.deliver(at: start - .hours(24))
                #expect(house.reminders().isEmpty && house.reminderLetters.count == 1)
                let told = try await house.messages(0, .reminder)
                #expect(told.map(\.state) == [.queued] && told.map(\.dueAt) == [house.plan.time(day: 3, hour: 7)])
                try await house.deliver(at: house.plan.time(day: 3, hour: 7))
                #expect(house.reminders().count == 1)
            }
        }
    }
}
