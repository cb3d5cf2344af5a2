import Notation
import Partners
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// The tax on what is charged and credited is what the price says that was agreed (HB-3).
    @Suite struct InvoicesSayTheirTax {
        /// The whole number nearest to amount / (1 + rate), halves up, found by trying.
        private static func net(of amount: Int, rate: Int) -> Int {
            let whole = 10_000 + rate
            return (0...amount).last { (2 * $0 - 1) * whole <= 2 * amount * 10_000 } ?? 0
        }

        private struct Charged {
            var invoices: [Invoice] = []
            /// What is wrong with them, by the price that was agreed.
            var flaws: [String] = []
        }

        /// Somebody pays, and cancels early enough for half of it, or the clinic does.
        private func charge(
            _ engine: Engine, _ price: Price, byClinic: Bool, meanwhile: (PayingClinic) async throws -> Void = { _ in }
        ) async throws -> Charged {
            var charged = Charged()
            try await PayingClinic.open(engine, price: price) { paying in
                let start = paying.plan.time(day: 3, hour: 9)
                let (hold, intent) = try await paying.held(at: start)
                try await meanwhile(paying)
                try await paying.tell(paying.desk.pay(intent.id))
                try await paying.deliver()
                paying.clock.advance(by: start - .hours(3) - paying.clock.now)
                let cancelled = try await paying.fixture.clinic.cancel(
                    AppointmentTarget(id: hold.id), reason: byClinic ? .practitioner : .patient,
                    call: Call(caller: byClinic ? paying.plan.desk() : paying.plan.patientCaller(0), requestID: "cancel"),
                    wording: .anything())
                #expect(cancelled.refusal == nil)
                try await paying.deliver()
                charged.invoices = try await paying.fixture.clinic.invoices(
                    of: nil, page: PageRequest(limit: 10), for: .looking(paying.plan.admin())
                ).elements
                charged.flaws = Self.flaws(charged.invoices, price, refunded: paying.desk.refunds.map(\.amount.amount))
            }
            return charged
        }

        private static func flaws(_ invoices: [Invoice], _ price: Price, refunded: [Int]) -> [String] {
            var flaws: [String] = []
            func claim(_ what: String, _ isTrue: Bool) { if !isTrue { flaws.append(what) } }
            claim("an invoice and a credit note", invoices.map(\.kind) == [.invoice, .creditNote])
            claim("numbers without a gap", invoices.map(\.number) == Array(1...max(1, invoices.count)))
            guard let invoice = invoices.first, let credit = invoices.last else { return flaws }
            claim("the amount", invoice.amount == price.amount && refunded == [credit.amount])
            claim("the currency", invoices.allSatisfy { $0.currency == price.currency })
            guard let rate = price.taxRate else {
                claim("nothing of tax", invoices.allSatisfy { $0.tax == nil && $0.taxRate == nil })
                return flaws
            }
            claim("the rate", invoices.allSatisfy { $0.taxRate == rate })
            for one in invoices {
                claim("the tax of \(one.kind)", one.tax == one.amount - net(of: one.amount, rate: rate))
            }
            // What is left of both together is taxed by its rate, to the smallest unit.
            let (left, tax) = (invoice.amount - credit.amount, (invoice.tax ?? 0) - (credit.tax ?? 0))
            claim("the sum", abs(tax - (left - net(of: left, rate: rate))) <= 1 && (left > 0 || tax == 0))
            return flaws
        }

        private static func price(_ amount: Int, _ rate: Int?) -> Price {
            Price(amount: amount, currency: "eur", taxRate: rate, refunds: [.init(hoursBefore: 2, percent: 50)])
        }

        @Test(
            arguments: Engine.allCases,
            [(4500, 1900), (101, 1900), (119, 1900), (107, 700), (9_999, 550), (1, 1900), (3, 10_000), (4500, 0), (4500, nil)]
                as [(amount: Int, rate: Int?)])
        func `rate, rounding and what is left are right, whoever cancels`(engine: Engine, terms: (amount: Int, rate: Int?))
            async throws
        {
            for byClinic in [true, false] {
                let charged = try await charge(engine, Self.price(terms.amount, terms.rate), byClinic: byClinic)
                #expect(charged.flaws.isEmpty, "\(terms) \(charged.invoices)")
                if byClinic { #expect(charged.invoices.first?.tax == charged.invoices.last?.tax, "all of it comes back") }
            }
        }

        @Test(arguments: Engine.allCases) func `the rate is the one that was agreed when the payment was asked for`(
            engine: Engine
        ) async throws {
            let charged = try await charge(engine, Self.price(4500, 1900), byClinic: true) { paying in
                try await paying.fixture.execute("UPDATE visit_type SET price = replace(price, '1900', '700')")
                try await paying.fixture.execute("UPDATE revision SET value = value + 1")
            }
            #expect(charged.flaws.isEmpty, "\(charged.invoices)")
        }

        /// The planted fault: the agreement is changed behind its back.
        @Test(arguments: Engine.allCases) func `would be seen: a rate that nobody agreed to`(engine: Engine) async throws {
            let charged = try await charge(engine, Self.price(4500, 1900), byClinic: true) { paying in
                try await paying.fixture.execute("UPDATE payment SET price = replace(price, '1900', '1901')")
            }
            #expect(charged.flaws.contains("the rate") && charged.flaws.contains { $0.hasPrefix("the tax of") })
        }
    }
}
