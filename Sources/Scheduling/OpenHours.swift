public import Notation

// When a resource can be booked:
//
//     open = ((weekly rules − holidays) ∪ extra) − leave − blocked
//
// - A shift belongs to the day it starts on, by the wall clock of its rule. A holiday at the resource's location closes
//   the shifts that start on that day: the night shift of Christmas Eve runs to its end on Christmas morning, and the
//   one of Christmas Day does not begin.
// - A room or device without any weekly rule is open all the time; a holiday then closes the whole local day.
// - A practitioner without any weekly rule is only there for `extra`.
// - A rule in a zone nobody knows opens nothing.
//
// Only days that touch the question are looked at, so asking about a visit costs the same in a clinic's tenth year.
extension Directory {
    /// The open time inside `range`: in order, and neighbours that touch are one.
    public func openRanges(of resource: Resource, in range: TimeRange) -> [TimeRange] {
        let hours = Hours(of: resource, in: self, around: range)
        return merged(hours.shifts + hours.extra).subtracting(hours.away).compactMap { $0.clipped(to: range) }
    }

    /// Whether all of `range` is open time.
    public func isOpen(_ resource: Resource, during range: TimeRange) -> Bool {
        let hours = Hours(of: resource, in: self, around: range)
        return hours.away.isEmpty && hours.isCovered(range, by: hours.shifts)
    }

    /// Why `range` is not all open time, in order of precedence; empty when it is.
    ///
    /// - `holiday`: a shift would have been there if its day were not one.
    /// - `practitionerAway`: leave, or blocked.
    /// - `outsideWorkingHours`: neither the week nor an extra opening covers it, with or without holidays.
    public func reasonsClosed(_ resource: Resource, during range: TimeRange) -> [Refusal] {
        let hours = Hours(of: resource, in: self, around: range)
        var reasons: [Refusal] = []
        let open = merged(hours.shifts + hours.extra)
        if hours.cancelledShifts.contains(where: { shift in
            shift.clipped(to: range).map { ![$0].subtracting(open).isEmpty } ?? false
        }) {
            reasons.append(.holiday)
        }
        if !hours.away.isEmpty { reasons.append(.practitionerAway) }
        if !hours.isCovered(range, by: hours.shifts + hours.cancelledShifts) { reasons.append(.outsideWorkingHours) }
        return reasons
    }

    /// The zone of a location's wall clock; UTC when its name is unknown.
    public func wallClock(at location: ID<Location>) -> Zone {
        locations[location].flatMap { Zone.named($0.zone) } ?? .utc
    }
}

/// What opens and closes a resource around a range. Nothing in it lies wholly outside the range.
private struct Hours {
    /// Openings of the week that a holiday did not close, in no order.
    var shifts: [TimeRange] = []
    /// Openings of the week that a holiday closed.
    var cancelledShifts: [TimeRange] = []
    var extra: [TimeRange] = []
    /// Leave and blocked.
    var away: [TimeRange] = []

    init(of resource: Resource, in directory: Directory, around range: TimeRange) {
        let holidays = directory.holidays[resource.location] ?? []
        if let rules = directory.hours[resource.id] {
            addShifts(of: rules, holidays: holidays, around: range)
        } else if resource.kind != .practitioner {
            addEveryDay(on: directory.wallClock(at: resource.location), holidays: holidays, around: range)
        }
        for exception in directory.exceptions[resource.id] ?? [] where exception.range.clipped(to: range) != nil {
            if exception.kind == .extra { extra.append(exception.range) } else { away.append(exception.range) }
        }
    }

    private mutating func addShifts(of rules: [WorkingHours], holidays: [Holiday], around range: TimeRange) {
        // Most people work in one zone: it is looked up once, and again only when a rule names another.
        var name = ""
        var zone: Zone?
        for rule in rules {
            if rule.zone != name {
                name = rule.zone
                zone = Zone.named(name)
            }
            if let zone { add(rule, zone, holidays, range) }
        }
    }

    private mutating func add(_ rule: WorkingHours, _ zone: Zone, _ holidays: [Holiday], _ range: TimeRange) {
        // A night shift that began the day before may reach into the range.
        let first = max(zone.day(at: range.from) + -1, rule.effectiveFrom)
        let last = min(zone.day(at: range.to), rule.effectiveUntil ?? CalendarDay(number: .max))
        var day = first + (rule.weekday - first.weekday + 7) % 7
        let toMinute = rule.toMinute > rule.fromMinute ? rule.toMinute : rule.toMinute + 1440
        while day <= last {
            let shift = TimeRange(
                from: zone.instant(of: day, minute: rule.fromMinute), to: zone.instant(of: day, minute: toMinute))
            // Between two moments of one gap lies nothing.
            if shift.from < shift.to, shift.overlaps(range) {
                if holidays.has(day) { cancelledShifts.append(shift) } else { shifts.append(shift) }
            }
            day = day + 7
        }
    }

    private mutating func addEveryDay(on zone: Zone, holidays: [Holiday], around range: TimeRange) {
        let days = zone.day(at: range.from)...max(zone.day(at: range.from), zone.day(at: range.to))
        for holiday in holidays where days.contains(holiday.day) {
            if let closed = zone.dayRange(holiday.day).clipped(to: range) { cancelledShifts.append(closed) }
        }
        shifts = [range].subtracting(merged(cancelledShifts))
    }

    /// Whether openings and extra time together leave no hole in the range.
    func isCovered(_ range: TimeRange, by openings: [TimeRange]) -> Bool {
        var reached = range.from
        while reached < range.to {
            guard let next = openings.first(where: { $0.contains(reached) }) ?? extra.first(where: { $0.contains(reached) })
            else { return false }
            reached = next.to
        }
        return true
    }
}

extension [Holiday] {
    fileprivate func has(_ day: CalendarDay) -> Bool { contains { $0.day == day } }
}
