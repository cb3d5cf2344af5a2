public import Notation
import People
public import Scheduling
import Storage

/// Appointments that were booked together, by one rule. Each is an appointment like any other; the series only knows them.
public struct AppointmentSeries: Sendable {
    public let id: ID<AppointmentSeries>
    public let visitType: ID<VisitType>
    public let practitioner: ID<Resource>
    public let patients: [ID<Participant>]
    /// As it was asked for (RFC 5545 §3.3.10), and when the first was to begin.
    public let rule: String
    public let start: Instant
    /// The wall clock the visits keep to.
    public let zone: String
    public let exceptions: [CalendarDay]
    public let createdBy: String
    public let createdAt: Instant
    /// Counts changes of the series as one, for `If-Match`.
    public internal(set) var version: Int

    /// What a caller may see of it is what they may see of its appointments.
    var seeing: Act { .seeAppointment(patients: patients.map { $0.of() }, practitioner: practitioner.of()) }
}

/// A series and its appointments as they are now, in the order of the rule.
public struct SeriesWithVisits: Sendable {
    public let series: AppointmentSeries
    public let visits: [Appointment]
}

/// What a caller wants to come again.
public struct SeriesRequest: Sendable {
    public var visitType: ID<VisitType>
    public var practitioner: ID<Resource>
    public var patients: [ID<Participant>]
    public var plan: SeriesPlan
    public var room: ID<Resource>?
    public var device: ID<Resource>?

    public init(
        visitType: ID<VisitType>, practitioner: ID<Resource>, patients: [ID<Participant>], plan: SeriesPlan,
        room: ID<Resource>? = nil, device: ID<Resource>? = nil
    ) {
        self.visitType = visitType
        self.practitioner = practitioner
        self.patients = patients
        self.plan = plan
        self.room = room
        self.device = device
    }

    func wish(at start: Instant, limits: PatientLimits?) -> Wish {
        Wish(
            visitType: visitType, practitioner: practitioner, start: start, patients: patients, room: room, device: device,
            limits: limits)
    }

    /// The wall clock where the visits take place.
    func clock(in directory: Directory) throws(Refusal) -> (name: String, zone: Zone) {
        guard let resource = directory.resources[practitioner], resource.kind == .practitioner else {
            throw .practitionerUnknown
        }
        return (directory.zone(of: resource), directory.wallClock(at: resource.location))
    }
}

/// Which visits of a series a verb is about, and which version of the series the caller has seen; nil when they do not mind.
public struct SeriesTarget: Sendable {
    public let id: ID<AppointmentSeries>
    public let scope: SeriesScope
    /// The one it begins with; nil for all of them.
    public let appointment: ID<Appointment>?
    public let expectedVersion: Int?

    public init(
        id: ID<AppointmentSeries>, scope: SeriesScope, appointment: ID<Appointment>? = nil, expectedVersion: Int? = nil
    ) {
        self.id = id
        self.scope = scope
        self.appointment = appointment
        self.expectedVersion = expectedVersion
    }
}
