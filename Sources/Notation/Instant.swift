/// A point on the UTC time line, in whole microseconds since 1970-01-01T00:00:00Z.
///
/// Both databases keep microseconds, so an instant survives every round trip unchanged. Wall-clock rules
/// (working hours, holidays) are not instants: they carry an IANA zone and become instants in `Scheduling`.
public struct Instant: Hashable, Comparable, Sendable {
    public var microseconds: Int64

    @inlinable public init(microseconds: Int64) { self.microseconds = microseconds }
    @inlinable public init(secondsSince1970 seconds: Int64) { self.microseconds = seconds * 1_000_000 }

    @inlinable public static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }
    @inlinable public static func + (instant: Instant, span: Span) -> Instant {
        Instant(microseconds: instant.microseconds + span.microseconds)
    }
    @inlinable public static func - (instant: Instant, span: Span) -> Instant {
        Instant(microseconds: instant.microseconds - span.microseconds)
    }
    @inlinable public static func - (left: Instant, right: Instant) -> Span {
        Span(microseconds: left.microseconds - right.microseconds)
    }

    /// Whole seconds since 1970, rounded down also before 1970.
    @inlinable public var secondsSince1970: Int64 { microseconds.flooredDivision(by: 1_000_000) }
}

/// A length of time in whole microseconds. Swift's `Duration` has attoseconds and 128 bits; a clinic does not need them.
public struct Span: Hashable, Comparable, Sendable {
    public var microseconds: Int64

    @inlinable public init(microseconds: Int64) { self.microseconds = microseconds }
    @inlinable public static func milliseconds(_ count: Int) -> Span { Span(microseconds: Int64(count) * 1_000) }
    @inlinable public static func seconds(_ count: Int) -> Span { Span(microseconds: Int64(count) * 1_000_000) }
    @inlinable public static func minutes(_ count: Int) -> Span { .seconds(count * 60) }
    @inlinable public static func hours(_ count: Int) -> Span { .minutes(count * 60) }
    @inlinable public static func days(_ count: Int) -> Span { .hours(count * 24) }
    public static let zero = Span(microseconds: 0)

    @inlinable public static func < (left: Span, right: Span) -> Bool { left.microseconds < right.microseconds }
    @inlinable public static func + (left: Span, right: Span) -> Span {
        Span(microseconds: left.microseconds + right.microseconds)
    }
    @inlinable public static func - (left: Span, right: Span) -> Span {
        Span(microseconds: left.microseconds - right.microseconds)
    }
    @inlinable public static func * (span: Span, factor: Int) -> Span {
        Span(microseconds: span.microseconds * Int64(factor))
    }
    @inlinable public var seconds: Double { Double(microseconds) / 1_000_000 }
    @inlinable public var duration: Duration { .microseconds(microseconds) }
}

extension Int64 {
    /// Division that rounds towards minus infinity, so days before 1970 count correctly.
    @inlinable public func flooredDivision(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return (self % divisor != 0 && (self < 0) != (divisor < 0)) ? quotient - 1 : quotient
    }
}

/// A day of the Gregorian calendar, without a zone.
public struct CalendarDay: Hashable, Comparable, Sendable {
    /// Days since 1970-01-01.
    public var number: Int

    @inlinable public init(number: Int) { self.number = number }

    /// Nil when no such day exists (2025-02-29).
    public init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1,
            day <= CalendarDay.lengthOfMonth(year: year, month: month)
        else { return nil }
        // Days from civil, after Howard Hinnant's public-domain description: years start in March, eras of 400 years.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        self.number = era * 146_097 + dayOfEra - 719_468
    }

    @inlinable public static func < (left: CalendarDay, right: CalendarDay) -> Bool { left.number < right.number }
    @inlinable public static func + (day: CalendarDay, days: Int) -> CalendarDay { CalendarDay(number: day.number + days) }

    public var parts: (year: Int, month: Int, day: Int) {
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthShifted = (5 * dayOfYear + 2) / 153
        let month = monthShifted < 10 ? monthShifted + 3 : monthShifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthShifted + 2) / 5 + 1)
    }

    /// 1 is Monday, 7 is Sunday (ISO 8601).
    public var weekday: Int { Int((Int64(number) + 3).flooredRemainder(by: 7)) + 1 }

    public static func lengthOfMonth(year: Int, month: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Int64 {
    @inlinable public func flooredRemainder(by divisor: Int64) -> Int64 { self - flooredDivision(by: divisor) * divisor }
}
