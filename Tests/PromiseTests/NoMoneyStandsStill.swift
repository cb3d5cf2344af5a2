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
    /// What the payment provider is to be told is told, also when the message that should is lost or given up; and what somebody has given up is
    /// a task (HB-3, GF-4).
    @Suite struct NoMoneyStandsStill {
        private func sweep(_ paying: PayingClinic, at clinic: Clinic? = nil) async throws -> SweepOutcome {
            try await (clinic ?? paying.fixture.clinic).sweep(ofPaymentsAt: paying.desk).round()
        }

        private func tasks(_ paying: PayingClinic) async throws -> [ClinicTask] {
            try await paying.fixture.clinic.tasks(
                onlyOpen: true, page: PageRequest(limit: 50), for: .looking(paying.plan.desk())
            ).elements
        }

        private func lose(_ topic: String, _ paying: PayingClinic) async throws {
            try await paying.fixture.execute("DELETE FROM outbox WHERE topic = '\(topic)'")
        }

        /// It has failed as often as it may.
        private func kill(_ topic: String, _ paying: PayingClinic, _ engine: Engine) async throws -> DeadLetter {
            try await paying.fixture.execute(
                """
                UPDATE outbox SET state = 'dead', attempt = 200, last_error = '503', finished_at = \(engine.typed(paying.clock.now))
                WHERE topic = '\(topic)' AND state = 'ready'
                """)
            return try #require(
                try await paying.fixture.database.read { try $0.fetch(DeadLetters(DeadLetterFilter(topic: topic))) }.first)
        }

        private func discard(_ letter: DeadLetter, _ paying: PayingClinic) async throws {
            let wording = Wording<Mended>(
                done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
            let mended = try await paying.fixture.clinic.discard(
                .one(letter.id), reason: Personal("given back at the counter"),
                call: Call(caller: paying.plan.admin(), requestID: "discard"), wording: wording
            ).value()
            #expect(mended.count == 1)
        }

        private func asked(_ paying: PayingClinic, patient: Int = 0) async throws -> ID<Appointment> {
            let start = paying.plan.time(day: 3, hour: 9 + patient)
            let hold = try #require(await paying.fixture.hold(patient: patient, at: start).told)
            _ = try await paying.ask(hold.id, by: paying.plan.patientCaller(patient)).value()
            return hold.id
        }

        /// Paid, and booked.
        private func paid(_ paying: PayingClinic) async throws -> ID<Appointment> {
            let (hold, intent) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
            try await paying.tell(paying.desk.pay(intent.id))
            try await paying.deliver()
            return hold.id
        }

        // MARK: Opening

        @Test(arguments: Engine.allCases, [false, true])
        func `a payment whose message was lost is opened after all, once`(engine: Engine, hadReached: Bool) async throws {
            try await PayingClinic.open(engine) { paying in
                // Today's comparison is over.
                #expect(try await sweep(paying) == SweepOutcome())
                let id = try await asked(paying)
                let payment = try await paying.standing(id).payment
                if hadReached {
                    let order = PaymentOrder(Money(4500, "eur")!, reference: EffectKey(payment.id))
                    _ = await paying.desk.open(order, key: EffectKey("\(payment.id):open:1")!)
                }
                try await lose(Topic.openPayment, paying)
                try await paying.deliver()
                #expect(try await paying.standing(id).payment.state == .opening, "the negative control: nobody asks")
                let found = try await sweep(paying)
                #expect(found.repaired == 1 && found.oldest != nil)
                try await paying.deliver()
                #expect(try await paying.standing(id).payment.state == .open && paying.desk.intents.count == 1)
                #expect(try await sweep(paying) == SweepOutcome())
            }
        }

        @Test(arguments: Engine.allCases) func `what somebody is asking for is left to them`(engine: Engine) async throws {
            try await PayingClinic.open(engine) { paying in
                _ = try await asked(paying)
                paying.desk.behave(.away)
                for _ in 0..<3 {
                    try await paying.deliver()
                    #expect(try await sweep(paying).repaired == 0)
                }
                let waiting = try await paying.fixture.database.read { try $0.fetch(MoneyMessages()) }
                #expect(waiting == [Topic.openPayment])
            }
        }

        @Test(arguments: Engine.allCases) func `who asks again for what nobody asks for any more can pay at once`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let id = try await asked(paying)
                try await lose(Topic.openPayment, paying)
                for _ in 0..<2 {
                    #expect(try await paying.ask(id, by: paying.plan.patientCaller(0)).value().payment.state == .opening)
                }
                let waiting = try await paying.fixture.database.read { try $0.fetch(MoneyMessages()) }
                #expect(waiting == [Topic.openPayment], "once")
                try await paying.deliver()
                #expect(try await paying.standing(id).payment.state == .open && paying.desk.intents.count == 1)
            }
        }

        @Test(arguments: Engine.allCases, [false, true])
        func `what was given up can be asked for anew`(engine: Engine, isDiscarded: Bool) async throws {
            try await PayingClinic.open(engine) { paying in
                let id = try await asked(paying)
                let letter = try await kill(Topic.openPayment, paying, engine)
                if isDiscarded { try await discard(letter, paying) }
                #expect(try await sweep(paying).repaired == 1)
                #expect(try await paying.standing(id).payment.state == .failed)
                #expect(try await sweep(paying) == SweepOutcome())
                let again = try await paying.ask(id, by: paying.plan.patientCaller(0)).value()
                #expect(again.payment.state == .opening)
                try await paying.deliver()
                #expect(try await paying.standing(id).payment.state == .open && paying.desk.intents.count == 1)
            }
        }

        // MARK: Cancelling

        @Test(arguments: Engine.allCases, [false, true])
        func `nobody can pay for what is over, though the message was lost`(engine: Engine, hasExpired: Bool) async throws {
            try await PayingClinic.open(engine) { paying in
                let (hold, _) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
                if hasExpired {
                    paying.clock.advance(by: .minutes(6))
                    try await paying.deliver()
                } else {
                    _ = await paying.fixture.cancel(hold.id, by: paying.plan.patientCaller(0))
                }
                #expect(try await paying.state(hold.id) == .cancelled)
                try await lose(Topic.cancelPayment, paying)
                paying.clock.advance(by: .minutes(16))
                try await paying.deliver()
                #expect(paying.desk.intents.map(\.state) == [.open], "the negative control: it can be paid")
                #expect(try await sweep(paying).repaired == 1)
                try await paying.deliver()
                #expect(paying.desk.intents.map(\.state) == [.cancelled])
                #expect(try await paying.standing(hold.id).payment.state == .cancelled)
                #expect(try await sweep(paying) == SweepOutcome())
            }
        }

        // MARK: Giving back

        @Test(arguments: Engine.allCases, [false, true])
        func `money whose message was lost goes back after all, once`(engine: Engine, hadReached: Bool) async throws {
            try await PayingClinic.open(engine) { paying in
                let id = try await paid(paying)
                #expect(try await sweep(paying).repaired == 0)
                _ = await paying.fixture.cancel(id, by: paying.plan.desk())
                let refund = try #require(try await paying.standing(id).refunds.first)
                if hadReached {
                    _ = await paying.desk.refund(
                        paying.desk.intents[0].id, amount: refund.amount, reference: EffectKey(refund.id),
                        key: EffectKey("\(refund.id):refund:1")!)
                    // Nobody knows the key any more: it must be looked for.
                    paying.desk.forgetKeys()
                }
                try await lose(Topic.refund, paying)
                try await paying.deliver()
                #expect(try await paying.standing(id).refunds.map(\.state) == [.asked], "the negative control")
                #expect(try await sweep(paying).repaired == 1)
                try await paying.deliver()
                #expect(paying.desk.refunds.map(\.amount.amount) == [4500])
                #expect(try await paying.standing(id).refunds.map(\.state) == [.pending])
                #expect(try await sweep(paying) == SweepOutcome())
                #expect(try await tasks(paying).isEmpty)
            }
        }

        @Test(arguments: Engine.allCases)
        func `what somebody has given up is not asked for over their head: it is a task with all there is to know, once`(
            engine: Engine
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let id = try await paid(paying)
                _ = await paying.fixture.cancel(id, by: paying.plan.desk())
                let letter = try await kill(Topic.refund, paying, engine)
                #expect(try await sweep(paying) == SweepOutcome(), "whoever decides on the dead letter has a task already")
                try await discard(letter, paying)
                for round in 0..<3 {
                    #expect(try await sweep(paying).raised == (round == 0 ? 1 : 0))
                    try await paying.deliver()
                }
                #expect(paying.desk.refunds.isEmpty)
                let task = try #require(try await tasks(paying).first)
                let refund = try #require(try await paying.standing(id).refunds.first)
                #expect(task.kind == .paymentStuck && task.appointment == id && task.patient == paying.plan.patient(0))
                let details = try JSON(parsing: task.details)
                #expect(details["what"]?.string == "refund" && details["refund"]?.string == "\(refund.id)")
                #expect(details["amount"]?.integer == 4500 && details["currency"]?.string == "eur")
                #expect(details["provider"]?.string == paying.desk.intents[0].id && details["reason"]?.string == "cancelled")
            }
        }

        @Test(arguments: Engine.allCases) func `so is what can be paid still, because somebody gave up saying that it is over`(
            engine: Engine
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let (hold, _) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
                _ = await paying.fixture.cancel(hold.id, by: paying.plan.patientCaller(0))
                try await discard(try await kill(Topic.cancelPayment, paying, engine), paying)
                #expect(try await sweep(paying).raised == 1)
                #expect(try await sweep(paying).raised == 0)
                let task = try #require(try await tasks(paying).first)
                #expect(task.kind == .paymentStuck && task.appointment == hold.id)
                #expect(try JSON(parsing: task.details)["what"]?.string == "cancel")
            }
        }

        // MARK: Old keys

        /// Half of it: a provider would take the same once more.
        @Test(arguments: Engine.allCases)
        func `money that went back unheard does not go back again when the provider has forgotten the key`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let start = paying.plan.time(day: 3, hour: 9)
                let id = try await paid(paying)
                paying.clock.advance(by: start - .hours(23) - paying.clock.now)
                let wording = Wording<Appointment>(
                    done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
                let cancelled = try await paying.fixture.clinic.cancel(
                    AppointmentTarget(id: id), reason: .patient,
                    call: Call(caller: paying.plan.patientCaller(0), requestID: "cancel"), wording: wording)
                #expect(cancelled.refusal == nil)
                paying.desk.behave(.failing, once: true)
                try await paying.deliver()
                #expect(paying.desk.refunds.map(\.amount.amount) == [2250])
                paying.desk.behave(.away)
                for _ in 0..<26 {
                    paying.clock.advance(by: .hours(1))
                    try await paying.deliver()
                }
                paying.desk.forgetKeys()
                paying.desk.behave(.well)
                paying.clock.advance(by: .hours(1))
                try await paying.deliver()
                #expect(paying.desk.refunds.map(\.amount.amount) == [2250], "once")
                #expect(try await paying.standing(id).refunds.map(\.state) == [.pending])
            }
        }

        @Test(arguments: Engine.allCases) func `nor is a payment opened twice`(engine: Engine) async throws {
            try await PayingClinic.open(engine) { paying in
                let id = try await asked(paying)
                paying.desk.behave(.failing, once: true)
                try await paying.deliver()
                // Staff let it take place, so it is still to be paid.
                let wording = Wording<Appointment>(
                    done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
                _ = try await paying.fixture.clinic.confirm(
                    AppointmentTarget(id: id), unpaidReason: Personal("pays later"),
                    call: Call(caller: paying.plan.desk(), requestID: "desk"), wording: wording
                ).value()
                paying.desk.behave(.away)
                for _ in 0..<26 {
                    paying.clock.advance(by: .hours(1))
                    try await paying.deliver()
                }
                paying.desk.forgetKeys()
                paying.desk.behave(.well)
                paying.clock.advance(by: .hours(1))
                try await paying.deliver()
                #expect(paying.desk.intents.count == 1)
                #expect(try await paying.standing(id).payment.state == .open)
            }
        }

        // MARK: Once a day

        @Test(arguments: Engine.allCases)
        func `the provider's list is read once a day, whichever node does it, and sooner after a time that broke off`(
            engine: Engine
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let other = try await paying.fixture.anotherClinic()
                let (hold, intent) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
                paying.desk.pay(intent.id)
                paying.desk.leaveAlone(true)
                await #expect(throws: DeliveryFault.self) { try await sweep(paying) }
                #expect(paying.desk.lists == 0)
                paying.desk.leaveAlone(false)
                paying.clock.advance(by: .minutes(1))
                let found = try await sweep(paying, at: other)
                #expect(found.repaired == 1 && found.oldest == intent.createdAt && paying.desk.lists == 1)
                #expect(try await paying.state(hold.id) == .booked, "what was paid and never told")
                for _ in 0..<3 {
                    paying.clock.advance(by: .hours(7))
                    for clinic in [paying.fixture.clinic, other] {
                        #expect(try await sweep(paying, at: clinic) == SweepOutcome())
                    }
                }
                #expect(paying.desk.lists == 1)
                paying.clock.advance(by: .hours(4))
                for clinic in [other, paying.fixture.clinic] { _ = try await sweep(paying, at: clinic) }
                #expect(paying.desk.lists == 2)
            }
        }

        // MARK: What no program may settle

        @Test(arguments: Engine.allCases) func `what the provider does not know, and what it does not give back, is a task once`(
            engine: Engine
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let (unknown, lost) = try await paying.held(patient: 1, at: paying.plan.time(day: 3, hour: 10))
                paying.desk.lose(lost.id)
                let id = try await paid(paying)
                _ = await paying.fixture.cancel(id, by: paying.plan.desk())
                paying.desk.behave(.refusing, once: true)
                try await paying.deliver()
                let since = paying.clock.now - .days(7)
                for round in 0..<2 {
                    let report = try await paying.fixture.clinic.reconcilePayments(at: paying.desk, since: since)
                    #expect(report.troubles.count == (round == 0 ? 1 : 0), "\(report)")
                }
                let tasks = try await tasks(paying)
                #expect(Set(tasks.map(\.kind)) == [.refundFailed, .paymentUnknown] && tasks.count == 2)
                let failed = try #require(tasks.first { $0.kind == .refundFailed })
                #expect(failed.appointment == id && failed.patient == paying.plan.patient(0))
                #expect(try JSON(parsing: failed.details)["amount"]?.integer == 4500)
                let nowhere = try #require(tasks.first { $0.kind == .paymentUnknown })
                #expect(nowhere.appointment == unknown.id && nowhere.patient == paying.plan.patient(1))
                #expect(try JSON(parsing: nowhere.details)["provider"]?.string == lost.id)
            }
        }

        @Test(arguments: Engine.allCases) func `so is a refund the provider had and has no more`(engine: Engine) async throws {
            try await PayingClinic.open(engine) { paying in
                let id = try await paid(paying)
                _ = await paying.fixture.cancel(id, by: paying.plan.desk())
                try await paying.deliver()
                paying.desk.loseRefunds()
                for round in 0..<2 { #expect(try await sweepAnew(paying).raised == (round == 0 ? 1 : 0)) }
                #expect(try await tasks(paying).contains { $0.kind == .paymentStuck && $0.details.contains("pending") })
            }
        }

        /// Tomorrow's.
        private func sweepAnew(_ paying: PayingClinic) async throws -> SweepOutcome {
            paying.clock.advance(by: .hours(25))
            return try await sweep(paying)
        }
    }
}

/// What the provider is going to be told.
private struct MoneyMessages: Query {
    static let sql: SQL = "SELECT topic FROM outbox WHERE topic LIKE 'payment.%' AND finished_at IS NULL"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}
