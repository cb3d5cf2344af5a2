import Notation
import Outbox
import People
import Scheduling
import Storage

// What becomes of the money when an appointment ends, and the invoices that say so.
extension Story {
    /// What an appointment's end means for its payment: what is paid comes back as agreed, what is not is not to be paid any more. Part of
    /// every end, whoever ends it.
    func settlePayment(of ended: Appointment, was: Appointment) throws {
        guard let payment = try paymentToChange(of: was.id) else { return }
        switch payment.state {
        case .opening, .open, .processing:
            // Whoever is typing the number of a card when a hold ends may come late: what they pay is honoured or given back.
            if ended.cancellation?.reason == .expired {
                return try transaction.post(.cancelPayment(payment, newID(), now, at: now + VisitPayment.grace))
            }
            var next = payment
            next.state = .cancelling
            try replace(next)
            try transaction.post(.cancelPayment(payment, newID(), now, at: now))
        // What was paid for a hold that ends unconfirmed was not what was asked for, and is on its way back, or has come this moment. What was
        // charged was for one that somebody else's calendar was asked for, and has not said in time.
        case .paid where ended.cancellation?.reason == .expired:
            guard try transaction.first(InvoiceOfPayment(payment: payment.id)) != nil else { return }
            try giveBack(due(of: payment, ended, was), of: payment, because: .cancelled)
        case .paid: try giveBack(due(of: payment, ended, was), of: payment, because: .cancelled)
        case .cancelling, .cancelled, .failed: break
        }
    }

    /// A patient who cancels gets back what was agreed; when the clinic does, everything.
    private func due(of payment: VisitPayment, _ ended: Appointment, _ was: Appointment) throws -> Int {
        let given = try transaction.fetch(RefundsOfPayment(payment: payment.id)).given(of: payment)
        let left = max(0, payment.received - given)
        guard ended.state == .cancelled, call.caller.role == .patient || ended.cancellation?.reason == .patient else {
            return left
        }
        // What somebody has given back by hand is part of what was agreed.
        return min(left, max(0, payment.price.givenBack(of: payment.received, cancelledAt: now, before: was.visit.from) - given))
    }

    /// Writes a refund down, credits it where there was an invoice, queues it, and tells the patient; also that nothing comes back.
    ///
    /// - Parameter providerPayment: nil is the payment's own.
    func giveBack(
        _ amount: Int, of payment: VisitPayment, at providerPayment: String? = nil, because reason: VisitRefund.Reason
    ) throws {
        if amount > 0, let name = providerPayment ?? payment.providerID {
            let refund = VisitRefund(
                id: newID(), payment: payment.id, providerPayment: name, amount: amount, reason: reason, state: .asked,
                createdAt: now, updatedAt: now)
            try transaction.run(InsertRefund(refund: refund))
            try transaction.post(.refund(refund, newID(), now))
            try auditChange(of: payment.appointment.of(), "refund.asked")
            if providerPayment == nil { try credit(refund, payment) }
        }
        try tellPayer(payment, .refund, of: payment.appointment) { json in
            json.member("amount", amount)
            json.member("currency", payment.price.currency)
            json.member("reason", reason.rawValue)
        }
    }

    /// Charges what was paid. The number is taken in this transaction: it is there exactly when the payment is.
    func invoice(_ payment: VisitPayment) throws {
        _ = try issue(.invoice, of: payment, payment.received, tax: payment.price.tax(in: payment.received), crediting: nil)
    }

    /// Credits what is given back of what was charged; nil where nothing was. The refund is written already.
    @discardableResult
    func credit(_ refund: VisitRefund, _ payment: VisitPayment) throws -> Invoice? {
        guard try transaction.first(InvoiceOfPayment(payment: payment.id)) != nil else { return nil }
        let before = try transaction.fetch(RefundsOfPayment(payment: payment.id)).filter { $0.id != refund.id }.given(of: payment)
        let tax = payment.price.tax(in: refund.amount, after: before)
        return try issue(.creditNote, of: payment, refund.amount, tax: tax, crediting: refund.id)
    }

    private func issue(
        _ kind: Invoice.Kind, of payment: VisitPayment, _ amount: Int, tax: Int?, crediting refund: ID<VisitRefund>?
    ) throws -> Invoice {
        guard let number = try transaction.first(NextInvoiceNumber()) else {
            throw StorageFault.statement("the counter of invoices is gone")
        }
        let invoice = Invoice(
            id: newID(), number: number, kind: kind, payment: payment.id, refund: refund, patient: payment.patient,
            appointment: payment.appointment, amount: amount, currency: payment.price.currency,
            taxRate: tax == nil ? nil : payment.price.taxRate, tax: tax, issuedAt: now)
        try transaction.run(InsertInvoice(invoice: invoice))
        try auditChange(of: payment.appointment.of(), kind == .invoice ? "invoice.issued" : "credit-note.issued")
        return invoice
    }
}

extension [VisitRefund] {
    /// How much of a payment has gone back, or is to: what somebody has paid twice is another's at the provider.
    func given(of payment: VisitPayment) -> Int {
        filter { $0.providerPayment == payment.providerID }.reduce(0) { $0 + $1.amount }
    }
}

extension VisitPayment {
    /// How long after the end of its hold a payment may still come in before the provider is told that nobody is to pay it.
    static let grace: Span = .minutes(15)
}

extension OutboxMessage {
    static func openPayment(_ payment: VisitPayment, _ id: ID<OutboxMessage>, _ now: Instant) -> OutboxMessage {
        money(
            Topic.openPayment, #"{"payment":"\#(payment.id)","tries":\#(payment.tries)}"#, of: payment.id,
            order: payment.openingOrder, id, now, urgent: true)
    }

    static func cancelPayment(
        _ payment: VisitPayment, _ id: ID<OutboxMessage>, _ now: Instant, at due: Instant
    ) -> OutboxMessage {
        var message = money(
            Topic.cancelPayment, #"{"payment":"\#(payment.id)","tries":\#(payment.tries)}"#, of: payment.id,
            order: payment.cancellingOrder, id, now)
        message.availableAt = due
        return message
    }

    static func refund(_ refund: VisitRefund, _ id: ID<OutboxMessage>, _ now: Instant) -> OutboxMessage {
        money(Topic.refund, #"{"refund":"\#(refund.id)"}"#, of: refund.payment, order: refund.order, id, now)
    }

    /// Tried for about four days before somebody has to see to it.
    ///
    /// - Parameter order: by which it is found whether somebody is at it; see `Asking`.
    private static func money(
        _ topic: String, _ payload: String, of payment: ID<VisitPayment>, order: String, _ id: ID<OutboxMessage>, _ now: Instant,
        urgent: Bool = false
    ) -> OutboxMessage {
        OutboxMessage(
            id: id, topic: topic, payload: payload, createdAt: now, priority: urgent ? .urgent : .normal, orderKey: order,
            subject: payment.of(), maxAttempts: 200)
    }
}
