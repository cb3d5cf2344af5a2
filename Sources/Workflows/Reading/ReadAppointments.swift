public import Notation
public import People
public import Scheduling
import Storage

/// Whose appointments to list.
public enum AppointmentList: Sendable {
    case ofPatient(ID<Patient>)
    case ofPractitioner(ID<Resource>)
    case ofDay
}

extension Clinic {
    /// One appointment. Somebody who may not see it hears that there is none.
    public func appointment(_ id: ID<Appointment>, for caller: Caller) async throws -> Appointment {
        guard let appointment = try await database.read({ try $0.first(AppointmentByID(id: id)) }),
            caller.may(
                .seeAppointment(patients: appointment.patients.map { $0.of() }, practitioner: appointment.practitioner.of()))
        else { throw Refusal.appointmentUnknown }
        return appointment
    }

    /// Appointments that start in a range, in order of their start.
    public func appointments(
        _ list: AppointmentList, in range: TimeRange, page: PageRequest, for caller: Caller
    ) async throws -> Page<Appointment> {
        let rows = AppointmentPage(range: range, request: page)
        let found: [Appointment]
        switch list {
        case .ofPatient(let patient):
            guard caller.may(.listOfPatient(patient)) else { throw Refusal.notPermitted }
            found = try await database.read { try $0.fetch(AppointmentsOfPatient(patient: patient.of(), page: rows)) }
        case .ofPractitioner(let practitioner):
            guard caller.may(.listOfPractitioner(practitioner.of())) else { throw Refusal.notPermitted }
            found = try await database.read { try $0.fetch(AppointmentsOfPractitioner(practitioner: practitioner, page: rows)) }
        case .ofDay:
            guard caller.may(.listOfDay) else { throw Refusal.notPermitted }
            found = try await database.read { try $0.fetch(AppointmentsOfDay(page: rows)) }
        }
        return page.page(found) { Cursor(at: $0.visit.from, id: $0.id.of()) }
    }

    /// Everything that was done to an appointment, oldest first.
    public func audit(of id: ID<Appointment>, page: PageRequest, for caller: Caller) async throws -> Page<AuditEntry> {
        guard let appointment = try await database.read({ try $0.first(AppointmentByID(id: id)) }) else {
            throw Refusal.appointmentUnknown
        }
        let practitioner = appointment.practitioner.of(Caller.self)
        guard caller.may(.readAudit(practitioner: practitioner)) else {
            let sees = caller.may(.seeAppointment(patients: appointment.patients.map { $0.of() }, practitioner: practitioner))
            throw sees ? Refusal.notPermitted : .appointmentUnknown
        }
        let after: ID<AuditEntry> = (page.after ?? .start).id.of()
        let entries = try await database.read {
            try $0.fetch(AuditOf(subject: id.of(), after: after, limit: page.limit + 1))
        }
        return page.page(entries) { Cursor(at: $0.at, id: $0.id.of()) }
    }

    /// The caller's own notices, or everybody's for the desk.
    public func mailbox(of owner: ID<Caller>?, page: PageRequest, for caller: Caller) async throws -> Page<Notice> {
        guard caller.may(owner.map { .readMailbox($0) } ?? .readWholeMailbox) else { throw Refusal.notPermitted }
        let after: ID<Notice> = (page.after ?? .start).id.of()
        let notices = try await database.read { transaction in
            if let owner { return try transaction.fetch(NoticesOf(recipient: owner, after: after, limit: page.limit + 1)) }
            return try transaction.fetch(NoticesAfter(after: after, limit: page.limit + 1))
        }
        return page.page(notices) { Cursor(at: $0.at, id: $0.id.of()) }
    }
}
