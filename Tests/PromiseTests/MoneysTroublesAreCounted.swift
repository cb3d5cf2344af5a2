import Notation
import Partners
import People
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// HB-3, HB-7: whoever looks after the machines hears of money that somebody has to see to, whichever way the clinic learned of it, and once.
    @Suite struct MoneysTroublesAreCounted {
        private final class Tally: ClinicObserver {
            private let state = Mutex<[ClinicTask.Kind: Int]>([:])
            var counts: [ClinicTask.Kind: Int] { state.withLock { $0 } }
            func saw(operation: String, outcome: String) {}
            func raised(_ kind: ClinicTask.Kind) { state.withLock { $0[kind, default: 0] += 1 } }
        }

        /// How the provider's word comes to the clinic.
        enum Way: CaseIterable, Sendable { case told, compared }

        /// The same clinic, watched.
        private func watched(_ paying: PayingClinic) async throws -> (clinic: Clinic, tally: Tally) {
            let tally = Tally()
            return (try await paying.fixture.anotherClinic(observer: tally), tally)
        }

        private func learn(_ way: Way, _ news: [PaymentNews.Kind], _ paying: PayingClinic, at clinic: Clinic) async throws {
            switch way {
            case .told:
                for kind in news {
                    try await clinic.take(PaymentNews(key: PayingClinic.newKey(), at: paying.clock.now, kind: kind))
                }
                try await paying.deliver(at: clinic)
            case .compared:
                _ = try await clinic.reconcilePayments(at: paying.desk, since: paying.clock.now - .days(7))
            }
        }

        @Test(arguments: Engine.allCases, Way.allCases)
        func `a refund that comes to nothing is counted once, however often it is told`(engine: Engine, way: Way) async throws {
            try await PayingClinic.open(engine) { paying in
                let (clinic, tally) = try await watched(paying)
                let (id, _) = try await paying.paid()
                #expect(await paying.fixture.cancel(id, by: paying.plan.desk()).refusal == nil)
                try await paying.deliver(at: clinic)
                #expect(tally.counts.isEmpty)
                let failed = paying.desk.change(refund: paying.desk.refunds[0].id, to: .failed)
                for _ in 0..<3 { try await learn(way, [.refund(failed), .refund(failed)], paying, at: clinic) }
                #expect(tally.counts == [.refundFailed: 1])
                #expect(try await paying.tasks().map(\.kind) == [.refundFailed])
            }
        }

        @Test(arguments: Engine.allCases, Way.allCases)
        func `something else than was asked for is counted once`(engine: Engine, way: Way) async throws {
            try await PayingClinic.open(engine) { paying in
                let (clinic, tally) = try await watched(paying)
                let (_, intent) = try await paying.held(at: paying.plan.time(day: 3, hour: 9))
                let less = paying.desk.pay(intent.id, received: 4_000)
                for _ in 0..<3 { try await learn(way, [.payment(less), .payment(less)], paying, at: clinic) }
                #expect(tally.counts == [.paymentDiffers: 1])
            }
        }

        /// The negative control: of whoever counts where nobody hears of commits, these tests would say so.
        @Test(arguments: Engine.allCases) func `a count that is forgotten would be seen`(engine: Engine) async throws {
            try await PayingClinic.open(engine) { paying in
                let tally = Tally()
                let deaf = Clinic(
                    database: TamperedDatabase.deaf(paying.fixture.database), surroundings: paying.fixture.surroundings,
                    master: TestKeys.master, observer: tally)
                let (id, _) = try await paying.paid()
                #expect(await paying.fixture.cancel(id, by: paying.plan.desk()).refusal == nil)
                try await paying.deliver()
                paying.desk.change(refund: paying.desk.refunds[0].id, to: .failed)
                _ = try await deaf.reconcilePayments(at: paying.desk, since: paying.clock.now - .days(7))
                #expect(try await paying.tasks().map(\.kind) == [.refundFailed])
                #expect(tally.counts.isEmpty)
            }
        }

        /// What is not committed is nobody's task, and not counted as one.
        @Test(arguments: Engine.allCases) func `what comes to nothing is not counted`(engine: Engine) async throws {
            struct TurnedBack: Error {}
            try await ClinicFixture.open(engine) { fixture in
                let tally = Tally()
                let clinic = try await fixture.anotherClinic(observer: tally)
                await #expect(throws: TurnedBack.self) {
                    try await fixture.database.write { transaction in
                        _ = try clinic.raise(TaskDraft(.paymentStuck, key: "k"), in: transaction)
                        throw TurnedBack()
                    }
                }
                #expect(tally.counts.isEmpty)
                for isNew in [true, false] {
                    let raised = try await fixture.database.write { transaction in
                        try clinic.raise(TaskDraft(.paymentStuck, key: "k"), in: transaction)
                    }
                    #expect(raised == isNew)
                }
                #expect(tally.counts == [.paymentStuck: 1])
            }
        }
    }
}
