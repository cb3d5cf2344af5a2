public import Notation

/// How often something comes again: RFC 5545's RRULE, all of it (§3.3.10). `RecurrenceRule("FREQ=WEEKLY;BYDAY=MO,WE")`.
///
/// A rule knows no zone: it is about what calendars and clocks show, and so it keeps its hour across daylight saving.
public struct RecurrenceRule: Sendable, Hashable {
    public enum Frequency: String, Sendable, CaseIterable {
        case yearly = "YEARLY", monthly = "MONTHLY", weekly = "WEEKLY", daily = "DAILY"
        case hourly = "HOURLY", minutely = "MINUTELY", secondly = "SECONDLY"

        /// The length of a period that is shorter than a day.
        var seconds: Int? {
            switch self {
            case .yearly, .monthly, .weekly, .daily: nil
            case .hourly: 3600
            case .minutely: 60
            case .secondly: 1
            }
        }
    }

    public enum End: Sendable, Hashable {
        case never
        /// After so many.
        case count(Int)
        /// With the last that is not later, by the wall; a day means its last second.
        case until(WallTime)
        /// With the last that is not later.
        case untilInstant(Instant)
    }

    /// `MO`, or with a number `2MO` and `-1FR`: the second Monday, the last Friday.
    public struct Weekday: Sendable, Hashable {
        /// -53 ... 53, never 0; nil for every one.
        public var number: Int?
        /// 1 is Monday, 7 is Sunday.
        public var day: Int

        public init(_ day: Int, number: Int? = nil) {
            self.day = day
            self.number = number
        }
    }

    public var frequency: Frequency
    /// At least 1.
    public var interval = 1
    public var end = End.never
    public var seconds: [Int] = []
    public var minutes: [Int] = []
    public var hours: [Int] = []
    public var weekdays: [Weekday] = []
    /// 1 ... 31, or from the end -1 ... -31.
    public var monthDays: [Int] = []
    /// 1 ... 366, or from the end.
    public var yearDays: [Int] = []
    /// 1 ... 53, or from the end; week 1 is the first with four days in the year.
    public var weekNumbers: [Int] = []
    public var months: [Int] = []
    /// Which of a period's occurrences count: 1 is the first, -1 the last.
    public var positions: [Int] = []
    /// 1 is Monday.
    public var weekStart = 1

    public init(_ frequency: Frequency) { self.frequency = frequency }
}

/// Why a text is no rule.
public struct RecurrenceFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// `BYDAY`, or nil when the rule as a whole is wrong.
    public let part: String?
    public let reason: String

    public var description: String { part.map { "\($0) \(reason)" } ?? "the rule \(reason)" }
}
