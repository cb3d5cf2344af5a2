public import Notation

/// What a calendar and a clock on a wall show, without saying where: a day and a second of it (RFC 5545 §3.3.5, form 1).
public struct WallTime: Hashable, Comparable, Sendable {
    public var day: CalendarDay
    /// 0 ..< 86,400.
    public var second: Int

    public init(day: CalendarDay, second: Int) {
        self.day = day
        self.second = second
    }

    public static func < (left: WallTime, right: WallTime) -> Bool { (left.day, left.second) < (right.day, right.second) }
}

extension Zone {
    /// When a clock in this zone shows `time`. A time it never shows (clocks go forward) is read with the offset from before the
    /// gap, half past two as half past three; of a time it shows twice, the first (RFC 5545 §3.3.5). Working hours read a gap
    /// otherwise: see `instant(of:minute:)`.
    public func instant(of time: WallTime) -> Instant {
        let found = instant(of: time.day, second: time.second)
        let shown = Int64(time.day.number) * 86_400 + Int64(time.second)
        let behind = shown - (found.secondsSince1970 + Int64(offset(at: found)))
        guard behind < 0 else { return found }
        // The first instant after the gap: how far into it the asked time lies tells what the old offset makes of it.
        let before = offset(at: found - .seconds(1))
        return Instant(secondsSince1970: shown - Int64(before))
    }

    /// What a clock in this zone shows then.
    public func wallTime(at instant: Instant) -> WallTime {
        let shown = instant.secondsSince1970 + Int64(offset(at: instant))
        let day = shown.flooredDivision(by: 86_400)
        return WallTime(day: CalendarDay(number: Int(day)), second: Int(shown - day * 86_400))
    }
}
