import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// What the payment provider is asked for happens once, however its answers are lost, and what it never told comes to light (HB-3, GF-3).
    @Suite struct TheProviderIsAskedOnce {
        private func hold(_ paying: PayingClinic, patient: Int = 0) async throws -> ID<Appointment> {
            let start = paying.plan.time(day: 3, hour: 9 + patient)
            let hold = try #require(await paying.fixture.hold(patient: patient, at: start).told)
            _ = try await paying.ask(hold.id, by: paying.plan.patientCaller(patient)).value()
            return hold.id
        }

        @Test(arguments: Engine.allCases, [TrialDesk.Manner.silent, .deaf])
        func `a payment that nobody answered for is opened once`(
            engine: Engine, manner: TrialDesk.Manner
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let id = try await hold(paying)
                paying.desk.behave(manner, once: true)
                try await paying.deliver()
                paying.clock.advance(by: .seconds(30))
                try await paying.deliver()
                #expect(paying.desk.intents.count == 1)
                let payment = try await paying.standing(id, by: paying.plan.patientCaller(0)).payment
                #expect(payment.state == .open && payment.payerSecret != nil)
                #expect(try await paying.standing(id, by: paying.plan.desk()).payment.providerID == paying.desk.intents[0].id)
            }
        }

        @Test(arguments: Engine.allCases, [TrialDesk.Manner.silent, .deaf]) func `money that nobody answered for goes back once`(
            engine: Engine, manner: TrialDesk.Manner
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let (hold, intent) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
                try await paying.tell(paying.desk.pay(intent.id))
                try await paying.deliver()
                _ = await paying.fixture.cancel(hold.id, by: paying.plan.desk())
                paying.desk.behave(manner, once: true)
                try await paying.deliver()
                paying.clock.advance(by: .seconds(30))
                try await paying.deliver()
                #expect(paying.desk.refunds.map(\.amount.amount) == [4500])
                #expect(try await paying.standing(hold.id).refunds.map(\.state) == [.pending])
            }
        }

        @Test(arguments: Engine.allCases) func `what is cancelled unpaid cannot be paid any more, though nobody answers`(
            engine: Engine
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let (hold, _) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
                _ = await paying.fixture.cancel(hold.id, by: paying.plan.patientCaller(0))
                #expect(try await paying.standing(hold.id).payment.state == .cancelling)
                paying.desk.behave(.silent, once: true)
                try await paying.deliver()
                #expect(paying.desk.intents.map(\.state) == [.cancelled])
                #expect(try await paying.standing(hold.id).payment.state == .cancelled)
                #expect(paying.desk.refunds.isEmpty)
            }
        }

        @Test(arguments: Engine.allCases) func `a hold that ends unpaid leaves nothing to pay a quarter of an hour later`(
            engine: Engine
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let (hold, _) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
                paying.clock.advance(by: .minutes(5))
                try await paying.deliver()
                #expect(try await paying.state(hold.id) == .cancelled && paying.desk.intents.map(\.state) == [.open])
                paying.clock.advance(by: .minutes(15))
                try await paying.deliver()
                #expect(paying.desk.intents.map(\.state) == [.cancelled])
                #expect(try await paying.standing(hold.id).payment.state == .cancelled)
            }
        }

        @Test(arguments: Engine.allCases) func `what a worker opened and died of cannot be paid once it is cancelled`(
            engine: Engine
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let id = try await hold(paying)
                let payment = try await paying.standing(id).payment
                // Whoever was killed had asked for it, and nobody heard what it is called.
                let order = PaymentOrder(Money(4500, "eur")!, reference: EffectKey(payment.id))
                _ = await paying.desk.open(order, key: EffectKey("\(payment.id):open:1")!)
                _ = await paying.fixture.cancel(id, by: paying.plan.patientCaller(0))
                for _ in 0..<4 {
                    try await paying.deliver()
                    paying.clock.advance(by: .minutes(1))
                }
                #expect(paying.desk.intents.map(\.state) == [.cancelled])
                #expect(try await paying.standing(id).payment.state == .cancelled)
            }
        }

        @Test(arguments: Engine.allCases) func `who is refused may ask again, under another key`(engine: Engine) async throws {
            try await PayingClinic.open(engine) { paying in
                let id = try await hold(paying)
                paying.desk.behave(.refusing, once: true)
                try await paying.deliver()
                #expect(try await paying.standing(id).payment.state == .failed && paying.desk.intents.isEmpty)
                let again = try await paying.ask(id, by: paying.plan.desk()).value()
                #expect(again.payment.state == .opening)
                try await paying.deliver()
                #expect(try await paying.standing(id).payment.state == .open && paying.desk.intents.count == 1)
                let same = try await paying.ask(id, by: paying.plan.patientCaller(0)).value()
                #expect(same.payment.id == again.payment.id)
                try await paying.deliver()
                #expect(paying.desk.intents.count == 1)
            }
        }

        @Test(arguments: Engine.allCases) func `patients cannot do without paying, and staff say why they can`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let (fixture, plan) = (paying.fixture, paying.plan)
                let id = try await hold(paying)
                #expect(await fixture.confirm(id, by: plan.patientCaller(0)) == .refused(.paymentNeeded))
                #expect(await fixture.confirm(id, by: plan.desk()) == .refused(.overrideNeedsReason))
                #expect(await fixture.book(patient: 1, at: plan.time(day: 4, hour: 9)).refusal == .paymentNeeded)
                let wording = Wording<Appointment>(
                    done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
                let confirmed = try await fixture.clinic.confirm(
                    AppointmentTarget(id: id), unpaidReason: Personal("pays at the counter"),
                    call: Call(caller: plan.desk(), requestID: "desk"), wording: wording
                ).value()
                #expect(confirmed.state == .booked)
                let audit = try await fixture.clinic.audit(of: id, page: PageRequest(limit: 50), for: .looking(plan.admin()))
                #expect(
                    audit.elements.contains { $0.act == "appointment.confirmed" && $0.reason?.revealed == "pays at the counter" })
            }
        }

        @Test(arguments: Engine.allCases) func `what comes back is what was agreed: to patients by the hour, from the clinic all`(
            engine: Engine
        ) async throws {
            for (hoursBefore, byDesk, back) in [
                (30, false, 4500), (24, false, 4500), (23, false, 2250), (1, false, 0), (1, true, 4500),
            ] {
                try await PayingClinic.open(engine) { paying in
                    let start = paying.plan.time(day: 3, hour: 9)
                    let (hold, intent) = try await paying.held(at: start)
                    try await paying.tell(paying.desk.pay(intent.id))
                    try await paying.deliver()
                    paying.clock.advance(by: start - .hours(hoursBefore) - paying.clock.now)
                    let caller = byDesk ? paying.plan.desk() : paying.plan.patientCaller(0)
                    let wording = Wording<Appointment>(
                        done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
                    let cancelled = try await paying.fixture.clinic.cancel(
                        AppointmentTarget(id: hold.id), reason: byDesk ? .practitioner : .patient,
                        call: Call(caller: caller, requestID: "cancel"), wording: wording)
                    #expect(cancelled.refusal == nil)
                    try await paying.deliver()
                    #expect(paying.desk.refunds.map(\.amount.amount) == (back > 0 ? [back] : []), "\(hoursBefore)")
                    #expect(try await paying.notices(.refund, to: 0).count == 1, "told in any case")
                }
            }
        }

        @Test(arguments: Engine.allCases) func `what was paid and never told comes to light, and counts once`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let clinic = paying.fixture.clinic
                var holds: [ID<Appointment>] = []
                for patient in 0..<5 {
                    let (hold, intent) = try await paying.held(patient: patient, at: paying.plan.time(day: 3, hour: 9 + patient))
                    holds.append(hold.id)
                    paying.desk.pay(intent.id)
                }
                let since = paying.clock.now - .days(7)
                let report = try await clinic.reconcilePayments(at: paying.desk, since: since)
                #expect(report.repaired == 5 && report.troubles.isEmpty && report.brokenOff == nil, "\(report)")
                for id in holds { #expect(try await paying.state(id) == .booked) }
                let again = try await clinic.reconcilePayments(at: paying.desk, since: since)
                #expect(again.repaired == 0 && again.looked == 5, "\(again)")
                for intent in paying.desk.intents { try await paying.tell(intent) }
                try await paying.deliver()
                #expect(try await paying.numbers() == Array(1...5), "the webhook that comes after all changes nothing")
                // Nor is it lost when it is older than the list.
                let (late, intent) = try await paying.held(patient: 5, at: paying.plan.time(day: 5, hour: 9))
                paying.desk.pay(intent.id)
                paying.clock.advance(by: .days(1))
                let far = try await clinic.reconcilePayments(at: paying.desk, since: paying.clock.now)
                #expect(far.repaired == 1)
                #expect(try await paying.standing(late.id).payment.state == .paid)
                try await paying.fixture.keepsEveryPromise()
            }
        }
    }
}
