public import Notation
import Outbox
import People
public import Scheduling
import Storage

/// What a caller wants: a visit type with a practitioner at a time, for some patients.
public struct BookingRequest: Sendable {
    /// The client may name the appointment itself, with a UUID version 7.
    public var id: ID<Appointment>?
    public var visitType: ID<VisitType>
    public var practitioner: ID<Resource>
    public var start: Instant
    public var patients: [ID<Participant>]
    public var room: ID<Resource>?
    public var device: ID<Resource>?
    /// Only held, to be confirmed before it expires.
    public var isHold: Bool
    /// Why staff book where the rules say no; nil is an ordinary booking.
    public var overrideReason: Personal<String>?
    /// A digest of the request's content, to tell a repeat under a client's identifier from a collision.
    public var content: [UInt8]

    public init(
        id: ID<Appointment>? = nil, visitType: ID<VisitType>, practitioner: ID<Resource>, start: Instant,
        patients: [ID<Participant>], room: ID<Resource>? = nil, device: ID<Resource>? = nil, isHold: Bool = false,
        overrideReason: Personal<String>? = nil, content: [UInt8] = []
    ) {
        self.id = id
        self.visitType = visitType
        self.practitioner = practitioner
        self.start = start
        self.patients = patients
        self.room = room
        self.device = device
        self.isHold = isHold
        self.overrideReason = overrideReason
        self.content = content
    }
}

/// A booking as it was made, or as it had been made before under the same identifier.
public struct Booked: Sendable {
    public let appointment: Appointment
    public let existedBefore: Bool
}

extension Clinic {
    /// Books an appointment, or holds its time, and writes everything that follows from it (MC-5, MA-4, HB-2).
    public func book(_ request: BookingRequest, call: Call, wording: Wording<Booked>) async throws -> Reply<Booked> {
        try await perform(call, manner: .together(foreseen: foresight(request, call)), wording: wording) { story in
            try story.requireBooking(request)
        } act: { story, _ in
            if let existing = try story.existing(request) { return Booked(appointment: existing, existedBefore: true) }
            return Booked(appointment: try story.book(request), existedBefore: false)
        }
    }
}

extension Clinic {
    /// What a booking is going to ask, told by trying it on the last known directory.
    private func foresight(_ request: BookingRequest, _ call: Call) -> [any Query] {
        guard database.gainsFromForesight else { return [] }
        var foreseen: [any Query] = [HeldDirectoryRevision()]
        if let attempt = call.attempt {
            foreseen.append(StoredAttempt(principal: call.caller.principal, key: attempt.key))
        }
        if let id = request.id { foreseen.append(AppointmentContent(id: id)) }
        for patient in request.patients { foreseen.append(PatientExists(id: patient.of())) }
        if let directory = directory.snapshot {
            foreseen += directory.questions(
                about: request.wish(limits: call.caller.isStaff ? nil : settings.patientLimits), now: surroundings.clock.now,
                Prospect(directory: directory, board: availability))
        }
        return foreseen
    }
}

extension BookingRequest {
    fileprivate func wish(limits: PatientLimits?) -> Wish {
        Wish(
            visitType: visitType, practitioner: practitioner, start: start, patients: patients, room: room, device: device,
            isOverride: overrideReason != nil, limits: limits, isHold: isHold)
    }
}

extension Story {
    fileprivate func requireBooking(_ request: BookingRequest) throws {
        let patients = request.patients.map { $0.of(Patient.self) }
        if let id = request.id {
            trail.isAbout(id, patients)
        } else if let first = patients.first {
            trail.isAbout(first, patients)
        }
        try requireTime(with: request.practitioner, for: patients, isOverride: request.overrideReason != nil)
    }

    /// That the caller may have time of a practitioner, for an appointment of these patients.
    func requireTime(with practitioner: ID<Resource>, for patients: [ID<Patient>], isOverride: Bool) throws {
        // Of one the directory does not know, the domain says that there is none.
        let place = directory.resources[practitioner]?.location ?? call.caller.places.first?.of()
        try require(.book(patients: patients, practitioner: practitioner.of()), patients: patients, at: place)
        if isOverride { try require(.overrideConflict(practitioner: practitioner.of()), patients: patients, at: place) }
    }

