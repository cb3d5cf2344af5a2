public import Notation

/// How pressing a visit is (FHIR `request-priority`); the later ones come first.
public enum Urgency: String, Sendable, CaseIterable, Comparable {
    case routine, urgent, asap, stat

    public static func < (left: Urgency, right: Urgency) -> Bool { left.place < right.place }

    private var place: Int { Urgency.allCases.firstIndex(of: self)! }
}

/// Minutes of the day in which somebody is not to be disturbed, by the wall clock where they live: from 21:00 to 07:00 is
/// `1260 ..< 420`, across midnight.
public struct QuietHours: Sendable, Hashable {
    public let from: Int
    public let to: Int

    /// Nil unless both are minutes of a day, and different.
    public init?(from: Int, to: Int) {
        guard (0..<1440).contains(from), (0..<1440).contains(to), from != to else { return nil }
        self.from = from
        self.to = to
    }

    /// When quiet ends; nil when it is not quiet.
    public func end(at now: Instant, in zone: Zone) -> Instant? {
        let minute = zone.minuteOfDay(at: now)
        let today = zone.day(at: now)
        if from < to { return (from..<to).contains(minute) ? zone.instant(of: today, minute: to, after: now) : nil }
        if minute >= from { return zone.instant(of: today + 1, minute: to) }
        return minute < to ? zone.instant(of: today, minute: to, after: now) : nil
    }
}

extension Zone {
    /// On the night clocks go back, quiet ends the first time a clock shows its end.
    fileprivate func instant(of day: CalendarDay, minute: Int, after now: Instant) -> Instant? {
        let instant = instant(of: day, minute: minute)
        return instant > now ? instant : nil
    }
}

/// Quiet hours by somebody's own clock, wherever the visit is.
public struct Night: Sendable {
    public let hours: QuietHours
    /// Nil for the clock where the visit is.
    public let zone: Zone?

    public init(hours: QuietHours, zone: Zone?) {
        self.hours = hours
        self.zone = zone
    }
}

extension Night: Equatable {
    public static func == (left: Night, right: Night) -> Bool {
        left.hours == right.hours && left.zone?.identifier == right.zone?.identifier
    }
}

/// A visit that a patient waits for, and the times they would take.
public struct WaitlistEntry: Sendable, Equatable {
    public let id: ID<WaitlistEntry>
    public let patient: ID<Participant>
    public let visitType: ID<VisitType>
    /// Empty for anybody who gives it.
    public var practitioners: Set<ID<Resource>> = []
    /// Nil for practitioners of any.
    public var specialty: String?
    /// Empty for everywhere.
    public var locations: Set<ID<Location>> = []
    /// 1 is Monday; empty for every day.
    public var weekdays: Set<Int> = []
    /// The visit lies within these minutes of the day.
    public var minutes: Range<Int>?
    public var earliest: CalendarDay?
    public var latest: CalendarDay?
    public var urgency = Urgency.routine
    public let since: Instant
    /// Whether the patient agreed to be offered times.
    public var wantsOffers = true
    public var quietHours: QuietHours?
    /// When nobody disturbs them, whatever it is about. Not kept with the wish.
    public var night: Night?
    /// Offers the patient let pass or declined.
    public var missedOffers = 0

    public init(id: ID<WaitlistEntry>, patient: ID<Participant>, visitType: ID<VisitType>, since: Instant) {
        self.id = id
        self.patient = patient
        self.visitType = visitType
        self.since = since
    }

    /// How much the patient's own wishes leave: who can come on Tuesdays only has fewer chances than who can always come, and
    /// so comes before them.
    public var wishes: Int {
        [
            !practitioners.isEmpty, specialty != nil, !locations.isEmpty, !weekdays.isEmpty, minutes != nil,
            earliest != nil || latest != nil,
        ]
        .count { $0 }
    }
}

extension WaitlistEntry {
    /// When they may be disturbed again; nil when they may now. Somebody who has quiet hours of both kinds sleeps through both.
    func endOfQuiet(at now: Instant, in zone: Zone) -> Instant? {
        [quietHours?.end(at: now, in: zone), night.flatMap { $0.hours.end(at: now, in: $0.zone ?? zone) }].compactMap(\.self)
            .max()
    }
}

/// A time that somebody gave back.
public struct FreedTime: Sendable, Equatable {
    public let visitType: ID<VisitType>
    public let practitioner: ID<Resource>
    public let location: ID<Location>
    public let visit: TimeRange
    /// The practitioner's.
    public var specialty: String?

    public init(visitType: ID<VisitType>, practitioner: ID<Resource>, location: ID<Location>, visit: TimeRange) {
        self.visitType = visitType
        self.practitioner = practitioner
        self.location = location
        self.visit = visit
    }
}
