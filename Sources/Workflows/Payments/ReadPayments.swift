public import Notation
public import People
public import Scheduling
import Storage

extension Clinic {
    /// How far the payment of an appointment is: for who takes part in it as a patient, the desk, billing and admins.
    public func payment(of id: ID<Appointment>, for call: Call) async throws -> PaymentStanding {
        let (sealed, refunds) = try await disclose("read.payment", id, to: call) { look in
            guard let appointment = try look.looking.first(AppointmentByID(id: id))?.kept else {
                throw Refusal.appointmentUnknown
            }
            let patients = appointment.patients.map { $0.of(Patient.self) }
            look.trail.concerns(patients)
            guard try look.permits(appointment.seeing, with: appointment) else { throw Refusal.appointmentUnknown }
            try look.require(
                .seePayment(patients: patients, practitioner: appointment.practitioner.of()), patients: patients,
                at: appointment.location)
            guard
                let payment = try look.looking.first(PaymentOfAppointment(appointment: id))
                    ?? look.looking.first(PaymentAskedFor(appointment: id))
            else { throw Refusal.recordUnknown }
            return (payment, try look.looking.fetch(RefundsOfPayment(payment: payment.kept.id)))
        }
        return PaymentStanding(payment: try await opened(sealed), refunds: refunds)
    }

    /// One invoice or credit note, for whom it is about, billing and admins. To others there is none.
    public func invoice(_ id: ID<Invoice>, for call: Call) async throws -> Invoice {
        try await disclose("read.invoice", id, to: call) { look in
            guard let invoice = try look.looking.first(InvoiceByID(id: id)) else { throw Refusal.recordUnknown }
            look.trail.isAbout(invoice.patient, [invoice.patient])
            guard try look.permits(.readInvoices(of: invoice.patient)) else { throw Refusal.recordUnknown }
            return invoice
        }
    }

    /// Invoices and credit notes by their numbers: a patient's, or all.
    public func invoices(of patient: ID<Patient>?, page: PageRequest, for call: Call) async throws -> Page<Invoice> {
        try await disclose("read.invoices", patient?.of() ?? AuditSubject.everybody, to: call) { look in
            look.trail.query = "\(patient.map { "patient=\($0)&" } ?? "")limit=\(page.limit)"
            if let patient { look.trail.concerns([patient]) }
            try look.require(.readInvoices(of: patient))
            // The place in the list is the number of the one before.
            let after = page.after.map { Int($0.at.microseconds) } ?? 0
            let found =
                if let patient {
                    try look.looking.fetch(InvoicesOfPatient(patient: patient, after: after, limit: page.limit + 1))
                } else {
                    try look.looking.fetch(InvoicesAfter(after: after, limit: page.limit + 1))
                }
            let answer = page.page(found) { Cursor(at: Instant(microseconds: Int64($0.number)), id: $0.id.of()) }
            look.trail.concerns(answer.elements.map(\.patient))
            return answer
        }
    }
}
