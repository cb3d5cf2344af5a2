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
import Workflows

/// A carrier of text messages and the telephones behind it. It knows no repeats: who asks twice sends twice.
final class Telephones: TextCarrier {
    /// What it does with the next message, or, when there is only one left, with all that follow.
    enum Manner: Sendable {
        case takes
        /// It has the message, and its answer is lost.
        case takesAndIsSilent
        /// It has not got it, and nobody knows.
        case losesAndIsSilent
        /// It has the message only when `arrive` says so, and its answer is lost.
        case takesLater
        case isAway
        case refuses
    }

    struct Text: Sendable, Equatable {
        let id: String
        let key: EffectKey
        let to: String
        let words: String
        var state: TextState
    }

    private struct State {
        var texts: [Text] = []
        var manners: [Manner] = [.takes]
        var looks = 0
        var asked = 0
        var restsUntil: Instant?
        var onTheirWay: [Text] = []
    }

    /// What it says of how long a message may be on its way.
    let knownAfter: Span
    private let state = Mutex(State())
    /// Whether it finds what it has when it is asked.
    private let findsThings: Bool

    init(findsThings: Bool = true, knownAfter: Span = .zero) { (self.findsThings, self.knownAfter) = (findsThings, knownAfter) }

    /// What was on its way is there.
    func arrive() {
        state.withLock { state in
            state.texts += state.onTheirWay
            state.onTheirWay = []
        }
    }

    func behave(_ manners: Manner...) { state.withLock { $0.manners = manners } }
    var texts: [Text] { state.withLock { $0.texts } }
    var looks: Int { state.withLock { $0.looks } }
    /// How often it was asked to send something.
    var asked: Int { state.withLock { $0.asked } }
    var restsUntil: Instant? { state.withLock { $0.restsUntil } }
    func rest(until instant: Instant?) { state.withLock { $0.restsUntil = instant } }
    /// What it says when it is asked for a message.
    func mark(_ id: String, _ mark: TextState) {
        state.withLock { state in
            for index in state.texts.indices where state.texts[index].id == id { state.texts[index].state = mark }
        }
    }

    func send(_ text: TextMessage, key: EffectKey) async -> Ending<TextReceipt> {
        state.withLock { state in
            state.asked += 1
            let manner = state.manners.count > 1 ? state.manners.removeFirst() : state.manners[0]
            switch manner {
            case .isAway: return .later(after: nil, reason: "away")
            case .refuses: return .never(reason: "no such number")
            case .losesAndIsSilent: return .unknown(reason: "silent")
            case .takes, .takesAndIsSilent, .takesLater:
                let id = "SM\(state.texts.count + state.onTheirWay.count + 1)"
                let taken = Text(id: id, key: key, to: text.to.text.revealed, words: text.words.revealed, state: .accepted)
                if case .takesLater = manner {
                    state.onTheirWay.append(taken)
                    return .unknown(reason: "silent")
                }
                state.texts.append(taken)
                if case .takesAndIsSilent = manner { return .unknown(reason: "silent") }
                return .done(TextReceipt(id: id, state: .accepted))
            }
        }
    }

    func find(_ text: TextMessage, since: Instant) async -> Ending<TextReceipt?> {
        state.withLock { state in
            state.looks += 1
            guard findsThings else { return .done(nil) }
            let known = state.texts.first { $0.to == text.to.text.revealed && $0.words == text.words.revealed }
            return .done(known.map { TextReceipt(id: $0.id, state: $0.state) })
        }
    }

    func news(in call: IncomingCall) throws(IncomingRefusal) -> TextNews { throw .unsigned }
}

/// A clinic that reaches its patients by mail and text messages: patient N has the telephone +49301000N and a mailbox.
struct MessageFixture: Sendable {
    let fixture: ClinicFixture
    let accounts: Accounts
    let telephones: Telephones
    let handsets = Handsets()
    let box = Letterbox()

    static let patience: Span = .minutes(15)

    static func open(
        _ engine: Engine, _ plan: ClinicPlan = ClinicPlan { $0.policy.cancellationCutoffMinutes = 0 },
        telephones: Telephones = Telephones(), order: [Channel] = [.sms, .email],
        sabotage: (any Database) -> any Database = { $0 }, _ body: (MessageFixture) async throws -> Void
    ) async throws {
        var settings = ClinicSettings()
        settings.messages = MessageSettings(channels: [.email, .sms, .push])
        settings.messages?.hearsReplies = true
        try await ClinicFixture.open(engine, plan, settings: settings, sabotage: sabotage) { fixture in
            let accounts = Accounts(fixture.clinic, secret: Array(repeating: 7, count: 32))
            let house = MessageFixture(fixture: fixture, accounts: accounts, telephones: telephones)
            for number in 0..<plan.patients {
                try await house.register(number)
                try await house.prefer(number, order, consents: [.sms: true, .email: true])
            }
            try await body(house)
        }
    }

