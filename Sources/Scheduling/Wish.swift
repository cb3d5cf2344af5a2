public import Notation

/// What somebody would like: this visit, with this practitioner, at this time.
public struct Wish: Sendable {
    public var visitType: ID<VisitType>
    public var practitioner: ID<Resource>
    public var start: Instant
    /// The first one asks.
    public var patients: [ID<Participant>]
    /// Nil takes the first suitable one that is free, when the visit needs one.
    public var room: ID<Resource>?
    public var device: ID<Resource>?
    /// Staff set the clinic's rules aside, as far as `Refusal.canBeOverridden` lets them.
    public var isOverride: Bool
    /// What its patients may have at once; nil where nobody counts, because staff ask.
    public var limits: PatientLimits?
    /// Only held, to be confirmed before it expires.
    public var isHold: Bool

    public init(
        visitType: ID<VisitType>, practitioner: ID<Resource>, start: Instant, patients: [ID<Participant>],
        room: ID<Resource>? = nil, device: ID<Resource>? = nil, isOverride: Bool = false, limits: PatientLimits? = nil,
        isHold: Bool = false
    ) {
        self.visitType = visitType
        self.practitioner = practitioner
        self.start = start
        self.patients = patients
        self.room = room
        self.device = device
        self.isOverride = isOverride
        self.limits = limits
        self.isHold = isHold
    }
}

/// Where and with what a wish comes true.
public struct Placement: Sendable, Equatable {
    public let practitioner: ID<Resource>
    public let room: ID<Resource>?
    public let device: ID<Resource>?
    public let patients: [ID<Participant>]
    public let location: ID<Location>
    /// The patients' time.
    public let visit: TimeRange
    /// The time of practitioner, room and device: the visit and its buffers.
    public let occupied: TimeRange
    /// What staff set aside, in order of precedence; empty without an override.
    public let overridden: [Refusal]
    let practitionerLane: Int
    let roomLane: Int
    let deviceLane: Int

    /// What the appointment takes from others, sorted by holder: every writer locks in one order, so two of them never
    /// wait for each other in a circle.
    public func claims(for appointment: ID<Appointment>) -> [Claim] {
        var claims: [Claim] = []
        claims.reserveCapacity(patients.count + 3)
        claims.append(Claim(appointment: appointment, holder: practitioner, lane: practitionerLane, range: occupied))
        if let room { claims.append(Claim(appointment: appointment, holder: room, lane: roomLane, range: occupied)) }
        if let device { claims.append(Claim(appointment: appointment, holder: device, lane: deviceLane, range: occupied)) }
        for patient in patients {
            claims.append(Claim(appointment: appointment, holder: patient.of(), lane: 0, range: visit))
        }
        claims.sort { $0.holder < $1.holder }
        return claims
    }
}

/// What others have. Asked only as far as the decision needs it, and inside the transaction that writes the answer.
public protocol Calendar {
    /// Claims of a resource or patient that overlap `range`, in any order.
    func claims(of holder: ID<Resource>, overlapping range: TimeRange) throws -> [Claim]

    /// How many appointments that hold their time (`AppointmentState.holdsItsTime`) start in `day` with this practitioner,
    /// without counting `moving`.
    func appointments(of practitioner: ID<Resource>, startingIn day: TimeRange, besides moving: ID<Appointment>?) throws -> Int

    /// What a patient has ahead of `now`, and how many of their holds have come to nothing since `since`; nil does not ask for holds.
    func load(of patient: ID<Participant>, at now: Instant, lapsedSince since: Instant?) throws -> PatientLoad
}

extension Calendar {
    /// Where nobody counts.
    public func load(of patient: ID<Participant>, at now: Instant, lapsedSince since: Instant?) throws -> PatientLoad {
        PatientLoad()
    }
}
