import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage

/// What came of something the provider said.
enum Learned: String, Sendable {
    /// It is not one of this clinic's.
    case foreign
    /// It was known, or is older than what is known.
    case known
    case noted
    /// A hold became a booking, or an appointment that was there is paid.
    case paid
    /// Too late for the hold, and in time for the visit.
    case honoured
    case givenBack = "given-back"
    case cancelled
    /// Somebody has to see to it.
    case trouble
}

// However it is heard of - by a webhook, as an answer, in a list - it is decided here, by what the provider says and what the database has.
// So what is told twice, late or in another order changes nothing twice. The appointment is held first and then its payment, as by whoever
// cancels, confirms or lets a hold expire: of two that come at once the second sees what the first has done.
extension Clinic {
    func learn(
        _ told: Payment, isAnswer: Bool, in transaction: any WriteTransaction
    ) throws -> Learned {
        guard let id = told.reference.flatMap({ ID<VisitPayment>($0.text) }),
            let place = try transaction.first(PaymentByID(id: id))?.kept.appointment
        else { return .foreign }
        let story = try Story(transaction, clinic: self, call: Call(caller: .clinic, requestID: "payment"))
        guard let appointment = try transaction.first(AppointmentToChange(id: place)).map({ try story.opened($0) }),
            let payment = try transaction.first(PaymentToChange(id: id)).map({ try story.opened($0) })
        else { return .foreign }
        // Booked anew while this waited.
        guard payment.appointment == appointment.id else { throw DeliveryFault("it has moved meanwhile") }
        story.trail.concerns([payment.patient])
        let learned = try story.learn(told, of: payment, for: appointment, isAnswer: isAnswer)
        story.sealHooks()
        return learned
    }

    func learn(_ told: Refund, in transaction: any WriteTransaction) throws -> Learned {
        guard let id = told.reference.flatMap({ ID<VisitRefund>($0.text) }),
            var refund = try transaction.first(RefundToChange(id: id))
        else { return .foreign }
        let state: VisitRefund.State =
            switch told.state {
            case .pending: .pending
            case .done: .done
            case .failed: .failed
            }
        if refund.hand != nil { return try learn(told, state, besides: refund, in: transaction) }
        guard state.rank > refund.state.rank || refund.providerID == nil else { return .known }
        let hasFailed = state == .failed && refund.state != .failed
        refund.state = state.rank > refund.state.rank ? state : refund.state
        refund.providerID = told.id
        refund.updatedAt = surroundings.clock.now
        try transaction.run(UpdateRefund(refund: refund))
        if hasFailed { try raiseFailed(refund, in: transaction) }
        return hasFailed ? .trouble : .noted
    }

    /// What the provider says of a refund that somebody has made good by hand meanwhile. That it came to nothing is why; what was heard of
    /// before may be told late. That it did come back means that the money went back twice, and somebody has to see to it.
    private func learn(
        _ told: Refund, _ state: VisitRefund.State, besides refund: VisitRefund, in transaction: any WriteTransaction
    ) throws -> Learned {
        guard state != .failed, told.id != refund.providerID,
            let payment = try transaction.first(PaymentByID(id: refund.payment))?.kept
        else { return .known }
        return try raiseElsewhere(told, of: payment, in: transaction) ? .trouble : .known
    }
}

extension Clinic {
    /// The provider has given back what nothing here says it should, or not once more. True when that was not known before.
    func raiseElsewhere(_ told: Refund, of payment: VisitPayment, in transaction: any WriteTransaction) throws -> Bool {
        try raise(
            TaskDraft(
                .refundElsewhere, key: told.id, appointment: payment.appointment, patient: payment.patient.of()
            ) { json in
                json.member("payment", payment.id)
                json.member("provider", told.payment)
                json.member("refund", told.id)
                json.member("amount", told.amount.amount)
                json.member("currency", told.amount.currency)
                json.member("record", Self.recordingRefunds(of: payment))
            }, in: transaction)
    }

    /// The patient was told that the money goes back: somebody has to see that it does. Each time it fails is a task of its own.
    func raiseFailed(_ refund: VisitRefund, in transaction: any WriteTransaction) throws {
        let payment = try transaction.first(PaymentByID(id: refund.payment))?.kept
        try raise(
            TaskDraft(
                .refundFailed, key: refund.failureKey, appointment: payment?.appointment, patient: payment?.patient.of()
            ) { json in
                json.member("payment", refund.payment)
                json.member("refund", refund.id)
                json.member("amount", refund.amount)
                json.member("currency", payment?.price.currency)
                json.member("record", payment.map(Self.recordingRefunds))
            }, in: transaction)
    }
}

extension Story {
    fileprivate func learn(
        _ told: Payment, of payment: VisitPayment, for appointment: Appointment, isAnswer: Bool
    ) throws -> Learned {
        switch told.state {
        case .paid: return try paid(told, payment, appointment)
        case .cancelled: return try cancelledThere(told, payment)
        case .open, .processing: return try underWay(told, payment, isAnswer)
        }
    }

