import Foundation
import Notation
import Scheduling

/// A mistake somebody could make in the rules. The comparison must notice each of them, or it compares nothing.
enum PlantedMistake: String, CaseIterable, Sendable {
    case neighboursOverlap, bufferMustBeOpen, noticeIsExclusive, horizonCountsHours, oneMoreADay, nightShiftEndsAtMidnight
    case holidayClosesWhatRunsIntoIt, secondOccurrence, everyLaneIsOffered, gridCountsInUTC, roomsAreAlwaysOpen
}

/// The clinic's rules once more, word for word and slow: no bits, no merging, no tables. It asks every instant that
/// matters and every claim, and takes its wall clock from Foundation.
struct ReferenceAvailability {
    let clinic: RandomClinic
    let booked: [RandomClinic.Booked]
    var mistake: PlantedMistake?
    private var hours: [ID<Resource>: Opening] = [:]

    /// Everything that opens or closes one resource, as lists.
    private struct Opening {
        var shifts: [TimeRange] = []
        var shiftsOnHolidays: [TimeRange] = []
        var extra: [TimeRange] = []
        var away: [TimeRange] = []
        var isAlwaysOpen = false
        var holidays: [TimeRange] = []

        func isInWeek(_ instant: Instant) -> Bool {
            (isAlwaysOpen && !holidays.contains { $0.contains(instant) }) || shifts.contains { $0.contains(instant) }
        }
        func isExtra(_ instant: Instant) -> Bool { extra.contains { $0.contains(instant) } }
        func isAway(_ instant: Instant) -> Bool { away.contains { $0.contains(instant) } }
        func isHoliday(_ instant: Instant) -> Bool {
            (isAlwaysOpen ? holidays : shiftsOnHolidays).contains { $0.contains(instant) }
        }
        func isOpen(_ instant: Instant) -> Bool { (isInWeek(instant) || isExtra(instant)) && !isAway(instant) }

        /// Every instant of a range at which anything can change, and its first.
        func moments(in range: TimeRange) -> [Instant] {
            let edges = (shifts + shiftsOnHolidays + extra + away + holidays).flatMap { [$0.from, $0.to] }
            return [range.from] + edges.filter { range.contains($0) }
        }
    }

    init(_ clinic: RandomClinic, booked: [RandomClinic.Booked], mistake: PlantedMistake? = nil) {
        self.clinic = clinic
        self.booked = booked
        self.mistake = mistake
        for resource in clinic.resources { hours[resource.id] = opening(of: resource) }
    }

    // MARK: Answers

    /// Every free start of a range, by start and practitioner, as the index must tell them.
    func freeTimes(_ visitType: VisitType, in range: TimeRange) -> [FreeTime] {
        guard visitType.active else { return [] }
        let able = clinic.resources.filter { $0.kind == .practitioner && visitType.suits($0) }.sorted { $0.id < $1.id }
        var times: [FreeTime] = []
        var start = range.from
        while start < range.to {
            for practitioner in able
            where isAllowed(visitType, practitioner, start) && objections(visitType, practitioner, start).isEmpty {
                times.append(
                    FreeTime(
                        start: start, end: visitType.visit(at: start).to, practitioner: practitioner.id,
                        room: visitType.roomTag.map { supplier(.room, $0, visitType, practitioner, start)!.id },
                        device: visitType.deviceTag.map { supplier(.device, $0, visitType, practitioner, start)!.id },
                        location: practitioner.location))
            }
            start = start + .minutes(5)
        }
        return times
    }