    var clinic: Clinic { fixture.clinic }
    var plan: ClinicPlan { fixture.plan }
    var clock: ManualClock { fixture.clock }
    func patient(_ number: Int) -> ID<Patient> { plan.patient(number).of() }
    static func number(_ patient: Int) -> String { "+493010000\(patient)" }
    static func address(_ patient: Int) -> String { "patient\(patient)@example.org" }

    func register(_ number: Int, phone: String? = nil) async throws {
        let call = Call(caller: plan.desk(), requestID: "register")
        let known = try await clinic.patient(patient(number), for: call)
        let patient = Patient(
            id: known.id, name: known.name, email: Personal(Self.address(number)),
            phone: Personal(phone ?? "\(Self.number(number))"), version: known.version + 1)
        let silent = Wording<Patient>(
            done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
        _ = try await clinic.store(patient, call: call, wording: silent).value()
    }

    func prefer(
        _ number: Int, _ order: [Channel], quiet: ContactPreferences.QuietHours? = .init(from: 0, until: 0), zone: String? = nil,
        language: WrittenLanguage? = nil, consents: [Channel: Bool]
    ) async throws {
        let silent = Wording<ContactPreferences>(
            done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
        _ = try await clinic.setPreferences(
            of: patient(number),
            to: PreferencesRequest(channels: order, language: language, quiet: quiet, zone: zone, consents: consents),
            expectedVersion: nil, call: Call(caller: plan.desk(), requestID: "prefer"), wording: silent
        ).value()
    }

    func worker(_ name: String = "worker", at database: (any Database)? = nil, accounts other: Accounts? = nil) throws -> Outbox {
        let stationery = try Stationery(from: Sender("City Clinic <noreply@clinic.example>")!, links: "https://clinic.example")
        let post = MessagePost(stationery: stationery, letters: box, texts: telephones, push: handsets)
        return Outbox(
            database: database ?? fixture.database, surroundings: fixture.surroundings, workerName: name,
            handlers: (other ?? accounts).clinic.deliveries.merging((other ?? accounts).messages.deliveries(by: post)) { $1 })
    }

    /// Delivers all that is due, and what comes due within a few minutes of trying again.
    func deliver(workers: Int = 1) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<workers {
                let worker = try worker("worker-\(number)")
                group.addTask { while try await worker.step() > 0 {} }
            }
            try await group.waitForAll()
        }
    }

    func deliver(at instant: Instant, workers: Int = 1) async throws {
        clock.advance(to: instant)
        try await deliver(workers: workers)
    }

    /// Goes on a minute at a time, as long as this.
    func live(_ span: Span) async throws {
        let end = clock.now + span
        while clock.now < end { try await deliver(at: min(end, clock.now + .minutes(1))) }
    }

    /// What a carrier says of a message of its.
    func hear(_ state: TextState, of text: Telephones.Text) async throws {
        telephones.mark(text.id, state)
        try await hear(TextNews(key: "\(text.id):\(state)", id: text.id, kind: .state(state, about: text.key, code: nil)))
    }

    func hear(reply words: String, from number: String, key: String = "reply") async throws {
        try await hear(TextNews(key: key, id: key, kind: .reply(from: PhoneNumber(number)!, words: Personal(words))))
    }

    /// What the inbox does with it.
    func hear(_ news: TextNews) async throws {
        _ = try await clinic.take(news)
        try await deliver()
    }

    func messages(_ number: Int = 0, _ kind: MessageKind? = nil) async throws -> [Message] {
        try await clinic.messages(
            of: patient(number), page: PageRequest(limit: 200), for: Call(caller: plan.desk(), requestID: "look")
        ).elements.filter { kind == nil || $0.kind == kind }
    }

    /// Booked for the third day at nine, and the confirmation is out.
    func booked(_ number: Int = 0, hour: Int = 9) async throws -> Appointment {
        let start = plan.time(day: 3, hour: hour)
        let outcome = await fixture.book(patient: number, at: start, by: plan.desk())
        guard let visit = outcome.told else { throw StorageFault.statement("not booked: \(outcome)") }
        try await deliver()
        return try await clinic.appointment(visit.id, for: Call(caller: plan.desk(), requestID: "look"))
    }

    func reminders(to number: String? = nil) -> [Telephones.Text] {
        telephones.texts.filter { $0.words.contains("remind") && (number == nil || $0.to == number) }
    }

    var reminderLetters: [Letter] { box.seen.filter { $0.words.text.contains("We remind you") } }

    /// The code behind the link of a text.
    func code(in words: String) -> String? {
        words.firstMatch(of: #/mc[au]_[A-Za-z0-9_-]{43}/#).map { String($0.0) }
    }
}
