import Identity
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

extension MessageFixture {
    @discardableResult
    func register(
        _ token: String, of number: Int = 0, language: String? = nil, in session: ID<Session>? = nil, by caller: Caller? = nil
    ) async throws -> PatientDevice {
        let more = language.map { #","language":"\#($0)""# } ?? ""
        let fields = Fields(try JSON(parsing: #"{"platform":"ios","token":"\#(token)","name":"phone"\#(more)}"#))
        let registration = DeviceRegistration(fields)
        try fields.check()
        let silent = Wording<PatientDevice>(
            done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
        return try await clinic.registerDevice(
            of: patient(number), registration, in: session,
            call: Call(caller: caller ?? Caller(role: .patient, subject: plan.patient(number).of()), requestID: "register"),
            wording: silent
        ).value()
    }

    func devices(_ number: Int = 0) async throws -> [PatientDevice] {
        try await clinic.devices(of: patient(number), for: Call(caller: plan.desk(), requestID: "look"))
    }
}

extension Promises {
    /// MC-12, MC-2: what goes to a patient's devices is on each of them once.
    @Suite struct ANoticeReachesEachDeviceOnce {
        private let day: Span = .hours(24)

        @Test(arguments: Engine.allCases, [1, 8])
        func `on all of a patient's devices, in the words of each, and nowhere else`(engine: Engine, workers: Int) async throws {
            try await MessageFixture.open(engine, order: [.push, .sms, .email]) { house in
                try await house.register("a")
                try await house.register("b", language: "de")
                try await house.register("other", of: 1)
                let visit = try await house.booked()
                try await house.deliver(at: visit.visit.from - day, workers: workers)
                try await house.live(.hours(1))
                let reminders = house.handsets.shown.filter { $0.expires == visit.visit.from && $0.link != nil }
                #expect(Set(reminders.map(\.device)) == ["a", "b"] && reminders.count == 2)
                #expect(reminders.first { $0.device == "b" }?.words.contains("erinnern") == true, "\(reminders)")
                #expect(house.handsets.asked("a") == 2 && house.handsets.asked("b") == 2, "a confirmation and a reminder")
                #expect(house.reminders().isEmpty && house.reminderLetters.isEmpty && house.handsets.asked("other") == 0)
                let told = try await house.messages(0, .reminder)
                #expect(told.map(\.state) == [.handedOver] && told.map(\.channel) == [.push] && told[0].maskedAddress == nil)
            }
        }

        @Test(arguments: Engine.allCases)
        func `where one device has it and another is away, the first is not told again`(engine: Engine) async throws {
            try await MessageFixture.open(engine, order: [.push, .sms]) { house in
                try await house.register("a")
                try await house.register("b")
                let visit = try await house.booked()
                house.handsets.behave("b", .isAway, .isAway, .takes)
                try await house.deliver(at: visit.visit.from - day)
                #expect(house.handsets.asked("a") == 2 && house.handsets.reminders(on: "b").isEmpty)
                try await house.live(.hours(1))
                #expect(house.handsets.asked("a") == 2 && house.handsets.reminders(on: "b").count == 1)
                #expect(house.reminders().isEmpty, "it has arrived")
            }
        }

        /// The negative control: nobody notes which device has it.
        @Test(arguments: Engine.allCases)
        func `would be seen: where it is forgotten which device has it, that one is told again`(engine: Engine) async throws {
            try await MessageFixture.open(
                engine, order: [.push], sabotage: { TamperedDatabase($0) { ForgettingDevices($0) } }
            ) { house in
                try await house.register("a")
                try await house.register("b")
                let visit = try await house.booked()
                house.handsets.behave("b", .isAway, .takes)
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(.hours(1))
                #expect(house.handsets.asked("a") > 2)
            }
        }

        @Test(arguments: Engine.allCases)
        func `also when the answer is lost: the second notice takes the first one's place`(engine: Engine) async throws {
            try await MessageFixture.open(engine, order: [.push]) { house in
                try await house.register("a")
                let visit = try await house.booked()
                house.handsets.behave("a", .takesAndIsSilent, .takes)
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(.hours(1))
                #expect(house.handsets.reminders().count == 1 && house.handsets.asked("a") == 3)
            }
        }

        @Test(arguments: Engine.allCases)
        func `by one channel after the other, each once, when no device takes it and no text message arrives`(engine: Engine)
            async throws
        {
            try await MessageFixture.open(engine, order: [.push, .sms, .email]) { house in
                try await house.register("a")
                let visit = try await house.booked()
                house.handsets.behave("a", .refuses)
                house.telephones.behave(.refuses)
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(.hours(1))
                let told = try await house.messages(0, .reminder)
                #expect(told.map(\.channel) == [.push, .sms, .email] && told.map(\.place) == [1, 2, 3])
                #expect(told.map(\.state) == [.failed, .failed, .handedOver] && house.reminderLetters.count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `by the next channel when nobody has taken it in time`(engine: Engine) async throws {
            try await MessageFixture.open(engine, order: [.push, .email]) { house in
                try await house.register("a")
                let visit = try await house.booked()
                house.handsets.behave("a", .isAway)
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(.hours(1))
                #expect(house.reminderLetters.count == 1)
                #expect(try await house.messages(0, .reminder).map(\.reason) == [.notTaken, nil])
                let asked = house.handsets.asked("a")
                try await house.live(.hours(2))
                #expect(house.handsets.asked("a") == asked, "and the device is left alone")
            }
        }

        @Test(arguments: Engine.allCases)
        func `nobody's bed lights up at night, not even when it is tried again`(engine: Engine) async throws {
            try await MessageFixture.open(engine, order: [.push]) { house in
                try await house.register("a")
                let visit = try await house.booked(0, hour: 9)
                let reminded = visit.visit.from - day
                let minute = Int(reminded.secondsSince1970 / 60 % 1440)
                // Quiet begins ten minutes after the first try.
                try await house.prefer(
                    0, [.push], quiet: .init(from: (minute + 10) % 1440, until: (minute + 190) % 1440), zone: "UTC",
                    consents: [.push: true])
                house.handsets.behave("a", .isAway)
                try await house.deliver(at: reminded)
                try await house.live(.minutes(14))
                house.handsets.behave("a", .takes)
                try await house.live(.minutes(150))
                #expect(house.handsets.reminders().isEmpty)
                try await house.live(.minutes(60))
                #expect(house.handsets.reminders().count == 1)
            }
        }
    }

    /// What is forgotten hears nothing (MC-12, GDPR Article 17).
    @Suite struct AForgottenDeviceHearsNothing {
        private let day: Span = .hours(24)

        @Test(arguments: Engine.allCases)
        func `one whose registration the provider knows no more is forgotten, and the next channel is used`(engine: Engine)
            async throws
        {
            try await MessageFixture.open(engine, order: [.push, .sms]) { house in
                try await house.register("a")
                let visit = try await house.booked()
                house.handsets.behave("a", .isGone)
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(.minutes(10))
                #expect(try await house.devices().isEmpty && house.reminders().count == 1)
                #expect(try await house.messages(0, .reminder).map(\.reason) == [.noAddress, nil])
                try await house.live(day)
                #expect(house.handsets.asked("a") == 2)
            }
        }

        @Test(arguments: Engine.allCases)
        func `not when it was registered anew meanwhile`(engine: Engine) async throws {
            try await MessageFixture.open(engine, order: [.push]) { house in
                let session = ID<Session>(high: 1, low: 1)
                try await house.register("old", in: session)
                try await house.register("new", in: session)
                let visit = try await house.booked()
                try await house.deliver(at: visit.visit.from - day)
                #expect(house.handsets.asked("old") == 0 && house.handsets.reminders(on: "new").count == 1)
                #expect(try await house.devices().count == 1, "a session is one device's")
            }
        }

        @Test(arguments: Engine.allCases)
        func `one that somebody else has registered for themself is theirs alone`(engine: Engine) async throws {
            try await MessageFixture.open(engine, order: [.push]) { house in
                try await house.register("shared")
                try await house.register("shared", of: 1)
                #expect(try await house.devices(0).isEmpty)
                #expect(try await house.devices(1).count == 1)
                let visit = try await house.booked()
                try await house.deliver(at: visit.visit.from - day)
                #expect(house.handsets.asked("shared") == 0)
                #expect(try await house.messages(0, .reminder).map(\.reason) == [.noAddress])
            }
        }

        @Test(arguments: Engine.allCases)
        func `of many who register one device at once, one has it`(engine: Engine) async throws {
            try await MessageFixture.open(engine, order: [.push]) { house in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<8 { group.addTask { try await house.register("shared", of: number) } }
                    try await group.waitForAll()
                }
                var owners = 0
                for number in 0..<8 { owners += try await house.devices(number).count }
                #expect(owners == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `one that was signed out between two tries is not told`(engine: Engine) async throws {
            try await MessageFixture.open(engine, order: [.push, .sms]) { house in
                let device = try await house.register("a")
                let visit = try await house.booked()
                house.handsets.behave("a", .isAway, .takes)
                try await house.deliver(at: visit.visit.from - day)
                let silent = Wording<PatientDevice>(
                    done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
                _ = try await house.clinic.forgetDevice(
                    device.id, of: house.patient(0), call: Call(caller: house.plan.desk(), requestID: "forget"), wording: silent
                ).value()
                try await house.live(.minutes(10))
                #expect(house.handsets.reminders().isEmpty && house.reminders().count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `nothing goes to devices where consent was withdrawn, and registering again does not give it back`(engine: Engine)
            async throws
        {
            try await MessageFixture.open(engine, order: [.push]) { house in
                try await house.register("a")
                try await house.prefer(0, [.push], consents: [.push: false])
                try await house.register("a")
                let visit = try await house.booked()
                try await house.deliver(at: visit.visit.from - day)
                #expect(house.handsets.asked("a") == 0)
                #expect(try await house.messages().map(\.reason).allSatisfy { $0 == .consentWithdrawn })
            }
        }

        /// The negative control: nobody takes the registration away.
        @Test(arguments: Engine.allCases)
        func `would be seen: where nobody is forgotten, who is gone is asked again and again`(engine: Engine) async throws {
            try await MessageFixture.open(
                engine, order: [.push, .sms], sabotage: { TamperedDatabase($0) { RememberingDevices($0) } }
            ) { house in
                try await house.register("a")
                let visit = try await house.booked()
                house.handsets.behave("a", .isGone)
                try await house.deliver(at: visit.visit.from - day)
                try await house.live(day)
                #expect(try await house.devices().count == 1 && house.handsets.asked("a") > 2)
            }
        }
    }
}

/// Forgets which device has a notice.
private final class ForgettingDevices: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        let count = try super.run(command)
        if Asked.sql.sqlite.hasPrefix("UPDATE message SET state") { _ = try super.run(Forget()) }
        return count
    }

    private struct Forget: Command {
        static let sql = SQL(
            sqlite: "UPDATE message SET devices = replace(devices, 'taken', 'asked') WHERE devices IS NOT NULL",
            postgres: "UPDATE message SET devices = replace(devices::text, 'taken', 'asked')::json WHERE devices IS NOT NULL")
        var bindings: [SQLValue] { [] }
    }
}

/// Keeps registrations that should go.
private final class RememberingDevices: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        if Asked.sql.sqlite.hasPrefix("DELETE FROM patient_device") { return 1 }
        return try super.run(command)
    }
}
