import Notation

/// A rule with everything its start fills in: which days of a period count, and which times of a day.
struct FilledRule {
    private let rule: RecurrenceRule
    private let start: WallTime
    private let months: [Int]
    private let monthDays: [Int]
    private let weekdays: [RecurrenceRule.Weekday]
    private let hours: [Int]
    private let minutes: [Int]
    private let seconds: [Int]

    init(_ rule: RecurrenceRule, start: WallTime) {
        self.rule = rule
        self.start = start
        let parts = start.day.parts
        let namesDays = !(rule.weekNumbers.isEmpty && rule.yearDays.isEmpty && rule.monthDays.isEmpty && rule.weekdays.isEmpty)
        let namesWeeksOnly =
            !rule.weekNumbers.isEmpty && rule.yearDays.isEmpty && rule.monthDays.isEmpty && rule.weekdays.isEmpty
        switch rule.frequency {
        case .yearly where !namesDays:
            (months, monthDays, weekdays) = (rule.months.isEmpty ? [parts.month] : rule.months, [parts.day], [])
        case .monthly where !namesDays: (months, monthDays, weekdays) = (rule.months, [parts.day], [])
        case .weekly where !namesDays, .yearly where namesWeeksOnly:
            (months, monthDays, weekdays) = (rule.months, [], [.init(start.day.weekday)])
        default: (months, monthDays, weekdays) = (rule.months, rule.monthDays, rule.weekdays)
        }
        let length = rule.frequency.seconds
        hours = rule.hours.isEmpty && length == nil ? [start.second / 3600] : rule.hours
        minutes = rule.minutes.isEmpty && (length ?? 3600) == 3600 ? [start.second / 60 % 60] : rule.minutes
        // No clock of ours shows a leap second.
        seconds = rule.seconds.isEmpty && length != 1 ? [start.second % 60] : rule.seconds.filter { $0 < 60 }
    }

    /// The times of a stretch of days, ascending.
    func times(in days: Range<CalendarDay>) -> [WallTime] {
        var times: [WallTime] = []
        if let length = rule.frequency.seconds {
            if counts(days.lowerBound) { shortPeriods(of: days.lowerBound, length: length, into: &times) }
            return times
        }
        var day = days.lowerBound
        while day < days.upperBound {
            if counts(day) { append(day, hours, minutes, seconds, to: &times) }
            day = day + 1
        }
        return chosen(times)
    }

    /// A day's hours, minutes or seconds that the interval names, counted from the start.
    private func shortPeriods(of day: CalendarDay, length: Int, into times: inout [WallTime]) {
        let origin = (start.day.number * 86_400 + start.second) / length
        let first = day.number * 86_400 / length
        let step = rule.interval
        let behind = ((first - origin) % step + step) % step
        var period = first + (behind == 0 ? 0 : step - behind)
        while period < first + 86_400 / length {
            let second = (period - first) * length
            period += step
            let (hour, minute) = (second / 3600, second / 60 % 60)
            guard hours.isEmpty || hours.contains(hour), length == 3600 || minutes.isEmpty || minutes.contains(minute),
                length > 1 || seconds.isEmpty || seconds.contains(second % 60)
            else { continue }
            var found: [WallTime] = []
            append(
                day, [hour], length == 3600 ? minutes : [minute], length == 1 ? [second % 60] : seconds, to: &found)
            times += chosen(found)
        }
    }

    private func append(_ day: CalendarDay, _ hours: [Int], _ minutes: [Int], _ seconds: [Int], to times: inout [WallTime]) {
        for hour in hours {
            for minute in minutes {
                for second in seconds { times.append(WallTime(day: day, second: hour * 3600 + minute * 60 + second)) }
            }
        }
    }

    /// BYSETPOS: of a period's times those at the named places.
    private func chosen(_ times: [WallTime]) -> [WallTime] {
        if rule.positions.isEmpty { return times }
        let places = Set(rule.positions.map { $0 > 0 ? $0 - 1 : times.count + $0 })
        return times.indices.filter(places.contains).map { times[$0] }
    }

    private func counts(_ day: CalendarDay) -> Bool {
        let parts = day.parts
        guard months.isEmpty || months.contains(parts.month) else { return false }
        if !monthDays.isEmpty {
            let length = CalendarDay.lengthOfMonth(year: parts.year, month: parts.month)
            guard monthDays.contains(where: { $0 == parts.day || $0 == parts.day - length - 1 }) else { return false }
        }
        let (dayOfYear, yearLength) = place(day, inYear: parts.year)
        if !rule.yearDays.isEmpty {
            guard rule.yearDays.contains(where: { $0 == dayOfYear || $0 == dayOfYear - yearLength - 1 }) else { return false }
        }
        guard rule.weekNumbers.isEmpty || isInNamedWeek(day, year: parts.year) else { return false }
        return weekdays.isEmpty || weekdays.contains { names($0, day, parts, dayOfYear, yearLength) }
    }

    private func names(
        _ weekday: RecurrenceRule.Weekday, _ day: CalendarDay, _ parts: (year: Int, month: Int, day: Int), _ dayOfYear: Int,
        _ yearLength: Int
    ) -> Bool {
        guard weekday.day == day.weekday else { return false }
        guard let number = weekday.number else { return true }
        // The second Monday is the Monday among the days 8 to 14, of a month or of the year.
        let ofYear = rule.frequency == .yearly && months.isEmpty
        let place = ofYear ? dayOfYear : parts.day
        let length = ofYear ? yearLength : CalendarDay.lengthOfMonth(year: parts.year, month: parts.month)
        return number > 0 ? (place - 1) / 7 + 1 == number : (length - place) / 7 + 1 == -number
    }

    /// Whether the day's week is one of those named, in the year that the week belongs to: the first days of January may
    /// stand in the last week of the year before.
    private func isInNamedWeek(_ day: CalendarDay, year: Int) -> Bool {
        var weekYear = year
        if day < firstWeek(of: year) { weekYear -= 1 } else if day >= firstWeek(of: year + 1) { weekYear += 1 }
        let first = firstWeek(of: weekYear)
        let number = (day.number - first.number) / 7 + 1
        let count = (firstWeek(of: weekYear + 1).number - first.number) / 7
        return rule.weekNumbers.contains { $0 == number || $0 == number - count - 1 }
    }

    /// The first day of week 1: the week that 4 January lies in, wherever weeks begin.
    private func firstWeek(of year: Int) -> CalendarDay {
        let fourth = firstOfJanuary(year) + 3
        return fourth + -weekdayOffset(fourth, from: rule.weekStart)
    }

    private func place(_ day: CalendarDay, inYear year: Int) -> (dayOfYear: Int, yearLength: Int) {
        let first = firstOfJanuary(year)
        return (day.number - first.number + 1, firstOfJanuary(year + 1).number - first.number)
    }

    private func firstOfJanuary(_ year: Int) -> CalendarDay {
        CalendarDay(year: year, month: 1, day: 1) ?? CalendarDay(year: 9999, month: 12, day: 31)! + 1
    }
}
