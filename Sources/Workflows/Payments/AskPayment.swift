import Notation
import Outbox
import People
import Scheduling
import Storage

extension Clinic {
    /// Asks the provider for a payment of an appointment's price: the patient does, or the desk for them. Asked again it is the same
    /// payment, unless the provider did not want it or it was cancelled there while the appointment still stands.
    public func askPayment(
        of target: AppointmentTarget, call: Call, wording: Wording<PaymentStanding>
    ) async throws -> Reply<PaymentStanding> {
        try await perform(call, wording: wording) { story in
            try story.permitted(target.id) { .takePayment(patients: $0, practitioner: $1) }
        } act: { story, appointment in
            try story.matches(appointment, target)
            return try story.askPayment(of: appointment)
        }
    }
}

extension Story {
    fileprivate func askPayment(of appointment: Appointment) throws -> PaymentStanding {
        answerSubject = appointment.id.of()
        let known = try paymentToChange(of: appointment.id)
        if let known, known.state != .failed, known.state != .cancelled {
            try recordRepeat()
            // Nobody asks for it any more: whoever wants to pay does not wait until that is found.
            if known.state == .opening, appointment.state.holdsItsTime,
                try transaction.first(IsOnItsWay(orderKey: known.openingOrder)) == nil
            {
                try transaction.post(.openPayment(known, newID(), now))
            }
            return PaymentStanding(payment: known, refunds: try transaction.fetch(RefundsOfPayment(payment: known.id)))
        }
        guard appointment.state.holdsItsTime, appointment.state != .noshow else { throw Refusal.transitionNotAllowed }
        if appointment.holdHasExpired(at: now) { throw Refusal.holdExpired }
        guard let price = directory.visitTypes[appointment.visitType]?.price else { throw Refusal.nothingToPay }
        let payment = try known.map { try askAgain($0, price) } ?? askFirst(appointment, price)
        try transaction.post(.openPayment(payment, newID(), now))
        try auditChange(of: appointment.id.of(), "payment.asked")
        return PaymentStanding(payment: payment, refunds: [])
    }

    private func askFirst(_ appointment: Appointment, _ price: Price) throws -> VisitPayment {
        let caller = call.caller
        let payer =
            appointment.patients.map { $0.of(Patient.self) }.first { caller.isPatient($0) } ?? appointment.patients[0].of()
        let payment = VisitPayment(
            id: newID(), appointment: appointment.id, askedFor: appointment.id, patient: payer, state: .opening, price: price,
            createdAt: now, updatedAt: now)
        try transaction.run(InsertPayment(payment: payment))
        return payment
    }

    /// Under a new key: what the provider said to the one before is known.
    private func askAgain(_ payment: VisitPayment, _ price: Price) throws -> VisitPayment {
        var next = payment
        next.state = .opening
        next.price = price
        next.tries += 1
        next.providerID = nil
        return try replace(next)
    }

    /// What pays for an appointment, held until the end of this. The appointment is held already.
    func paymentToChange(of appointment: ID<Appointment>) throws -> VisitPayment? {
        guard let known = try transaction.first(PaymentOfAppointment(appointment: appointment))?.kept.id,
            let sealed = try transaction.first(PaymentToChange(id: known))
        else { return nil }
        return try opened(sealed)
    }

    /// Writes the next version.
    @discardableResult
    func replace(_ payment: VisitPayment) throws -> VisitPayment {
        var next = payment
        next.updatedAt = now
        next.version += 1
        // Nobody pays with it any more.
        if next.state != .open, next.state != .processing { next.payerSecret = nil }
        guard try transaction.run(UpdatePayment(payment: try sealed(next))) == 1 else { throw Refusal.changedMeanwhile }
        return next
    }

    /// Patients pay before they have what costs something; staff answer for what they let through.
    func mustBePaid(_ appointment: Appointment) throws -> Bool {
        guard directory.visitTypes[appointment.visitType]?.price != nil else { return false }
        guard let payment = try transaction.first(PaymentOfAppointment(appointment: appointment.id))?.kept else { return true }
        // Something else may have been paid than was asked for, and be on its way back.
        return payment.state != .paid || payment.received != payment.price.amount
    }
}
