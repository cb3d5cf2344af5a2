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
    /// HB-3: what somebody has given back by hand is credited once, never more than was paid, and what is charged less what is credited is what is
    /// kept.
    @Suite struct WhatIsGivenBackByHand {
        private func invoices(_ paying: PayingClinic) async throws -> [Invoice] {
            try await paying.fixture.clinic.invoices(of: nil, page: PageRequest(limit: 200), for: paying.billing()).elements
        }

        /// What is charged less what is credited.
        private func kept(_ paying: PayingClinic) async throws -> Int {
            try await invoices(paying).reduce(0) { $0 + ($1.kind == .invoice ? $1.amount : -$1.amount) }
        }

        private func isSound(_ paying: PayingClinic, keeping amount: Int) async throws {
            #expect(try await kept(paying) == amount)
            let numbers = try await paying.numbers()
            #expect(numbers == Array(1...numbers.count))
            let report = try await ClinicCheck.run(paying.fixture.database, newestSchema: Schema.migrations.count)
            #expect(report.problems == [])
        }

        @Test(arguments: Engine.allCases)
        func `is credited in the series of invoices, in parts and to the last cent of tax, and no more than was paid`(
            engine: Engine
        )
            async throws
        {
            var price = PayingClinic.price
            price.taxRate = 1_900
            try await PayingClinic.open(engine, price: price) { paying in
                let (id, _) = try await paying.paid()
                let first = try await paying.record(id, 1_000).value()
                #expect(first.creditNote?.number == 2 && first.creditNote?.amount == 1_000 && !first.existedBefore)
                #expect(first.refund.hand?.way == .cash && first.refund.hand?.recordedBy == paying.billing().caller.principal)
                #expect(first.refund.reason == .byHand && first.refund.state == .done)
                #expect(try await paying.record(id, 3_501).refusal == .refundTooLarge)
                try await isSound(paying, keeping: 3_500)
                let rest = try await paying.record(id, 3_500, .transfer).value()
                #expect(rest.creditNote?.number == 3)
                #expect(try await paying.record(id, 1).refusal == .refundTooLarge)
                let all = try await invoices(paying)
                #expect(all.filter { $0.kind == .creditNote }.compactMap(\.tax).reduce(0, +) == all[0].tax)
                try await isSound(paying, keeping: 0)
                let audit = try await paying.fixture.clinic.audit(
                    of: id, page: PageRequest(limit: 50), for: .looking(paying.plan.admin())
                ).elements
                let words = audit.filter { $0.act == "refund.recorded" }.compactMap { $0.reason?.revealed }
                #expect(words == ["the toner was out", "the toner was out"])
                #expect(paying.desk.refunds.isEmpty, "the provider is asked for nothing")
                // Whoever cancels then gets nothing twice.
                let caller = paying.plan.patientCaller(0)
                #expect(await paying.fixture.cancel(id, by: caller).refusal == nil)
                try await paying.deliver()
                #expect(paying.desk.refunds.isEmpty)
                try await isSound(paying, keeping: 0)
            }
        }

        @Test(arguments: Engine.allCases)
        func `what the provider's list shows is a task that says where, and is over when it is recorded, once`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let (id, intent) = try await paying.paid()
                let made = try await paying.giveByHand(intent, 1_500)
                let report = try await paying.reconcile()
                #expect(report.troubles.count == 1 && report.troubles[0].contains("payment/refunds"))
                let task = try #require(try await paying.tasks().first)
                let details = try JSON(parsing: task.details)
                #expect(details["record"]?.string == "POST /v1/appointments/\(id)/payment/refunds")
                #expect(details["refund"]?.string == made.id && details["amount"]?.integer == 1_500)
                try await isSound(paying, keeping: 4_500)
                let told = try await paying.record(id, 1_500, .provider, name: made.id).value()
                #expect(told.creditNote?.amount == 1_500)
                let again = try await paying.record(id, 1_500, .provider, name: made.id).value()
                #expect(again.existedBefore && again.creditNote?.id == told.creditNote?.id && again.refund.id == told.refund.id)
                #expect(try await paying.record(id, 700, .provider, name: made.id).refusal == .identifierAlreadyUsed)
                #expect(try await paying.tasks().isEmpty)
                #expect(try await paying.reconcile().troubles.isEmpty)
                #expect(try await paying.tasks().isEmpty)
                try await isSound(paying, keeping: 3_000)
            }
        }

        @Test(arguments: Engine.allCases)
        func `recorded by many at once, on two nodes, is credited as far as there is money, and numbered without a gap`(
            engine: Engine
        ) async throws {
            try await PayingClinic.open(engine) { paying in
                let (id, _) = try await paying.paid()
                let clinics = [paying.fixture.clinic, try await paying.fixture.anotherClinic()]
                let refusals = try await withThrowingTaskGroup(of: Refusal?.self) { group in
                    for number in 0..<12 {
                        group.addTask { try await paying.record(id, 1_000, at: clinics[number % 2]).refusal }
                    }
                    return try await group.reduce(into: [Refusal?]()) { $0.append($1) }
                }
                #expect(refusals.count { $0 == nil } == 4 && refusals.count { $0 == .refundTooLarge } == 8)
                try await isSound(paying, keeping: 500)
            }
        }

        /// The negative control: whoever records does not see what was given back before.
        @Test(arguments: Engine.allCases)
        func `would be seen: where nobody looks at what was given back, more is credited than was paid`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let (id, _) = try await paying.paid()
                let blind = Clinic(
                    database: TamperedDatabase(paying.fixture.database) { BlindTo($0, ["FROM refund WHERE payment_id"]) },
                    surroundings: paying.fixture.surroundings, master: TestKeys.master)
                try await blind.readKeys()
                for _ in 0..<2 { _ = try await paying.record(id, 3_000, at: blind).value() }
                #expect(try await kept(paying) == -1_500)
            }
        }

        @Test(arguments: Engine.allCases)
        func `what the provider did not give back is given by hand instead, with the credit note it had`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let (id, _) = try await paying.paid()
                paying.desk.behave(.refusing)
                #expect(await paying.fixture.cancel(id, by: paying.plan.desk()).refusal == nil)
                let asked = try #require(try await paying.standing(id).refunds.first)
                #expect(
                    try await paying.record(id, 4_500, instead: asked.id).refusal == .transitionNotAllowed, "somebody is asking")
                try await paying.deliver()
                let failed = try #require(try await paying.tasks().first)
                #expect(failed.kind == .refundFailed)
                #expect(try JSON(parsing: failed.details)["record"]?.string?.hasSuffix("/payment/refunds") == true)
                #expect(try await paying.record(id, 4_500).refusal == .refundTooLarge, "it was credited already")
                #expect(try await paying.record(id, 4_000, instead: asked.id).refusal == .refundTooLarge)
                let given = try await paying.record(id, 4_500, .transfer, instead: asked.id).value()
                #expect(given.refund.id == asked.id && given.refund.state == .done && given.refund.reason == .cancelled)
                #expect(given.creditNote?.number == 2)
                #expect(try await paying.record(id, 4_500, .transfer, instead: asked.id).value().existedBefore)
                #expect(try await paying.record(id, 4_500, .cash, instead: asked.id).refusal == .transitionNotAllowed)
                #expect(try await paying.record(id, 4_500, instead: ID(high: 1, low: 1)).refusal == .recordUnknown)
                #expect(try await paying.tasks().isEmpty)
                paying.desk.behave(.well)
                #expect(try await paying.reconcile().troubles.isEmpty && paying.desk.refunds.isEmpty)
                try await isSound(paying, keeping: 0)
            }
        }

        @Test(arguments: Engine.allCases)
        func `what was not paid is not given back, and what comes back by agreement counts what was given by hand`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let (hold, _) = try await paying.held(patient: 1, at: paying.plan.time(day: 3, hour: 12))
                #expect(try await paying.record(hold.id, 100).refusal == .refundTooLarge)
                let (id, _) = try await paying.paid()
                _ = try await paying.record(id, 1_000).value()
                // Half of it comes back, which is 2250: of that 1000 has been given.
                paying.clock.advance(to: paying.plan.time(day: 3, hour: 5))
                #expect(await paying.fixture.cancel(id, by: paying.plan.patientCaller(0)).refusal == nil)
                try await paying.deliver()
                #expect(paying.desk.refunds.map(\.amount.amount) == [1_250])
                try await isSound(paying, keeping: 2_250)
            }
        }

        @Test(arguments: Engine.allCases, Role.allCases)
        func `by billing and admins alone`(engine: Engine, role: Role) async throws {
            try await PayingClinic.open(engine) { paying in
                let (id, _) = try await paying.paid()
                let caller: Caller =
                    switch role {
                    case .patient: paying.plan.patientCaller(0)
                    case .practitioner: paying.plan.practitionerCaller(0)
                    default:
                        Caller(
                            role: role, subject: ID(high: 6, low: 6),
                            scopes: role == .service ? Scope.list("system/*.cruds") : nil)
                    }
                let record = RefundRecord(
                    amount: 100, way: .cash, givenAt: paying.plan.startsAt, reason: Personal("asked for it"))
                let reply = try await paying.fixture.clinic.recordRefund(
                    of: id, record, call: Call(caller: caller, requestID: "who"), wording: .anything())
                let may = role == .billing || role == .admin
                #expect((reply.refusal == nil) == may, "\(role)")
                #expect(try await kept(paying) == (may ? 4_400 : 4_500))
            }
        }
    }
}
