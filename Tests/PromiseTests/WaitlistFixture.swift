import Notation
import Outbox
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

/// What the tests of the waitlist have in common: who waits, what was offered, and a worker that works until there is nothing left.
struct WaitlistFixture {
    let fixture: ClinicFixture

    static func open(
        _ engine: Engine, _ plan: ClinicPlan = ClinicPlan(), limits: PatientLimits? = nil, missesAtMost: Int = 3,
        sabotage: (any Database) -> any Database = { $0 }, _ body: (WaitlistFixture) async throws -> Void
    ) async throws {
        var settings = ClinicSettings()
        settings.patientLimits = limits
        settings.offers.missesAtMost = missesAtMost
        try await ClinicFixture.open(engine, plan, settings: settings, sabotage: sabotage) { fixture in
            try await fixture.clinic.open()
            let waitlist = WaitlistFixture(fixture: fixture)
            try await waitlist.stayAwake()
            try await body(waitlist)
        }
    }

    /// Nobody has a night, so that they can be asked at any time.
    func stayAwake() async throws {
        for patient in 0..<plan.patients { try await prefer(patient, quiet: .init(from: 0, until: 0)) }
    }

    /// Somebody says when they are to be left alone, by whose clock; nil is the usual night.
    func prefer(_ patient: Int, quiet: ContactPreferences.QuietHours?, zone: String? = nil) async throws {
        _ = try await fixture.clinic.setPreferences(
            of: plan.patient(patient).of(),
            to: PreferencesRequest(channels: [.sms, .email], language: nil, quiet: quiet, zone: zone, consents: [:]),
            expectedVersion: nil, call: desk, wording: .anything()
        ).value()
    }

    var plan: ClinicPlan { fixture.plan }
    var desk: Call { Call(caller: plan.desk(), requestID: "desk") }
    func start(_ day: Int = 5, hour: Int = 9) -> Instant { plan.time(day: day, hour: hour) }

    /// A patient asks for a consultation, whenever.
    @discardableResult
    func join(
        _ patient: Int, by caller: Caller? = nil, _ change: (inout WaitlistRequest) -> Void = { _ in }
    ) async throws -> Reply<WaitlistPlace> {
        var request = WaitlistRequest(
            patient: plan.patient(patient).of(), visitType: plan.consultation, wantsOffers: true)
        change(&request)
        let caller = caller ?? plan.patientCaller(patient)
        let reply = try await fixture.clinic.joinWaitlist(
            request, call: Call(caller: caller, requestID: "join"), wording: .anything())
        // Who comes later has waited less.
        fixture.clock.advance(by: .seconds(1))
        return reply
    }

    /// Somebody has the time and gives it back.
    func free(_ start: Instant, by patient: Int = 0, at clinic: Clinic? = nil) async throws {
        let had = try #require(await fixture.book(patient: patient, at: start, by: plan.desk()).told)
        _ = try await (clinic ?? fixture.clinic).cancel(
            AppointmentTarget(id: had.id), reason: .desk, call: desk, wording: .anything()
        ).value()
    }

    /// Until nothing is due.
    func work(_ worker: Outbox? = nil) async throws {
        let worker = worker ?? fixture.worker()
        while try await worker.step() > 0 {}
    }

    func offers(_ state: WaitlistOffer.State? = nil, at start: Instant? = nil) async throws -> [WaitlistOffer] {
        let all = try await fixture.clinic.offers(of: nil, page: PageRequest(limit: 200), for: desk).elements
        return all.filter { (state == nil || $0.state == state) && (start == nil || $0.time.visit.from == start) }
    }

    /// Who thinks about a time at the moment, as numbers of the plan.
    func thinking(at start: Instant? = nil) async throws -> [Int] {
        try await offers(.open, at: start).compactMap { offer in
            offer.recipient.flatMap { one in (0..<plan.patients).first { plan.patient($0).of() == one.patient } }
        }
    }

    func place(_ patient: Int) async throws -> WaitlistPlace {
        try #require(
            try await fixture.clinic.waitlist(
                of: plan.patient(patient).of(), page: PageRequest(limit: 200), for: desk
            ).elements.last)
    }

    func accept(_ offer: WaitlistOffer, by patient: Int) async throws -> Reply<Appointment> {
        try await fixture.clinic.acceptOffer(
            offer.id, call: Call(caller: plan.patientCaller(patient), requestID: "accept"), wording: .anything())
    }

    func decline(_ offer: WaitlistOffer, by patient: Int) async throws -> Reply<Appointment> {
        try await fixture.clinic.declineOffer(
            offer.id, call: Call(caller: plan.patientCaller(patient), requestID: "decline"), wording: .anything())
    }

    /// Appointments that have a time at the moment.
    func holders(of start: Instant) async throws -> [Appointment] {
        try await fixture.clinic.appointments(
            .ofPractitioner(plan.practitioner(0)), in: TimeRange(from: start, to: start + .minutes(1)),
            page: PageRequest(limit: 200), for: desk
        ).elements.filter(\.state.holdsItsTime)
    }

    func notices(_ kind: Notice.Kind) async throws -> Int {
        try await fixture.clinic.mailbox(of: nil, page: PageRequest(limit: 200), for: desk).elements.count { $0.kind == kind }
    }

    func isSound(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let report = try await ClinicCheck.run(fixture.database, newestSchema: Schema.migrations.count)
        #expect(report.problems == [], sourceLocation: sourceLocation)
    }
}

extension Wording {
    /// Where nobody reads the words.
    static func anything() -> Wording {
        Wording(
            done: { _ in StoredAnswer(status: 200, body: []) },
            refused: { StoredAnswer(status: 409, body: Array($0.rawValue.utf8)) })
    }
}

/// Is told that a question has no answer, for questions of certain words.
final class BlindTo: PassingTransaction {
    private let words: [String]

    init(_ inner: any WriteTransaction, _ words: [String]) {
        self.words = words
        super.init(inner)
    }

    private func isBlind<Asked: Query>(_: Asked.Type) -> Bool { words.contains { Asked.sql.sqlite.contains($0) } }

    override func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] {
        isBlind(Asked.self) ? [] : try super.fetch(query)
    }

    override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        isBlind(Asked.self) ? nil : try super.first(query)
    }
}
