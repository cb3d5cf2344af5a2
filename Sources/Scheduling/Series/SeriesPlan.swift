public import Notation

/// Visits that come again: a rule, where it begins, and what is different on single days. It keeps its hour by the wall clock of where
/// the visits take place, also over daylight saving.
public struct SeriesPlan: Sendable, Equatable {
    /// So many visits at most, the last no later than this after the first.
    public static let visitsAtMost = 53
    public static let reach: Span = .days(366)

    public var rule: RecurrenceRule
    /// What fills in whatever the rule leaves open: its weekday, its hour.
    public var start: Instant
    /// Days on which the rule does not count (RFC 5545 EXDATE).
    public var exceptions: Set<CalendarDay>
    /// Days on which the visit begins at another time than the rule says.
    public var replacements: [CalendarDay: Instant]

    public init(
        rule: RecurrenceRule, start: Instant, exceptions: Set<CalendarDay> = [], replacements: [CalendarDay: Instant] = [:]
    ) {
        self.rule = rule
        self.start = start
        self.exceptions = exceptions
        self.replacements = replacements
    }

    /// When the visits begin, in the order of the rule. Throws `seriesEmpty` or `seriesTooLong`.
    public func starts(in zone: Zone) throws(Refusal) -> [Instant] {
        let end = start + Self.reach
        var starts: [Instant] = []
        // Beyond the reach once, so that what is too long is told from what ends there.
        for instant in rule.instants(from: zone.wallTime(at: start), in: zone, through: end + Self.reach) {
            let day = zone.day(at: instant)
            if exceptions.contains(day) { continue }
            if instant > end || starts.count == Self.visitsAtMost { throw .seriesTooLong }
            starts.append(replacements[day] ?? instant)
        }
        if starts.isEmpty { throw .seriesEmpty }
        return starts
    }
}

/// Which visits of a series are changed.
public enum SeriesScope: String, Sendable, CaseIterable { case this, following, all }

/// How far something moves by the wall clock: what was at nine stays on a full hour whatever daylight saving does between.
public struct WallShift: Sendable, Equatable {
    /// Seconds of wall time; negative is earlier.
    public let seconds: Int

    public init(from: Instant, to: Instant, in zone: Zone) {
        let (before, after) = (zone.wallTime(at: from), zone.wallTime(at: to))
        seconds = (after.day.number - before.day.number) * 86_400 + after.second - before.second
    }

    public func moving(_ instant: Instant, in zone: Zone) -> Instant {
        let shown = zone.wallTime(at: instant)
        let second = shown.day.number * 86_400 + shown.second + seconds
        let day = Int(Int64(second).flooredDivision(by: 86_400))
        return zone.instant(of: WallTime(day: CalendarDay(number: day), second: second - day * 86_400))
    }
}
