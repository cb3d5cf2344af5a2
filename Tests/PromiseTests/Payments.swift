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

/// A clinic whose consultations cost 45.00 €, and a provider.
struct PayingClinic: Sendable {
    static let price = Price(
        amount: 4500, currency: "eur",
        refunds: [.init(hoursBefore: 24, percent: 100), .init(hoursBefore: 2, percent: 50)])

    let fixture: ClinicFixture
    let desk: TrialDesk
    var plan: ClinicPlan { fixture.plan }
    var clock: ManualClock { fixture.clock }

    static func open(
        _ engine: Engine, patients: Int = 8, practitioners: Int = 1, price: Price = price,
        _ body: (PayingClinic) async throws -> Void
    ) async throws {
        let plan = ClinicPlan {
            $0.price = price
            $0.patients = patients
            $0.practitioners = practitioners
            $0.policy.cancellationCutoffMinutes = 0
        }
        try await ClinicFixture.open(engine, plan) { fixture in
            try await body(PayingClinic(fixture: fixture, desk: TrialDesk(fixture.clock)))
        }
    }

    /// Delivers what is due, at one node or another.
    func deliver(at clinic: Clinic? = nil, named name: String = "worker") async throws {
        let worker = fixture.worker(with: desk, at: clinic, named: name)
        while try await worker.step() > 0 {}
    }

    func ask(_ appointment: ID<Appointment>, by caller: Caller) async throws -> Reply<PaymentStanding> {
        try await fixture.clinic.askPayment(
            of: AppointmentTarget(id: appointment), call: Call(caller: caller, requestID: "ask"), wording: .payment)
    }

    /// Somebody holds a time and has asked for the payment, which is open at the provider by now.
    func held(patient: Int = 0, with practitioner: Int = 0, at start: Instant) async throws -> (hold: Told, intent: Payment) {
        let hold = try #require(await fixture.hold(patient: patient, with: practitioner, at: start).told)
        _ = try await ask(hold.id, by: plan.patientCaller(patient)).value()
        try await deliver()
        let known = try await standing(hold.id, by: plan.patientCaller(patient)).payment
        #expect(known.state == .open && known.payerSecret != nil)
        return (hold, try #require(desk.intents.first { $0.id == known.providerID }))
    }

    func standing(_ appointment: ID<Appointment>, by caller: Caller? = nil) async throws -> PaymentStanding {
        try await fixture.clinic.payment(of: appointment, for: .looking(caller ?? plan.desk()))
    }

    func state(_ appointment: ID<Appointment>) async throws -> AppointmentState {
        try await fixture.clinic.appointment(appointment, for: .looking(plan.desk())).state
    }

    /// What the provider tells, under a key of its own unless one is given.
    func tell(_ payment: Payment, key: String? = nil, at clinic: Clinic? = nil) async throws {
        try await (clinic ?? fixture.clinic).take(
            PaymentNews(key: key ?? Self.newKey(), at: clock.now, kind: .payment(payment)))
    }

    func tell(_ refund: Refund) async throws {
        try await fixture.clinic.take(PaymentNews(key: Self.newKey(), at: clock.now, kind: .refund(refund)))
    }

    private static let keys = Mutex(0)
    static func newKey() -> String {
        keys.withLock {
            $0 += 1
            return "evt_\($0)"
        }
    }

    func billing() -> Call { Call(caller: Caller(role: .billing, subject: ID(high: 5, low: 5)), requestID: "billing") }

    /// Paid, and booked: the appointment and the provider's name for the payment.
    func paid(patient: Int = 0) async throws -> (id: ID<Appointment>, intent: String) {
        let (hold, intent) = try await held(patient: patient, at: plan.time(day: 3, hour: 9 + patient))
        try await tell(desk.pay(intent.id))
        try await deliver()
        return (hold.id, intent.id)
    }

    /// Somebody gives money back at the provider's own pages.
    func giveByHand(_ intent: String, _ amount: Int) async throws -> Refund {
        let hand = EffectKey("by-hand")!
        return try #require(await desk.refund(intent, amount: amount, reference: hand, key: hand).value)
    }

    /// What somebody says of money they have given back by hand.
    func record(
        _ id: ID<Appointment>, _ amount: Int, _ way: VisitRefund.Way = .cash, name: String? = nil,
        instead: ID<VisitRefund>? = nil, at other: Clinic? = nil
    ) async throws -> Reply<RecordedRefund> {
        let record = RefundRecord(
            amount: amount, way: way, givenAt: plan.startsAt, providerRefund: name, instead: instead,
            reason: Personal("the toner was out"))
        return try await (other ?? fixture.clinic).recordRefund(of: id, record, call: billing(), wording: .anything())
    }

    func reconcile() async throws -> PaymentsReport {
        try await fixture.clinic.reconcilePayments(at: desk, since: clock.now - .days(7))
    }

    /// Those nobody has settled.
    func tasks() async throws -> [ClinicTask] {
        try await fixture.clinic.tasks(onlyOpen: true, page: PageRequest(limit: 50), for: .looking(plan.desk())).elements
    }

    func numbers() async throws -> [Int] { try await fixture.database.read { try $0.fetch(InvoiceNumbers()) } }

    func notices(_ kind: Notice.Kind, to patient: Int) async throws -> [Notice] {
        try await fixture.clinic.mailbox(
            of: plan.patient(patient).of(), page: PageRequest(limit: 200), for: .looking(plan.patientCaller(patient))
        ).elements.filter { $0.kind == kind }
    }

    /// Of a patient, those that hold their time.
    func alive(of patient: Int) async throws -> [Appointment] {
        try await fixture.clinic.appointments(
            .ofPatient(plan.patient(patient).of()), in: plan.range(ofDays: 0..<20), page: PageRequest(limit: 200),
            for: .looking(plan.patientCaller(patient))
        ).elements.filter(\.state.holdsItsTime)
    }
}

extension Wording where Value == PaymentStanding {
    static var payment: Wording<PaymentStanding> {
        Wording(done: { _ in StoredAnswer(status: 201, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
    }
}

struct InvoiceNumbers: Query {
    static let sql: SQL = "SELECT number FROM invoice ORDER BY number"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}
