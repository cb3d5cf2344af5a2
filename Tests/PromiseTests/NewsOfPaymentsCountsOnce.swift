import Notation
import Partners
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// A webhook told twice, late or reordered changes nothing twice (HB-3).
    @Suite struct NewsOfPaymentsCountsOnce {
        private enum Word: CaseIterable { case open, processing, paid, paidAgain, sameKey }

        private func tell(_ word: Word, _ intent: Payment, _ paying: PayingClinic) async throws {
            func as_(_ state: PaymentState) -> Payment {
                Payment(
                    id: intent.id, state: state, price: intent.price, received: state == .paid ? intent.price.amount : 0,
                    reference: intent.reference, createdAt: intent.createdAt)
            }
            switch word {
            case .open: try await paying.tell(as_(.open))
            case .processing: try await paying.tell(as_(.processing))
            case .paid, .sameKey: try await paying.tell(as_(.paid), key: "paid-\(intent.id)")
            case .paidAgain: try await paying.tell(as_(.paid))
            }
        }

        /// All orders there are of five things.
        private static let orders: [[Word]] = {
            func orders(_ words: [Word]) -> [[Word]] {
                words.isEmpty
                    ? [[]]
                    : words.indices.flatMap { index in
                        var rest = words
                        let word = rest.remove(at: index)
                        return orders(rest).map { [word] + $0 }
                    }
            }
            return orders(Word.allCases)
        }()

        @Test(arguments: Engine.allCases) func `in whatever order it is told, it is booked once and charged once`(engine: Engine)
            async throws
        {
            #expect(Self.orders.count == 120)
            try await PayingClinic.open(engine, practitioners: 1) { paying in
                let starts = paying.plan.starts(onDays: 2..<12)
                var appointments: [ID<Appointment>] = []
                // Every fifth on PostgreSQL, which takes its time.
                for (number, order) in Self.orders.enumerated() where engine == .sqlite || number % 5 == 0 {
                    let (hold, intent) = try await paying.held(patient: number % 8, at: starts[number])
                    appointments.append(hold.id)
                    for (place, word) in order.enumerated() {
                        try await tell(word, intent, paying)
                        // Some are handled together, some one by one.
                        if (number + place) % 2 == 0 { try await paying.deliver() }
                    }
                    try await paying.deliver()
                    let standing = try await paying.standing(hold.id)
                    #expect(standing.payment.state == .paid && standing.refunds.isEmpty, "\(order)")
                    #expect(standing.payment.payerSecret == nil)
                    #expect(try await paying.state(hold.id) == .booked, "\(order)")
                }
                #expect(try await paying.numbers() == Array(1...appointments.count))
                try await paying.fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases) func `what is given back is given back once, whatever is told of it`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let (hold, intent) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
                try await paying.tell(paying.desk.pay(intent.id))
                try await paying.deliver()
                _ = await paying.fixture.cancel(hold.id, by: paying.plan.patientCaller(0))
                try await paying.deliver()
                let asked = try #require(paying.desk.refunds.first)
                #expect(paying.desk.refunds.count == 1 && asked.amount.amount == 4500)
                func as_(_ state: RefundState) -> Refund {
                    Refund(id: asked.id, payment: asked.payment, amount: asked.amount, state: state, reference: asked.reference)
                }
                for state in [RefundState.done, .pending, .done, .pending] { try await paying.tell(as_(state)) }
                try await paying.tell(paying.desk.intents[0])
                try await paying.deliver()
                let standing = try await paying.standing(hold.id)
                #expect(standing.refunds.map(\.state) == [.done] && standing.payment.state == .paid)
                #expect(try await paying.numbers() == [1, 2], "an invoice and a credit note")
                #expect(try await paying.notices(.refund, to: 0).count == 1)
                #expect(paying.desk.refunds.count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `would be seen: where nobody remembers that it is paid, it is charged twice`(engine: Engine) async throws {
            try await PayingClinic.open(engine) { paying in
                let (_, intent) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
                try await paying.tell(paying.desk.pay(intent.id))
                try await paying.deliver()
                // The schema has the last word, unless it is taken away.
                try await paying.fixture.execute("DROP INDEX invoice_of_payment")
                try await paying.fixture.execute("UPDATE payment SET state = 'processing', paid_at = NULL")
                try await paying.tell(paying.desk.pay(intent.id))
                try await paying.deliver()
                #expect(try await paying.numbers() == [1, 2])
            }
        }
    }
}
