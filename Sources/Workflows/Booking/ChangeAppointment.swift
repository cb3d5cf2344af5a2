public import Notation
import People
public import Scheduling
import Storage

/// Which appointment a verb is about, and which version of it the caller has seen.
public struct AppointmentTarget: Sendable {
    public let id: ID<Appointment>
    /// From `If-Match`; nil when the caller does not mind.
    public let expectedVersion: Int?

    public init(id: ID<Appointment>, expectedVersion: Int? = nil) {
        self.id = id
        self.expectedVersion = expectedVersion
    }
}

extension Clinic {
    /// Turns a hold into a booking. A hold past its time is refused, also when nobody has swept it yet.
    ///
    /// - Parameter unpaidReason: why staff let a visit take place that costs something and is not paid; patients pay first.
    public func confirm(
        _ target: AppointmentTarget, unpaidReason: Personal<String>? = nil, call: Call, wording: Wording<Appointment>
    ) async throws -> Reply<Appointment> {
        try await perform(call, wording: wording) { story in
            try story.permitted(target.id) { .changeAppointment(patients: $0, practitioner: $1) }
        } act: { story, appointment in
            try story.matches(appointment, target)
            _ = try appointment.confirmed(at: story.now)
            try story.mustBookHere(appointment.patients)
            return try story.confirm(appointment, reason: try story.reasonIfUnpaid(appointment, unpaidReason))
        }
    }

    /// Cancels a hold or a booking and frees its time in the same transaction.
    public func cancel(
        _ target: AppointmentTarget, reason: Cancellation.Reason, note: Personal<String>? = nil, call: Call,
        wording: Wording<Appointment>
    ) async throws -> Reply<Appointment> {
        try await perform(call, wording: wording) { story in
            try story.permitted(target.id) { .changeAppointment(patients: $0, practitioner: $1) }
        } act: { story, appointment in
            try story.matches(appointment, target)
            try story.mustBeOurs(appointment.id)
            let cancelled = try appointment.cancelled(
                by: call.caller.principal, at: story.now, reason: reason, policy: story.policy(of: appointment),
                byStaff: call.caller.isStaff)
            try story.end(cancelled, was: appointment, kind: .cancelled, note: note)
            return cancelled
        }
    }

    /// Marks something that should never have been written. It keeps its place in the books and gives up its time.
    public func markError(
        _ target: AppointmentTarget, note: Personal<String>, call: Call, wording: Wording<Appointment>
    ) async throws -> Reply<Appointment> {
        try await perform(call, wording: wording) { story in
            story.trail.isAbout(target.id)
            try story.require(.correctMistake)
            return try story.permitted(target.id) { .changeAppointment(patients: $0, practitioner: $1) }
        } act: { story, appointment in
            try story.matches(appointment, target)
            try story.mustBeOurs(appointment.id)
            let marked = try appointment.markedAsError(at: story.now)
            try story.end(marked, was: appointment, kind: .enteredInError, note: note)
            return marked
        }
    }

    /// Moves through the day: arrive, check in, fulfil, no-show. Claims stay: what happened cannot be double-booked either.
    public func advance(
        _ target: AppointmentTarget, _ step: DayStep, call: Call, wording: Wording<Appointment>
    ) async throws -> Reply<Appointment> {
        try await perform(call, wording: wording) { story in
            try story.permitted(target.id) { .runTheDay(practitioner: $1) }
        } act: { story, appointment in
            try story.matches(appointment, target)
            let advanced = try appointment.taking(step, at: story.now)
            try story.update(advanced)
            try story.cancelFollowUps(of: advanced)
            try story.tell(step.eventKind, of: advanced, from: appointment.state)
            return advanced
        }
    }
}

extension Story {
    /// A hold becomes a booking, by its patient, the desk or a payment; where somebody else's calendar has to agree, that is asked first.
    @discardableResult
    func confirm(_ hold: Appointment, reason: Personal<String>? = nil) throws -> Appointment {
        try mustNotBeAsked(hold.id)
        if let provider = provider(of: hold.practitioner), hold.state == .pending {
            try noteConfirmation(of: hold, isAsked: true)
            return try awaitElsewhere(hold, provider)
        }
        let confirmed = try hold.confirmed(at: now)
        try update(confirmed)
        try transaction.run(ForgetHold(appointment: confirmed.id))
        try cancelFollowUps(of: confirmed)
        try noteConfirmation(of: hold)
        try tell(.confirmed, of: confirmed, from: hold.state, reason: reason)
        try scheduleFollowUps(of: confirmed)
        return confirmed
    }

