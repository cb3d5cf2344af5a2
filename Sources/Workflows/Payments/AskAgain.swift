import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage

// What stands still: the provider is to be asked for something, and no message does it any more, because it was lost or somebody has given it
// up. It is found by the state of payments and refunds, whatever became of the message.

/// What becomes of the message that asks for something.
private enum Asking: Sendable {
    case isUnderWay
    /// It failed as often as it may. Somebody has a task that says so, and decides.
    case isDead
    /// Somebody has decided: nobody asks again over their head.
    case wasDiscarded
    case isLost
}

/// What the provider is to be told of a payment.
private enum Wanted: Sendable {
    case open, cancel

    /// Nil when it has been told all there is to tell.
    init?(_ payment: VisitPayment.State, _ appointment: AppointmentState) {
        if !appointment.holdsItsTime {
            guard payment.isUnsettled else { return nil }
            self = .cancel
        } else {
            guard payment == .opening else { return nil }
            self = .open
        }
    }

    var topic: String { self == .open ? Topic.openPayment : Topic.cancelPayment }
    func order(of payment: ID<VisitPayment>) -> String { "\(topic):\(payment)" }
}

/// The payments of which a message is dead, by its topic.
private typealias DeadMoney = [String: Set<ID<OutboxSubject>>]

extension Clinic {
    /// Asks again for what nobody asks for any more, after a look at what the provider has; what somebody has given up is a task. False when it
    /// broke off.
    func askAgain(at desk: any PaymentDesk, _ report: inout PaymentsReport) async throws -> Bool {
        let dead = try await deadMoney()
        guard try await askAgainForPayments(at: desk, dead, &report) else { return false }
        return try await askAgainForRefunds(at: desk, dead, &report)
    }

    private func deadMoney() async throws -> DeadMoney {
        try await database.doing(.background).read { transaction in
            var dead: DeadMoney = [:]
            for topic in [Topic.openPayment, Topic.cancelPayment, Topic.refund] {
                var after: ID<OutboxMessage>?
                repeat {
                    let letters = try transaction.fetch(
                        DeadLetters(DeadLetterFilter(topic: topic), after: after, limit: SweepPortion.rows))
                    dead[topic, default: []].formUnion(letters.compactMap(\.subject))
                    after = letters.count < SweepPortion.rows ? nil : letters.last?.id
                } while after != nil
            }
            return dead
        }
    }

    private func asking(
        _ topic: String, _ order: String, of payment: ID<VisitPayment>, _ dead: DeadMoney, in transaction: any ReadTransaction
    ) throws -> Asking {
        if try transaction.first(IsOnItsWay(orderKey: order)) != nil { return .isUnderWay }
        if dead[topic]?.contains(payment.of()) == true { return .isDead }
        return try transaction.first(WasDiscarded(payment: payment)) == nil ? .isLost : .wasDiscarded
    }

    // MARK: Payments

    private func askAgainForPayments(at desk: any PaymentDesk, _ dead: DeadMoney, _ report: inout PaymentsReport) async throws
        -> Bool
    {
        var after = ID<VisitPayment>(high: 0, low: 0)
        while true {
            let rows = try await database.doing(.background).read { [after] in
                try $0.fetch(StandingPayments(after: after, limit: SweepPortion.rows))
            }
            for row in rows {
                guard let wanted = Wanted(row.state, row.appointment),
                    try await !askAgain(wanted, row, at: desk, dead, &report)
                else { continue }
                return false
            }
            guard rows.count == SweepPortion.rows, let last = rows.last else { return true }
            after = last.id
        }
    }

    /// False when it broke off.
    private func askAgain(
        _ wanted: Wanted, _ row: StandingPayments.Row, at desk: any PaymentDesk, _ dead: DeadMoney,
        _ report: inout PaymentsReport
    ) async throws -> Bool {
        let found: Asking = try await database.doing(.background).read { [self] transaction -> Asking in
            try asking(wanted.topic, wanted.order(of: row.id), of: row.id, dead, in: transaction)
        }
        switch (wanted, found) {
        case (_, .isUnderWay), (.cancel, .isDead): return true
        case (.cancel, .wasDiscarded):
            try await raiseStuck(payment: row.id, &report)
            return true
        case (.cancel, .isLost): break
        case (.open, _):
            guard let payment = try await payment(row.id) else { return true }
            let ending = await search(for: payment, at: desk)
            guard case .done(let known) = ending else { return brokenOff(ending, &report) }
            if let known {
                note(try await settle(known), of: "payment \(known.id) is not what was asked for", since: row.since, &report)
                return true
            }
            if found != .isLost {
                // Nothing came of it, and nobody tries any more: whoever wants to pay asks anew.
                try await fail(payment)
                report.repaired(since: row.since)
                return true
            }
        }
        if try await post(wanted, row.id) { report.repaired(since: row.since) }
        return true
    }