    /// Everything against a start, in the order of `Refusal`. The visit type and the practitioner are known to be right.
    func objections(_ visitType: VisitType, _ practitioner: Resource, _ start: Instant) -> [Refusal] {
        let visit = visitType.visit(at: start)
        var found: Set<Refusal> = policyObjections(visitType, practitioner, start)
        found.formUnion(closures(practitioner, during: mistake == .bufferMustBeOpen ? visitType.occupied(at: start) : visit))
        if isDayFull(practitioner, start) { found.insert(.dayIsFull) }
        if !hasFreeLane(practitioner, visitType, start) { found.insert(.practitionerTaken) }
        if let tag = visitType.roomTag, supplier(.room, tag, visitType, practitioner, start) == nil { found.insert(.roomTaken) }
        if let tag = visitType.deviceTag, supplier(.device, tag, visitType, practitioner, start) == nil {
            found.insert(.deviceTaken)
        }
        return Refusal.allCases.filter(found.contains)
    }

    // MARK: Rules

    /// The cheap rules first, so that ten thousand clinics do not take an hour.
    private func isAllowed(_ visitType: VisitType, _ practitioner: Resource, _ start: Instant) -> Bool {
        policyObjections(visitType, practitioner, start).isEmpty
    }

    private func policyObjections(_ visitType: VisitType, _ practitioner: Resource, _ start: Instant) -> Set<Refusal> {
        let policy = visitType.policy
        let zone = zone(of: practitioner)
        var found: Set<Refusal> = []
        let wall = mistake == .gridCountsInUTC ? start.microseconds : wallMicroseconds(start, zone)
        if wall % 300_000_000 != 0 || wall / 60_000_000 % Int64(policy.startGridMinutes) != 0 { found.insert(.startOffGrid) }
        if start < clinic.now { found.insert(.startIsInThePast) }
        let soonest = clinic.now + .minutes(policy.earliestNoticeMinutes)
        if mistake == .noticeIsExclusive ? start <= soonest : start < soonest { found.insert(.noticeTooShort) }
        let ahead = dayNumber(start, zone) - dayNumber(clinic.now, zone)
        let isTooFar =
            mistake == .horizonCountsHours
            ? start - clinic.now > .days(policy.latestHorizonDays) : ahead > policy.latestHorizonDays
        if isTooFar { found.insert(.beyondHorizon) }
        return found
    }

    private func closures(_ resource: Resource, during range: TimeRange) -> Set<Refusal> {
        let opening = hours[resource.id]!
        var found: Set<Refusal> = []
        for moment in opening.moments(in: range) {
            if opening.isAway(moment) { found.insert(.practitionerAway) }
            if opening.isInWeek(moment) || opening.isExtra(moment) { continue }
            found.insert(opening.isHoliday(moment) ? .holiday : .outsideWorkingHours)
        }
        return found
    }

    private func isOpen(_ resource: Resource, during range: TimeRange) -> Bool {
        let opening = hours[resource.id]!
        return opening.moments(in: range).allSatisfy(opening.isOpen)
    }

    private func isDayFull(_ practitioner: Resource, _ start: Instant) -> Bool {
        guard let maximum = practitioner.maximumPerDay else { return false }
        let zone = zone(of: practitioner)
        let today = booked.count { $0.practitioner == practitioner.id && dayNumber($0.start, zone) == dayNumber(start, zone) }
        return today >= maximum + (mistake == .oneMoreADay ? 1 : 0)
    }

    private func supplier(
        _ kind: Resource.Kind, _ tag: String, _ visitType: VisitType, _ practitioner: Resource, _ start: Instant
    ) -> Resource? {
        clinic.resources.sorted { $0.id < $1.id }.first { resource in
            resource.kind == kind && resource.active && resource.tags.contains(tag) && resource.location == practitioner.location
                && (mistake == .roomsAreAlwaysOpen || isOpen(resource, during: visitType.visit(at: start)))
                && hasFreeLane(resource, visitType, start)
        }
    }

    private func hasFreeLane(_ resource: Resource, _ visitType: VisitType, _ start: Instant) -> Bool {
        let occupied = visitType.occupied(at: start)
        let claims = booked.flatMap(\.claims).filter { claim in
            guard claim.holder == resource.id else { return false }
            if mistake == .neighboursOverlap { return claim.range.from <= occupied.to && occupied.from <= claim.range.to }
            return claim.range.from < occupied.to && occupied.from < claim.range.to
        }
        let lanes = mistake == .everyLaneIsOffered ? resource.lanes : resource.lanesOffered
        return (0..<lanes).contains { lane in !claims.contains { $0.lane == lane } }
    }