    /// Why a hold is confirmed that costs something and is not paid; nil when nothing is owed. Patients pay, and staff say why not.
    func reasonIfUnpaid(_ hold: Appointment, _ reason: Personal<String>?) throws -> Personal<String>? {
        guard try mustBePaid(hold) else { return nil }
        if !call.caller.isStaff { throw Refusal.paymentNeeded }
        guard let reason else { throw Refusal.overrideNeedsReason }
        return reason
    }

    /// The appointment, when the caller may do this with it. Somebody who may not even see it hears that there is none.
    func permitted(_ id: ID<Appointment>, _ act: ([ID<Patient>], ID<Caller>) -> Act) throws -> Appointment {
        trail.isAbout(id)
        guard let sealed = try transaction.first(AppointmentToChange(id: id)) else { throw Refusal.appointmentUnknown }
        let appointment = try opened(sealed)
        let patients = appointment.patients.map { $0.of(Patient.self) }
        trail.concerns(patients)
        guard try permits(appointment.seeing, with: appointment) else { throw Refusal.appointmentUnknown }
        try require(act(patients, appointment.practitioner.of()), patients: patients, at: appointment.location)
        return appointment
    }

    func matches(_ appointment: Appointment, _ target: AppointmentTarget) throws(Refusal) {
        if let expected = target.expectedVersion, expected != appointment.version { throw .changedMeanwhile }
    }

    func policy(of appointment: Appointment) -> SchedulingPolicy {
        directory.visitTypes[appointment.visitType]?.policy ?? SchedulingPolicy()
    }

    /// Ends an appointment: it gives up its time and everything still planned for it, and what was paid for it comes back as agreed. Whoever
    /// waits for that time is next.
    ///
    /// - Parameter offer: what becomes of an offer it stands for, where that is not for the kind and the caller to say.
    func end(
        _ ended: Appointment, was: Appointment, kind: AppointmentEvent.Kind, note: Personal<String>? = nil,
        offer: WaitlistOffer.State? = nil
    ) throws {
        try update(ended)
        try withdrawElsewhere(was.id)
        try noteLapse(of: was)
        try releaseClaims(of: was)
        try cancelFollowUps(of: was)
        let ends = try transaction.first(LooseEnds(appointment: was.id, visitType: was.visitType))
        if ends?.isOffered == true || ends?.isWaitedFor == true { try passOn(was, kind, as: offer) }
        try tell(kind, of: ended, from: was.state, reason: note)
        if ends?.hasPayment == true { try settlePayment(of: ended, was: was) }
    }
}

/// What may follow from the end of an appointment, in one question instead of three: of most appointments nothing does. The appointment is
/// held by then, and nobody pays for it or is offered it without holding it.
struct LooseEnds: Query {
    static let sql: SQL = """
        SELECT EXISTS (SELECT 1 FROM waitlist_offer WHERE appointment_id = $1 AND state IN ('open', 'accepted')),
            EXISTS (SELECT 1 FROM waitlist_entry WHERE visit_type_id = $2 AND state = 'waiting'),
            EXISTS (SELECT 1 FROM payment WHERE appointment_id = $1)
        """
    let appointment: ID<Appointment>
    let visitType: ID<VisitType>
    var bindings: [SQLValue] { [.id(appointment), .id(visitType)] }

    struct Row: Sendable {
        let isOffered: Bool
        let isWaitedFor: Bool
        let hasPayment: Bool
    }
    static func row(_ columns: any Columns) throws -> Row {
        Row(isOffered: try columns.bool(0), isWaitedFor: try columns.bool(1), hasPayment: try columns.bool(2))
    }
}

extension Appointment {
    var seeing: Act { .seeAppointment(patients: patients.map { $0.of() }, practitioner: practitioner.of()) }
}

/// What the desk notes while the day goes by.
public enum DayStep: Sendable, CaseIterable {
    case arrive, checkIn, fulfil, noShow

    fileprivate var eventKind: AppointmentEvent.Kind {
        switch self {
        case .arrive: .arrived
        case .checkIn: .checkedIn
        case .fulfil: .fulfilled
        case .noShow: .noShow
        }
    }
}

extension Appointment {
    fileprivate func taking(_ step: DayStep, at now: Instant) throws(Refusal) -> Appointment {
        switch step {
        case .arrive: try arrived(at: now)
        case .checkIn: try checkedIn(at: now)
        case .fulfil: try fulfilled(at: now)
        case .noShow: try missed(at: now)
        }
    }
}
