public import Notation
public import People
public import Scheduling
import Storage

/// What somebody says of money they have given back by hand.
public struct RefundRecord: Sendable {
    /// In the smallest unit of what was paid.
    public let amount: Int
    public let way: VisitRefund.Way
    public let givenAt: Instant
    /// The provider's name for it; nil where it did not go by the provider.
    public let providerRefund: String?
    /// What was to go back anyway and did not: it was credited then.
    public let instead: ID<VisitRefund>?
    public let reason: Personal<String>

    public init(
        amount: Int, way: VisitRefund.Way, givenAt: Instant, providerRefund: String? = nil, instead: ID<VisitRefund>? = nil,
        reason: Personal<String>
    ) {
        self.amount = amount
        self.way = way
        self.givenAt = givenAt
        self.providerRefund = providerRefund
        self.instead = instead
        self.reason = reason
    }
}

/// What was given back by hand, and what credits it: nil where nothing had been charged.
public struct RecordedRefund: Sendable {
    public let refund: VisitRefund
    public let creditNote: Invoice?
    public let existedBefore: Bool
}

extension Clinic {
    /// Writes down that money was given back by hand, and credits it in the same transaction: what is charged less what is credited is what is
    /// kept. Never more than was paid (`refundTooLarge`). The payment is held, so of two who record at once the second sees what the first has.
    ///
    /// A repeat, by the provider's name for it or what it stands for, gives what there is; with another content the name is `identifierAlreadyUsed`.
    /// What was to go back anyway (`instead`) has its credit note: it is over with this, if the provider has not got it and nobody is asking
    /// (`transitionNotAllowed`). Tasks that were raised for it are settled.
    public func recordRefund(
        of appointment: ID<Appointment>, _ record: RefundRecord, call: Call, wording: Wording<RecordedRefund>
    ) async throws -> Reply<RecordedRefund> {
        try await perform(call, wording: wording) { story in
            try story.permitted(appointment) { .recordRefund(patients: $0, practitioner: $1) }
        } act: { story, appointment in
            guard let payment = try story.paymentToChange(of: appointment.id) else { throw Refusal.recordUnknown }
            story.answerSubject = appointment.id.of()
            let recorded = try story.record(record, of: payment)
            try story.settleTasks(of: recorded.refund)
            return recorded
        }
    }
}

extension Story {
    fileprivate func record(_ record: RefundRecord, of payment: VisitPayment) throws -> RecordedRefund {
        let known = try transaction.fetch(RefundsOfPayment(payment: payment.id))
        if let existing = try existing(record, among: known) {
            try recordRepeat()
            return RecordedRefund(refund: existing, creditNote: try creditNote(of: existing, payment), existedBefore: true)
        }
        try mustBeOf(payment, record)
        let hand = VisitRefund.Hand(way: record.way, givenAt: record.givenAt, recordedBy: call.caller.principal)
        if let instead = record.instead {
            guard known.contains(where: { $0.id == instead }) else { throw Refusal.recordUnknown }
            let refund = try makeGood(instead, hand, record)
            try auditChange(of: payment.appointment.of(), "refund.recorded", reason: record.reason)
            return RecordedRefund(refund: refund, creditNote: try creditNote(of: refund, payment), existedBefore: false)
        }
        guard payment.state == .paid, let provider = payment.providerID,
            known.given(of: payment) + record.amount <= payment.received
        else { throw Refusal.refundTooLarge }
        let refund = VisitRefund(
            id: newID(), payment: payment.id, providerPayment: provider, amount: record.amount, reason: .byHand,
            state: .done, tries: 0, providerID: record.providerRefund, hand: hand, createdAt: now, updatedAt: now)
        try transaction.run(InsertRefund(refund: refund))
        try auditChange(of: payment.appointment.of(), "refund.recorded", reason: record.reason)
        return RecordedRefund(refund: refund, creditNote: try credit(refund, payment), existedBefore: false)
    }

    /// What was recorded before under the same name.
    private func existing(_ record: RefundRecord, among known: [VisitRefund]) throws(Refusal) -> VisitRefund? {
        if let instead = record.instead { return known.first { $0.id == instead && $0.isAs(record) } }
        guard let name = record.providerRefund, let found = known.first(where: { $0.providerID == name }) else { return nil }
        // Of what the provider was asked for, the provider has said it itself.
        guard found.isAs(record) else { throw Refusal.identifierAlreadyUsed }
        return found
    }

    /// What the provider has given back of one payment is not recorded for another.
    private func mustBeOf(_ payment: VisitPayment, _ record: RefundRecord) throws {
        guard let name = record.providerRefund,
            let task = try transaction.first(TaskOfKey(kind: .refundElsewhere, key: name)),
            try JSON(parsing: task.details)["payment"]?.string != payment.id.description
        else { return }
        throw Refusal.identifierAlreadyUsed
    }

    /// What was to go back, and somebody has given back otherwise.
    private func makeGood(_ id: ID<VisitRefund>, _ hand: VisitRefund.Hand, _ record: RefundRecord) throws -> VisitRefund {
        guard var refund = try transaction.first(RefundToChange(id: id)) else { throw Refusal.recordUnknown }
        guard refund.amount == record.amount else { throw Refusal.refundTooLarge }
        let isAsking = try refund.state == .asked && transaction.first(IsOnItsWay(orderKey: refund.order)) != nil
        guard refund.hand == nil, refund.state == .failed || refund.state == .asked, !isAsking else {
            throw Refusal.transitionNotAllowed
        }
        // It did not go back, and now it has.
        try clinic.settle(.refundFailed, key: refund.failureKey, in: transaction)
        (refund.state, refund.hand, refund.updatedAt) = (.done, hand, now)
        refund.providerID = record.providerRefund ?? refund.providerID
        try transaction.run(UpdateRefund(refund: refund))
        return refund
    }

    private func creditNote(of refund: VisitRefund, _ payment: VisitPayment) throws -> Invoice? {
        try transaction.first(CreditNoteOfRefund(patient: payment.patient, refund: refund.id))
    }

    /// Nobody has to see to it any more.
    fileprivate func settleTasks(of refund: VisitRefund) throws {
        if let name = refund.providerID { try clinic.settle(.refundElsewhere, key: name, in: transaction) }
        // Tasks of earlier versions have a failed refund's own name.
        for kind in [ClinicTask.Kind.refundFailed, .paymentStuck] {
            try clinic.settle(kind, key: refund.id.description, in: transaction)
        }
    }
}

extension VisitRefund {
    fileprivate func isAs(_ record: RefundRecord) -> Bool {
        hand?.way == record.way && hand?.givenAt == record.givenAt && amount == record.amount
            && (record.providerRefund == nil || record.providerRefund == providerID)
    }
}