    // MARK: Opening

    private func opening(of resource: Resource) -> Opening {
        var opening = Opening()
        let holidays = clinic.holidays.filter { $0.location == resource.location }.map(\.day)
        let rules = clinic.hours.filter { $0.resource == resource.id }
        for rule in rules { addShifts(of: rule, holidays, to: &opening) }
        opening.isAlwaysOpen = rules.isEmpty && resource.kind != .practitioner
        if opening.isAlwaysOpen {
            opening.holidays = holidays.map { clock(zone(of: resource), $0, 0, $0, 1440) }
        }
        for exception in clinic.exceptions where exception.resource == resource.id {
            if exception.kind == .extra { opening.extra.append(exception.range) } else { opening.away.append(exception.range) }
        }
        return opening
    }

    private func addShifts(of rule: WorkingHours, _ holidays: [CalendarDay], to opening: inout Opening) {
        for number in -3...12 {
            let day = CalendarDay(number: dayNumber(clinic.now, TimeZone(identifier: "UTC")!) + number)
            guard day.weekday == rule.weekday, day >= rule.effectiveFrom, rule.effectiveUntil.map({ day <= $0 }) ?? true else {
                continue
            }
            let isNight = rule.toMinute <= rule.fromMinute
            let end = isNight && mistake == .nightShiftEndsAtMidnight ? 1440 : rule.toMinute
            let shift = clock(TimeZone(identifier: rule.zone)!, day, rule.fromMinute, day + (isNight && end != 1440 ? 1 : 0), end)
            let runsInto = mistake == .holidayClosesWhatRunsIntoIt && isNight && holidays.contains(day + 1)
            if holidays.contains(day) || runsInto { opening.shiftsOnHolidays.append(shift) } else { opening.shifts.append(shift) }
        }
    }

    // MARK: Wall clock

    private func zone(of resource: Resource) -> TimeZone {
        TimeZone(identifier: clinic.locations.first { $0.id == resource.location }!.zone)!
    }

    private func clock(_ zone: TimeZone, _ from: CalendarDay, _ fromMinute: Int, _ to: CalendarDay, _ toMinute: Int) -> TimeRange
    {
        let from = firstInstant(zone, from, fromMinute)
        return TimeRange(from: from, to: max(from, firstInstant(zone, to, toMinute)))
    }

    /// The first instant at which the wall clock shows this time or a later one.
    private func firstInstant(_ zone: TimeZone, _ day: CalendarDay, _ minute: Int) -> Instant {
        let wall = Instant(secondsSince1970: Int64(day.number) * 86_400 + Int64(minute) * 60)
        var instant = wall - .seconds(zone.secondsFromGMT(for: wall.date)) - .hours(3)
        while wallMicroseconds(instant, zone) < wall.microseconds { instant = instant + .minutes(15) }
        // Fifteen minutes at a time is quick; the last fifteen are walked in fives.
        instant = instant - .minutes(15)
        while wallMicroseconds(instant, zone) < wall.microseconds { instant = instant + .minutes(5) }
        guard mistake == .secondOccurrence else { return instant }
        let again = instant + .hours(1)
        return wallMicroseconds(again, zone) == wall.microseconds ? again : instant
    }

    private func dayNumber(_ instant: Instant, _ zone: TimeZone) -> Int {
        Int(wallMicroseconds(instant, zone).flooredDivision(by: 86_400_000_000))
    }

    private func wallMicroseconds(_ instant: Instant, _ zone: TimeZone) -> Int64 {
        instant.microseconds + Int64(zone.secondsFromGMT(for: instant.date)) * 1_000_000
    }
}

extension Instant {
    fileprivate var date: Date { Date(timeIntervalSince1970: Double(secondsSince1970)) }
}