    /// With the payment held, and only what is still wanted and nobody asks for.
    private func post(_ wanted: Wanted, _ id: ID<VisitPayment>) async throws -> Bool {
        try await changePayment(id) { story, payment in
            guard let appointment = try story.transaction.first(AppointmentByID(id: payment.appointment))?.kept,
                Wanted(payment.state, appointment.state) == wanted,
                try story.transaction.first(IsOnItsWay(orderKey: wanted.order(of: id))) == nil
            else { return false }
            let (message, now) = (story.newID(OutboxMessage.self), story.now)
            switch wanted {
            case .open: try story.transaction.post(.openPayment(payment, message, now))
            case .cancel: try story.transaction.post(.cancelPayment(payment, message, now, at: now))
            }
            let clinic = story.clinic
            story.transaction.afterCommit { clinic.afterChange() }
            return true
        } ?? false
    }

    // MARK: Refunds

    private func askAgainForRefunds(at desk: any PaymentDesk, _ dead: DeadMoney, _ report: inout PaymentsReport) async throws
        -> Bool
    {
        var after = ID<VisitRefund>(high: 0, low: 0)
        while true {
            let rows = try await database.doing(.background).read { [after] in
                try $0.fetch(UnsettledRefunds(after: after, limit: SweepPortion.rows))
            }
            for refund in rows where refund.state == .asked {
                if try await !askAgain(refund, at: desk, dead, &report) { return false }
            }
            guard rows.count == SweepPortion.rows, let last = rows.last else { return true }
            after = last.id
        }
    }

    /// False when it broke off.
    private func askAgain(
        _ refund: VisitRefund, at desk: any PaymentDesk, _ dead: DeadMoney, _ report: inout PaymentsReport
    ) async throws -> Bool {
        let found: Asking = try await database.doing(.background).read { [self] transaction -> Asking in
            // Somebody has a task already.
            if try transaction.first(TaskByKey(kind: .paymentStuck, key: refund.id.description)) != nil { return .isDead }
            return try asking(Topic.refund, refund.order, of: refund.payment, dead, in: transaction)
        }
        if found == .isUnderWay || found == .isDead { return true }
        let ending = await desk.refunds(of: refund.providerPayment)
        guard case .done(let told) = ending else {
            guard case .never = ending else { return brokenOff(ending, &report) }
            try await raiseUnknown(refund.payment, refund.providerPayment, &report)
            return true
        }
        let ours = told.filter { $0.reference == refund.reference }
        for one in ours { note(try await heard(one), of: "refund \(one.id) has failed", since: refund.createdAt, &report) }
        if !ours.isEmpty { return true }
        if found == .wasDiscarded {
            try await raiseStuck(refund, &report)
            return true
        }
        let isAsked = try await database.write { [self] transaction in
            guard let known = try transaction.first(RefundToChange(id: refund.id)), known.state == .asked,
                try transaction.first(IsOnItsWay(orderKey: known.order)) == nil
            else { return false }
            try transaction.post(
                OutboxMessage.refund(known, surroundings.identifiers.next(OutboxMessage.self), surroundings.clock.now))
            transaction.afterCommit { self.afterChange() }
            return true
        }
        if isAsked { report.repaired(since: refund.createdAt) }
        return true
    }

    // MARK: Tasks

    /// Somebody has given up telling the provider that nobody is to pay it: it can be paid still.
    private func raiseStuck(payment id: ID<VisitPayment>, _ report: inout PaymentsReport) async throws {
        let isNew = try await database.write { [self] transaction in
            guard let payment = try transaction.first(PaymentByID(id: id))?.kept else { return false }
            return try raise(
                TaskDraft(
                    .paymentStuck, key: "\(id):\(payment.tries)", appointment: payment.appointment, patient: payment.patient.of()
                ) { json in
                    json.member("what", "cancel")
                    json.member("payment", id)
                    json.member("provider", payment.providerID)
                    json.member("amount", payment.price.amount)
                    json.member("currency", payment.price.currency)
                    json.member("state", payment.state.rawValue)
                    json.member("since", payment.updatedAt)
                }, in: transaction)
        }
        if isNew { report.troubles.append("payment \(id) is over here and can be paid there, and nobody tells them") }
    }

    /// The patient was told that money goes back, and nobody asks for it any more.
    func raiseStuck(_ refund: VisitRefund, _ report: inout PaymentsReport) async throws {
        let isNew = try await database.write { [self] transaction in
            let payment = try transaction.first(PaymentByID(id: refund.payment))?.kept
            return try raise(
                TaskDraft(
                    .paymentStuck, key: refund.id.description, appointment: payment?.appointment, patient: payment?.patient.of()
                ) { json in
                    json.member("what", "refund")
                    json.member("payment", refund.payment)
                    json.member("refund", refund.id)
                    json.member("provider", refund.providerPayment)
                    json.member("amount", refund.amount)
                    json.member("currency", payment?.price.currency)
                    json.member("reason", refund.reason.rawValue)
                    json.member("state", refund.state.rawValue)
                    json.member("since", refund.createdAt)
                    json.member("record", payment.map(Self.recordingRefunds))
                }, in: transaction)
        }
        if isNew { report.troubles.append("refund \(refund.id) is not there, and nobody asks for it") }
    }
}