    /// What stands under the identifier the client chose. The same content is a repeat, anything else a collision.
    fileprivate func existing(_ request: BookingRequest) throws -> Appointment? {
        guard let id = request.id, let content = try transaction.first(AppointmentContent(id: id)) else { return nil }
        guard content == request.content, let sealed = try transaction.first(AppointmentByID(id: id)) else {
            throw Refusal.identifierAlreadyUsed
        }
        let appointment = try keys.open(sealed)
        // It may have been moved to somebody else since.
        guard try permits(appointment.seeing, with: appointment) else { throw Refusal.identifierAlreadyUsed }
        try recordRepeat()
        return appointment
    }

    fileprivate func book(_ request: BookingRequest) throws -> Appointment {
        try mustBookHere(request.patients)
        for patient in request.patients {
            guard let isOpen = try transaction.first(PatientExists(id: patient.of())) else { throw Refusal.patientUnknown }
            if !isOpen { throw Refusal.patientClosed }
        }
        // Patients hold what costs something, and pay: then it is theirs.
        let price = directory.visitTypes[request.visitType]?.price
        if price != nil, !request.isHold, !call.caller.isStaff { throw Refusal.paymentNeeded }
        let prospect =
            clinic.database.gainsFromForesight ? Prospect(directory: directory, board: clinic.availability) : nil
        var calendar = calendar
        calendar.prospect = prospect
        let placement = try directory.place(request.wish(limits: patientLimits), in: calendar, now: now)
        // Somebody else's calendar is asked for what is booked, and not yet for what is only held.
        let provider = request.isHold ? nil : provider(of: placement.practitioner)
        var appointment = appointment(request, placement, isAsked: provider != nil)
        try store(appointment, placement, content: request.content)
        if let provider { appointment.external = try askElsewhere(appointment, provider).confirmation }
        if request.isHold { try rememberHold(appointment) }
        try tell(
            appointment.state == .pending ? .held : .booked, of: appointment, from: nil, reason: request.overrideReason,
            overridden: placement.overridden)
        try scheduleFollowUps(of: appointment)
        return appointment
    }

    /// Books the time of an appointment that has lost it once more, if the rules and the calendar still give it: for who has paid for it. What
    /// somebody else's calendar has to agree to is not, because by then it has given the time to others.
    func bookAnew(_ lost: Appointment) throws -> Appointment {
        if provider(of: lost.practitioner) != nil { throw Refusal.practitionerTaken }
        try mustBookHere(lost.patients)
        let wish = Wish(
            visitType: lost.visitType, practitioner: lost.practitioner, start: lost.visit.from, patients: lost.patients)
        for patient in lost.patients where try transaction.first(PatientExists(id: patient.of())) != true {
            throw Refusal.patientClosed
        }
        let placement = try directory.place(wish, in: calendar, now: now)
        let appointment = Appointment(
            id: newID(), state: .booked, visitType: lost.visitType, practitioner: placement.practitioner, room: placement.room,
            device: placement.device, patients: lost.patients, location: placement.location, visit: placement.visit,
            createdAt: now, updatedAt: now)
        try store(appointment, placement, content: [])
        try tell(.booked, of: appointment, from: nil)
        try scheduleFollowUps(of: appointment)
        return appointment
    }

    private func appointment(_ request: BookingRequest, _ placement: Placement, isAsked: Bool) -> Appointment {
        let holdMinutes = directory.visitTypes[request.visitType]?.policy.holdMinutes ?? 5
        let heldUntil = isAsked ? keptMeanwhile : request.isHold ? now + .minutes(holdMinutes) : nil
        return Appointment(
            id: request.id ?? newID(), state: heldUntil == nil ? .booked : .pending, visitType: request.visitType,
            practitioner: placement.practitioner, room: placement.room, device: placement.device,
            patients: request.patients, location: placement.location, visit: placement.visit,
            heldUntil: heldUntil,
            overrideReason: placement.overridden.isEmpty ? nil : request.overrideReason, createdAt: now, updatedAt: now)
    }

    /// Writes a new appointment and takes what it needs.
    func store(_ appointment: Appointment, _ placement: Placement, content: [UInt8]) throws {
        try transaction.post(InsertAppointment(appointment: try sealed(appointment), content: content))
        for patient in appointment.patients {
            try transaction.post(
                InsertAppointmentPatient(patient: patient, start: appointment.visit.from, appointment: appointment.id))
        }
        try claim(placement, for: appointment)
    }
}
