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
    public func appointment(_ id: ID<Appointment>, for call: Call) async throws -> Appointment {
        let works = settings.schedulingProviders
        let sealed = try await disclose("read.appointment", id, to: call) { look in
            guard var appointment = try look.appointment(id), try look.permits(appointment.seeing, with: appointment) else {
                throw Refusal.appointmentUnknown
            }
            if !works.isEmpty, call.caller.isStaff {
                appointment.external = try look.looking.first(LastExternalEntry(appointment: id))?.confirmation
            }
            return Sealed(kept: appointment)
        }
        return try await opened(sealed)
    }

    /// Appointments that start in a range, in order of their start; for who works at some places only, those that happen there.
    public func appointments(
        _ list: AppointmentList, in range: TimeRange, page: PageRequest, for call: Call
    ) async throws -> Page<Appointment> {
        let sealed = try await disclose("read.appointments", list.subject, to: call) { look in
            look.trail.query = "from=\(range.from)&to=\(range.to)\(page.words)"
            if case .ofPatient(let patient) = list { look.trail.concerns([patient]) }
            try look.require(list.act, patients: look.trail.patients)
            let found = page.page(try look.appointments(list, in: range, page)) { Cursor(at: $0.visit.from, id: $0.id.of()) }
            look.trail.concerns(found.elements.flatMap { $0.patientsShown(to: call.caller) })
            return found
        }
        return try await opened(sealed)
    }

    /// Everything that was done to an appointment, and who looked at it, oldest first.
    public func audit(of id: ID<Appointment>, page: PageRequest, for call: Call) async throws -> Page<AuditEntry> {
        let sealed = try await disclose("read.audit", id, to: call) { look in
            guard let appointment = try look.appointment(id) else { throw Refusal.appointmentUnknown }
            guard try look.permits(.readAudit(practitioner: appointment.practitioner.of()), with: appointment) else {
                throw try look.permits(appointment.seeing, with: appointment) ? Refusal.notPermitted : .appointmentUnknown
            }
            let after: ID<AuditEntry> = (page.after ?? .start).id.of()
            let entries = try look.looking.fetch(AuditOf(subject: id.of(), after: after, limit: page.limit + 1))
            return page.page(entries) { Cursor(at: $0.at, id: $0.id.of()) }
        }
        return try await opened(sealed)
    }

    /// The caller's own notices, or everybody's for the desk.
    public func mailbox(of owner: ID<Caller>?, page: PageRequest, for call: Call) async throws -> Page<Notice> {
        try await disclose("read.mailbox", owner?.of() ?? AuditSubject.everybody, to: call) { look in
            look.trail.query = "recipient=\(owner?.description ?? "everybody")\(page.words)"
            try look.require(owner.map { .readMailbox($0) } ?? .readWholeMailbox)
            let after: ID<Notice> = (page.after ?? .start).id.of()
            let notices =
                if let owner {
                    try look.looking.fetch(NoticesOf(recipient: owner, after: after, limit: page.limit + 1))
                } else {
                    try look.looking.fetch(NoticesAfter(after: after, limit: page.limit + 1))
                }
            let found = page.page(notices) { Cursor(at: $0.at, id: $0.id.of()) }
            look.trail.concerns(found.elements.flatMap(\.patients))
            return found
        }
    }
}

extension AuditSubject {
    /// What a record is about that is about nobody in particular: a list of a day.
    static let everybody = ID<AuditSubject>(high: 0, low: 1)
}

extension AppointmentList {
    fileprivate var subject: ID<AuditSubject> {
        switch self {
        case .ofPatient(let patient): patient.of()
        case .ofPractitioner(let practitioner): practitioner.of()
        case .ofDay: AuditSubject.everybody
        }
    }

    fileprivate var act: Act {
        switch self {
        case .ofPatient(let patient): .listOfPatient(patient)
        case .ofPractitioner(let practitioner): .listOfPractitioner(practitioner.of())
        case .ofDay: .listOfDay
        }
    }
}

extension PageRequest {
    /// For the record of a list.
    fileprivate var words: String { "\(after.map { "&after=\($0)" } ?? "")&limit=\(limit)" }
}

extension Look {
    fileprivate func appointment(_ id: ID<Appointment>) throws -> Appointment? {
        let appointment = try looking.first(AppointmentByID(id: id))?.kept
        trail.concerns((appointment?.patients ?? []).map { $0.of() })
        return appointment
    }

    /// One more than the page has, where there are more.
    fileprivate func appointments(_ list: AppointmentList, in range: TimeRange, _ page: PageRequest) throws -> [Appointment] {
        switch list {
        case .ofPatient(let patient):
            try atTheirPlaces(range, page) {
                try looking.fetch(AppointmentsOfPatient(patient: patient.of(), page: $0)).map(\.kept)
            }
        case .ofPractitioner(let practitioner):
            try atTheirPlaces(range, page) {
                try looking.fetch(AppointmentsOfPractitioner(practitioner: practitioner, page: $0)).map(\.kept)
            }
        case .ofDay: try ofDay(AppointmentPage(range: range, request: page))
        }
    }

    /// A question for each place, and of all they give the first.
    private func ofDay(_ page: AppointmentPage) throws -> [Appointment] {
        let places = call.caller.places
        if places.isEmpty { return try looking.fetch(AppointmentsOfDay(page: page)).map(\.kept) }
        let found = try looking.fetch(each: places.sorted().map { AppointmentsOfPlace(place: $0.of(), page: page) }).flatMap {
            $0.map(\.kept)
        }
        return Array(found.sorted { ($0.visit.from, $0.id) < ($1.visit.from, $1.id) }.prefix(page.request.limit + 1))
    }

    /// Goes on reading until the page is full of what happens at the caller's places.
    private func atTheirPlaces(
        _ range: TimeRange, _ page: PageRequest, _ read: (AppointmentPage) throws -> [Appointment]
    ) throws -> [Appointment] {
        let places = call.caller.places
        if places.isEmpty { return try read(AppointmentPage(range: range, request: page)) }
        var (found, next): ([Appointment], PageRequest) = ([], page)
        while found.count <= page.limit {
            let rows = try read(AppointmentPage(range: range, request: next))
            found += rows.filter { places.contains($0.location.of()) }
            guard rows.count > page.limit, let last = rows.last else { break }
            next.after = Cursor(at: last.visit.from, id: last.id.of())
        }
        return Array(found.prefix(page.limit + 1))
    }
}

extension Appointment {
    /// A patient sees themself alone.
    func patientsShown(to caller: Caller) -> [ID<Patient>] {
        patients.map { $0.of(Patient.self) }.filter { caller.isStaff || caller.isPatient($0) }
    }
}
