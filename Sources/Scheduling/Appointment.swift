public import Notation

/// Where an appointment stands (FHIR R4 `AppointmentStatus`, the part we use). `docs/states.md` draws the table.
public enum AppointmentState: String, Sendable, CaseIterable {
    /// Held, until `heldUntil`.
    case pending
    case booked
    case arrived
    case checkedIn = "checked-in"
    case fulfilled
    case cancelled
    case noshow
    case enteredInError = "entered-in-error"

    /// Whether it takes its resources' time. What happened keeps its claims, so history cannot be double-booked either.
    public var holdsItsTime: Bool {
        switch self {
        case .pending, .booked, .arrived, .checkedIn, .fulfilled, .noshow: true
        case .cancelled, .enteredInError: false
        }
    }
}

/// Who ended an appointment before it took place, when and why.
public struct Cancellation: Sendable, Equatable {
    public enum Reason: String, Sendable, CaseIterable {
        case patient, practitioner, desk, expired
        case paymentFailed = "payment-failed"
        case providerFailed = "provider-failed"
        case other
    }

    /// The principal who did it: `patient:0192…`.
    public var by: String
    public var at: Instant
    public var reason: Reason

    public init(by: String, at: Instant, reason: Reason) {
        self.by = by
        self.at = at
        self.reason = reason
    }
}

public struct Appointment: Sendable, Equatable {
    public let id: ID<Appointment>
    public var state: AppointmentState
    public var visitType: ID<VisitType>
    public var practitioner: ID<Resource>
    public var room: ID<Resource>?
    public var device: ID<Resource>?
    /// Identifiers of the patients; at least one. The first booked it.
    public var patients: [ID<Participant>]
    public var location: ID<Location>
    /// The patient's time, without buffers.
    public var visit: TimeRange
    /// Only while pending: when the hold ends.
    public var heldUntil: Instant?
    public var cancellation: Cancellation?
    /// Why staff put it where the rules said no.
    public var overrideReason: Personal<String>?
    public var createdAt: Instant
    public var updatedAt: Instant
    /// Counts changes, from 1; the strong ETag.
    public var version: Int
    /// What somebody else's calendar says to it. Kept apart from the rest, and only there where it was read.
    public var external: ExternalConfirmation?

    public init(
        id: ID<Appointment>, state: AppointmentState, visitType: ID<VisitType>, practitioner: ID<Resource>,
        room: ID<Resource>? = nil, device: ID<Resource>? = nil, patients: [ID<Participant>], location: ID<Location>,
        visit: TimeRange, heldUntil: Instant? = nil, cancellation: Cancellation? = nil,
        overrideReason: Personal<String>? = nil, createdAt: Instant, updatedAt: Instant, version: Int = 1
    ) {
        self.id = id
        self.state = state
        self.visitType = visitType
        self.practitioner = practitioner
        self.room = room
        self.device = device
        self.patients = patients
        self.location = location
        self.visit = visit
        self.heldUntil = heldUntil
        self.cancellation = cancellation
        self.overrideReason = overrideReason
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.version = version
    }
}

/// A person who takes part in an appointment as a patient. `People` says who they are; here they are only somebody
/// who cannot be in two places at once.
public enum Participant {}

/// That an appointment has a resource, or a patient, from one instant to another, in one of its lanes. Two claims on one
/// lane never overlap: the schema refuses the second.
public struct Claim: Sendable, Hashable {
    public var appointment: ID<Appointment>
    /// A resource, or a patient.
    public var holder: ID<Resource>
    /// 0 ..< the resource's lanes; patients have one.
    public var lane: Int
    public var range: TimeRange

    public init(appointment: ID<Appointment>, holder: ID<Resource>, lane: Int, range: TimeRange) {
        self.appointment = appointment
        self.holder = holder
        self.lane = lane
        self.range = range
    }
}
