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
    /// HB-3, GF-4: what becomes of money that was to go back is somebody's task each time it does not, and what was given by hand stands.
    @Suite struct ARefundFailsLater {
        /// Paid, and given up by the clinic: what goes back of it.
        private func givenUp(
            _ paying: PayingClinic, _ manner: TrialDesk.Manner
        ) async throws -> (id: ID<Appointment>, intent: String, refund: VisitRefund) {
            let (id, intent) = try await paying.paid()
            paying.desk.behave(manner)
            #expect(await paying.fixture.cancel(id, by: paying.plan.desk()).refusal == nil)
            try await paying.deliver()
            paying.desk.behave(.well)
            return (id, intent, try #require(try await paying.standing(id).refunds.first))
        }

        private func troubles(_ paying: PayingClinic) async throws -> [String] { try await paying.reconcile().troubles }

        private func tasks(_ paying: PayingClinic) async throws -> [ClinicTask.Kind] { try await paying.tasks().map(\.kind) }

        @Test(arguments: Engine.allCases)
        func `one that was done and has failed since is found in the provider's list, once`(engine: Engine) async throws {
            try await PayingClinic.open(engine) { paying in
                let (id, _, _) = try await givenUp(paying, .well)
                try await paying.tell(paying.desk.change(refund: paying.desk.refunds[0].id, to: .done))
                try await paying.deliver()
                #expect(try await paying.standing(id).refunds.map(\.state) == [.done])
                #expect(try await troubles(paying).isEmpty)
                paying.desk.change(refund: paying.desk.refunds[0].id, to: .failed)
                #expect(try await troubles(paying).count == 1)
                #expect(try await tasks(paying) == [.refundFailed])
                #expect(try await paying.standing(id).refunds.map(\.state) == [.failed])
                #expect(try await troubles(paying).isEmpty)
                #expect(try await tasks(paying) == [.refundFailed])
            }
        }

        @Test(arguments: Engine.allCases)
        func `late and repeated news of it changes nothing of what was given by hand`(engine: Engine) async throws {
            try await PayingClinic.open(engine) { paying in
                let (id, _, refund) = try await givenUp(paying, .well)
                let made = paying.desk.change(refund: paying.desk.refunds[0].id, to: .done)
                let failed = paying.desk.change(refund: made.id, to: .failed)
                try await paying.tell(failed)
                try await paying.deliver()
                #expect(try await tasks(paying) == [.refundFailed])
                _ = try await paying.record(id, 4_500, .transfer, instead: refund.id).value()
                #expect(try await tasks(paying).isEmpty)
                for news in [failed, made, failed] { try await paying.tell(news) }
                try await paying.deliver()
                #expect(try await troubles(paying).isEmpty)
                #expect(try await tasks(paying).isEmpty)
                let standing = try #require(try await paying.standing(id).refunds.first)
                #expect(standing.state == .done && standing.hand?.way == .transfer)
                #expect(try await paying.record(id, 4_500, .transfer, instead: refund.id).value().existedBefore)
            }
        }

        @Test(arguments: Engine.allCases, [true, false])
        func `what goes back after all, though somebody has given it by hand, is a task`(engine: Engine, isTold: Bool)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let (id, intent, refund) = try await givenUp(paying, .refusing)
                #expect(refund.state == .failed && refund.providerID == nil)
                _ = try await paying.record(id, 4_500, .cash, instead: refund.id).value()
                let reference = EffectKey(refund.id)
                guard case .done(let made) = await paying.desk.refund(intent, amount: 4_500, reference: reference, key: reference)
                else { throw StorageFault.statement("the provider did not give it back") }
                if isTold {
                    for _ in 0..<2 { try await paying.tell(made) }
                    try await paying.deliver()
                } else {
                    #expect(try await troubles(paying).count == 1)
                }
                #expect(try await troubles(paying).isEmpty)
                #expect(try await tasks(paying) == [.refundElsewhere])
                #expect(try await paying.standing(id).refunds.map(\.state) == [.done])
            }
        }

        @Test(arguments: Engine.allCases)
        func `one that fails again after somebody has made it good is a task again`(engine: Engine) async throws {
            try await PayingClinic.open(engine) { paying in
                let (id, intent, refund) = try await givenUp(paying, .refusing)
                #expect(try await tasks(paying) == [.refundFailed])
                let hand = try await paying.giveByHand(intent, 4_500)
                _ = try await paying.record(id, 4_500, .provider, name: hand.id, instead: refund.id).value()
                #expect(try await troubles(paying).isEmpty)
                #expect(try await tasks(paying).isEmpty)
                paying.desk.change(refund: hand.id, to: .failed)
                #expect(try await troubles(paying).count == 1)
                #expect(try await tasks(paying) == [.refundFailed])
                _ = try await paying.record(id, 4_500, .cash, instead: refund.id).value()
                #expect(try await tasks(paying).isEmpty)
                #expect(try await troubles(paying).isEmpty)
                #expect(try await tasks(paying).isEmpty)
            }
        }

        @Test(arguments: Engine.allCases)
        func `what the provider gave back of one payment is not recorded for another`(engine: Engine) async throws {
            try await PayingClinic.open(engine) { paying in
                let (one, intent) = try await paying.paid()
                let (other, _) = try await paying.paid(patient: 1)
                let hand = try await paying.giveByHand(intent, 4_500)
                #expect(try await troubles(paying).count == 1)
                #expect(try await paying.record(other, 4_500, .provider, name: hand.id).refusal == .identifierAlreadyUsed)
                #expect(try await tasks(paying) == [.refundElsewhere])
                #expect(try await paying.standing(other).refunds.isEmpty)
                _ = try await paying.record(one, 4_500, .provider, name: hand.id).value()
                #expect(try await tasks(paying).isEmpty)
            }
        }
    }
}