    private func underWay(_ told: Payment, _ payment: VisitPayment, _ isAnswer: Bool) throws -> Learned {
        if payment.state == .cancelled, payment.providerID == nil { return try cancelAfterAll(told, payment) }
        guard payment.state.isUnsettled, payment.providerID == nil || payment.providerID == told.id else { return .known }
        var next = payment
        next.providerID = told.id
        if payment.state != .cancelling {
            next.payerSecret = told.payerSecret ?? payment.payerSecret
            // News may be older than what is known, an answer is not.
            if told.state == .processing {
                next.state = .processing
            } else if payment.state == .opening || isAnswer {
                next.state = .open
            }
        }
        if next.providerID == payment.providerID, next.state == payment.state, next.payerSecret == payment.payerSecret {
            return .known
        }
        try replace(next)
        return .noted
    }

    /// It was thought that the provider had none, and it was only slow.
    private func cancelAfterAll(_ told: Payment, _ payment: VisitPayment) throws -> Learned {
        var next = payment
        next.providerID = told.id
        next.state = .cancelling
        try transaction.post(.cancelPayment(try replace(next), newID(), now, at: now))
        return .noted
    }

    private func cancelledThere(_ told: Payment, _ payment: VisitPayment) throws -> Learned {
        guard payment.state.isUnsettled, payment.providerID == nil || payment.providerID == told.id else { return .known }
        var next = payment
        next.providerID = told.id
        next.state = .cancelled
        try replace(next)
        try auditChange(of: payment.appointment.of(), "payment.cancelled")
        return .cancelled
    }

    private func paid(_ told: Payment, _ payment: VisitPayment, _ appointment: Appointment) throws -> Learned {
        if payment.state == .paid {
            guard told.id != payment.providerID else { return .known }
            return try paidTwice(told, payment)
        }
        var next = payment
        next.state = .paid
        next.providerID = told.id
        next.received = told.received
        next.paidAt = now
        next = try replace(next)
        try auditChange(of: appointment.id.of(), "payment.paid")
        guard told.price.currency == payment.price.currency, told.received == payment.price.amount else {
            try giveBack(told.received, of: next, because: .differs)
            try clinic.raise(
                TaskDraft(
                    .paymentDiffers, key: payment.id.description, appointment: appointment.id, patient: payment.patient.of()
                ) { json in
                    json.member("payment", payment.id)
                    json.member("asked", payment.price.amount)
                    json.member("received", told.received)
                    json.member("currency", told.price.currency)
                }, in: transaction)
            return .trouble
        }
        switch appointment.state {
        case .pending where !appointment.holdHasExpired(at: now):
            // Somebody has confirmed it unpaid: what is booked is said by whose calendar it is, and comes back with their no.
            if try !isAsked(appointment.id) { try confirm(appointment) }
            try invoice(next)
            return .paid
        case .pending:
            try letExpire(appointment)
            return try honour(next, appointment)
        case .booked, .arrived, .checkedIn, .fulfilled, .noshow:
            try invoice(next)
            return .paid
        case .cancelled where appointment.cancellation?.reason == .expired:
            return try honour(next, appointment)
        case .cancelled, .enteredInError:
            try giveBack(next.received, of: next, because: .late)
            return .givenBack
        }
    }

    /// The provider has two under one name of ours, and somebody has paid both: nobody owes the second.
    private func paidTwice(_ told: Payment, _ payment: VisitPayment) throws -> Learned {
        let known = try transaction.fetch(RefundsOfPayment(payment: payment.id))
        guard told.received > 0, !known.contains(where: { $0.providerPayment == told.id }) else { return .known }
        try giveBack(told.received, of: payment, at: told.id, because: .differs)
        return .givenBack
    }

    /// A hold that is over gives its time back before anybody asks for it, the one who paid too late as well.
    private func letExpire(_ hold: Appointment) throws {
        let expired = try hold.expired(by: call.caller.principal, at: now)
        // It has come to something after all.
        try transaction.run(ForgetHold(appointment: hold.id))
        try end(expired, was: hold, kind: .expired)
    }

    /// Too late for the hold. If the rules and the calendar still give the time, it is booked anew; if not, the money goes back. The
    /// patient is told in either case.
    private func honour(_ payment: VisitPayment, _ hold: Appointment) throws -> Learned {
        let anew: Appointment
        do { anew = try attempt { try bookAnew(hold) } } catch is Refusal {
            try giveBack(payment.received, of: payment, because: .late)
            return .givenBack
        }
        var next = payment
        next.appointment = anew.id
        next = try replace(next)
        try invoice(next)
        try tellPayer(next, .honoured, of: anew.id) { $0.member("start", anew.visit.from) }
        return .honoured
    }
}

extension Story {
    /// Tells whoever pays, in the mailbox and by the channels they can be reached by. The notice holds identifiers, times and amounts.
    func tellPayer(
        _ payment: VisitPayment, _ kind: Notice.Kind, of appointment: ID<Appointment>, _ details: (inout JSONWriter) -> Void
    ) throws {
        var payload = JSONWriter(reserving: 128)
        payload.object { json in
            json.member("payment", payment.id)
            details(&json)
        }
        try clinic.tell(
            payment.patient.of(), .patient, kind, appointment, payload: String(decoding: payload.bytes, as: UTF8.self),
            in: transaction)
    }
}
