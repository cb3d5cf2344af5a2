public import Notation

/// The times at which a rule makes something come again, in ascending order, one at a time.
///
/// The start counts when the rule names it, and is what fills in whatever the rule leaves open: without BYDAY a weekly rule
/// keeps the start's weekday, without BYHOUR any rule keeps its hour. RFC 5545 leaves open what a start means that the rule
/// does not name; here it is no occurrence.
public struct Occurrences: Sequence, IteratorProtocol {
    private let rule: FilledRule
    private let start: WallTime
    private let end: WallTime
    private var left: Int
    private var periods: RecurrencePeriods
    /// Of the period in hand, the last first.
    private var ready: [WallTime] = []

    /// - Parameter through: the last day to look at: a rule that names no day at all (30 February) ends there too.
    public init(of rule: RecurrenceRule, from start: WallTime, through lastDay: CalendarDay) {
        self.rule = FilledRule(rule, start: start)
        self.start = start
        let last = WallTime(day: lastDay, second: 86_399)
        switch rule.end {
        case .until(let until): (end, left) = (Swift.min(until, last), .max)
        case .count(let count): (end, left) = (last, count)
        case .never, .untilInstant: (end, left) = (last, .max)
        }
        periods = RecurrencePeriods(rule, from: start)
    }

    public mutating func next() -> WallTime? {
        guard left > 0 else { return nil }
        while true {
            while let time = ready.popLast() {
                guard time >= start else { continue }
                guard time <= end else { return nil }
                left -= 1
                return time
            }
            let period = periods.next()
            guard period.lowerBound <= end.day else { return nil }
            ready = rule.times(in: period).reversed()
        }
    }
}

extension RecurrenceRule {
    /// The instants at which it comes again by the clocks of a zone, from `start` through `last`, in ascending order.
    public func instants(from start: WallTime, in zone: Zone, through last: Instant) -> some Sequence<Instant> {
        let end = if case .untilInstant(let until) = end { min(until, last) } else { last }
        // A gap may move a time past midnight, so one day more is looked at.
        return Occurrences(of: self, from: start, through: zone.day(at: end) + 1).lazy
            .map { zone.instant(of: $0) }
            .prefix { $0 <= end }
    }
}

/// The stretches of days in which a rule looks for its times. One for each year, month, week or day that its interval names;
/// for rules of hours and less each day, because those say for themselves which hours count.
struct RecurrencePeriods {
    private let rule: RecurrenceRule
    private let start: WallTime
    private var number = 0

    init(_ rule: RecurrenceRule, from start: WallTime) {
        self.rule = rule
        self.start = start
    }

    mutating func next() -> Range<CalendarDay> {
        defer { number += 1 }
        let parts = start.day.parts
        switch rule.frequency {
        case .yearly:
            let year = parts.year + number * rule.interval
            return firstDay(year: year, month: 1)..<firstDay(year: year + 1, month: 1)
        case .monthly:
            let month = parts.year * 12 + parts.month - 1 + number * rule.interval
            return firstDay(
                year: month / 12, month: month % 12 + 1)..<firstDay(year: (month + 1) / 12, month: (month + 1) % 12 + 1)
        case .weekly:
            let first = start.day + (-weekdayOffset(start.day, from: rule.weekStart) + number * 7 * rule.interval)
            return first..<first + 7
        case .daily:
            let day = start.day + number * rule.interval
            return day..<day + 1
        case .hourly, .minutely, .secondly:
            let day = start.day + number
            return day..<day + 1
        }
    }

    /// The end of time as the calendar knows it is far behind every horizon.
    private func firstDay(year: Int, month: Int) -> CalendarDay {
        CalendarDay(year: year, month: month, day: 1) ?? CalendarDay(year: 9999, month: 12, day: 31)! + 1
    }
}

/// Days since the last `weekStart`, 0 ... 6.
func weekdayOffset(_ day: CalendarDay, from weekStart: Int) -> Int { (day.weekday - weekStart + 7) % 7 }
