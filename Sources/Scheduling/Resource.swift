public import Notation

/// A place the clinic works at, with the zone its wall clock shows.
public struct Location: Sendable, Equatable {
    public let id: ID<Location>
    public var name: String
    /// An IANA zone: `Europe/Berlin`.
    public var zone: String
    public var address: String?
    public var version: Int

    public init(id: ID<Location>, name: String, zone: String, address: String? = nil, version: Int = 1) {
        self.id = id
        self.name = name
        self.zone = zone
        self.address = address
        self.version = version
    }
}

/// Something an appointment needs and nobody else can have at the same time: a practitioner, a room, a device.
public struct Resource: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable { case practitioner, room, device }

    public let id: ID<Resource>
    public var kind: Kind
    public var name: String
    public var location: ID<Location>
    /// How many appointments it can take at once. No writer gets past this number: the schema refuses.
    public var lanes: Int
    /// How many of the lanes are offered; the rest are for staff who override, with a reason. 1…lanes.
    public var lanesOffered: Int
    /// For a practitioner: `cardiology`. Nil for rooms and devices.
    public var specialty: String?
    /// For rooms and devices: `ultrasound`, `accessible`.
    public var tags: Set<String>
    /// For a practitioner: how many appointments at most on one local day.
    public var maximumPerDay: Int?
    /// For a practitioner: the calendar of somebody else's that has to agree to each appointment, by its name in the settings (GF-2).
    public var provider: String?
    public var active: Bool
    /// Counts changes, for `If-Match`.
    public var version: Int

    public init(
        id: ID<Resource>, kind: Kind, name: String, location: ID<Location>, lanes: Int = 1, lanesOffered: Int? = nil,
        specialty: String? = nil, tags: Set<String> = [], maximumPerDay: Int? = nil, provider: String? = nil, active: Bool = true,
        version: Int = 1
    ) {
        self.id = id
        self.kind = kind
        self.name = name
        self.location = location
        self.lanes = lanes
        self.lanesOffered = lanesOffered ?? lanes
        self.specialty = specialty
        self.tags = tags
        self.maximumPerDay = maximumPerDay
        self.provider = provider
        self.active = active
        self.version = version
    }
}

/// What can be booked (FHIR `HealthcareService`): how long it takes, and what it needs.
public struct VisitType: Sendable, Equatable {
    public let id: ID<VisitType>
    public var name: String
    /// Minutes the patient is there; a multiple of 5.
    public var durationMinutes: Int
    /// Minutes practitioner, room and device are kept before and after; multiples of 5. The patient's own time has none.
    public var bufferBeforeMinutes: Int
    public var bufferAfterMinutes: Int
    /// Any practitioner with this specialty may do it; nil when only the named ones may.
    public var specialty: String?
    /// Practitioners who may do it besides those with the specialty.
    public var practitioners: Set<ID<Resource>>
    /// Needs any room at the practitioner's location with this tag.
    public var roomTag: String?
    /// Needs any device at the practitioner's location with this tag.
    public var deviceTag: String?
    /// More than 1 makes it a group session.
    public var patientsMaximum: Int
    public var policy: SchedulingPolicy
    /// What patients pay for it; nil is nothing.
    public var price: Price?
    public var active: Bool
    public var version: Int

    public init(
        id: ID<VisitType>, name: String, durationMinutes: Int, bufferBeforeMinutes: Int = 0, bufferAfterMinutes: Int = 0,
        specialty: String? = nil, practitioners: Set<ID<Resource>> = [], roomTag: String? = nil, deviceTag: String? = nil,
        patientsMaximum: Int = 1, policy: SchedulingPolicy = SchedulingPolicy(), price: Price? = nil, active: Bool = true,
        version: Int = 1
    ) {
        self.id = id
        self.name = name
        self.durationMinutes = durationMinutes
        self.bufferBeforeMinutes = bufferBeforeMinutes
        self.bufferAfterMinutes = bufferAfterMinutes
        self.specialty = specialty
        self.practitioners = practitioners
        self.roomTag = roomTag
        self.deviceTag = deviceTag
        self.patientsMaximum = patientsMaximum
        self.policy = policy
        self.price = price
        self.active = active
        self.version = version
    }

    public func suits(_ resource: Resource) -> Bool {
        guard resource.active else { return false }
        return switch resource.kind {
        case .practitioner: practitioners.contains(resource.id) || (specialty != nil && specialty == resource.specialty)
        case .room: roomTag.map(resource.tags.contains) ?? false
        case .device: deviceTag.map(resource.tags.contains) ?? false
        }
    }

    /// The patient's time when it starts at `start`.
    public func visit(at start: Instant) -> TimeRange {
        TimeRange(from: start, to: start + .minutes(durationMinutes))
    }

    /// What the practitioner, room and device are kept for: the visit and its buffers.
    public func occupied(at start: Instant) -> TimeRange {
        TimeRange(from: start - .minutes(bufferBeforeMinutes), to: start + .minutes(durationMinutes + bufferAfterMinutes))
    }
}

/// The rules a clinic sets for one visit type.
public struct SchedulingPolicy: Sendable, Equatable {
    /// How long before the start a booking must be made.
    public var earliestNoticeMinutes: Int
    /// How many days ahead may be booked. At most 400, which is as far as the availability index reaches.
    public var latestHorizonDays: Int
    /// A patient may cancel or move until this long before the start; staff always may.
    public var cancellationCutoffMinutes: Int
    /// Starts lie on this grid of the location's wall clock, counted from midnight; a multiple of 5 that divides 1440.
    public var startGridMinutes: Int
    /// How long an unconfirmed hold keeps its time.
    public var holdMinutes: Int

    public init(
        earliestNoticeMinutes: Int = 60, latestHorizonDays: Int = 90, cancellationCutoffMinutes: Int = 24 * 60,
        startGridMinutes: Int = 15, holdMinutes: Int = 5
    ) {
        self.earliestNoticeMinutes = earliestNoticeMinutes
        self.latestHorizonDays = latestHorizonDays
        self.cancellationCutoffMinutes = cancellationCutoffMinutes
        self.startGridMinutes = startGridMinutes
        self.holdMinutes = holdMinutes
    }
}

/// A half-open stretch of time: `to` is not in it, so neighbours touch without overlapping.
public struct TimeRange: Sendable, Hashable {
    public var from: Instant
    public var to: Instant

    @inlinable public init(from: Instant, to: Instant) {
        self.from = from
        self.to = to
    }

    @inlinable public func overlaps(_ other: TimeRange) -> Bool { from < other.to && other.from < to }
    @inlinable public func contains(_ other: TimeRange) -> Bool { from <= other.from && other.to <= to }
    @inlinable public func contains(_ instant: Instant) -> Bool { from <= instant && instant < to }
}
