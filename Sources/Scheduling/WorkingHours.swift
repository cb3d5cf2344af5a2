public import Notation

/// A weekly rule: on this weekday, from wall-clock time to wall-clock time, between two days.
///
/// At a daylight-saving change the rule is: a wall time that does not exist means the first instant after the gap, a wall
/// time that exists twice means its first occurrence. So nobody is ever offered a time no clock shows, and a shift across
/// the change is an hour shorter or longer, as it is for the people who work it.
public struct WorkingHours: Sendable, Equatable {
    public let id: ID<WorkingHours>
    public var resource: ID<Resource>
    /// 1 is Monday, 7 is Sunday (ISO 8601).
    public var weekday: Int
    /// Minutes since local midnight, 0…1435, a multiple of 5.
    public var fromMinute: Int
    /// Minutes since local midnight, 5…1440; not after `fromMinute` means on the next day (a night shift).
    public var toMinute: Int
    /// The IANA zone of the wall clock.
    public var zone: String
    public var effectiveFrom: CalendarDay
    /// The last day on which a shift starts; nil is without end.
    public var effectiveUntil: CalendarDay?

    public init(
        id: ID<WorkingHours>, resource: ID<Resource>, weekday: Int, fromMinute: Int, toMinute: Int, zone: String,
        effectiveFrom: CalendarDay, effectiveUntil: CalendarDay? = nil
    ) {
        self.id = id
        self.resource = resource
        self.weekday = weekday
        self.fromMinute = fromMinute
        self.toMinute = toMinute
        self.zone = zone
        self.effectiveFrom = effectiveFrom
        self.effectiveUntil = effectiveUntil
    }
}

/// A stretch of time in which a resource's week does not hold.
public struct ScheduleException: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        /// Away: nothing can be booked.
        case leave
        /// There, but not for appointments.
        case blocked
        /// Open although the week or a holiday says no.
        case extra
    }

    public let id: ID<ScheduleException>
    public var resource: ID<Resource>
    public var kind: Kind
    public var range: TimeRange
    /// Why, in the staff's own words.
    public var note: Personal<String>?

    public init(id: ID<ScheduleException>, resource: ID<Resource>, kind: Kind, range: TimeRange, note: Personal<String>? = nil) {
        self.id = id
        self.resource = resource
        self.kind = kind
        self.range = range
        self.note = note
    }
}

/// A local day on which a location is closed.
public struct Holiday: Sendable, Equatable {
    public let id: ID<Holiday>
    public var location: ID<Location>
    public var day: CalendarDay
    public var name: String

    public init(id: ID<Holiday>, location: ID<Location>, day: CalendarDay, name: String) {
        self.id = id
        self.location = location
        self.day = day
        self.name = name
    }
}
