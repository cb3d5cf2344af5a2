public import Notation
import Synchronization

/// The wall clock of one IANA zone, as a table of the moments its offset changes.
///
/// A wall time that does not exist (clocks go forward) means the first instant after the gap; one that exists twice
/// (clocks go back) means its first occurrence. `WorkingHours` says why.
public final class Zone: Sendable {
    public let identifier: String
    private let stretches: [OffsetStretch]
    /// The wall-clock second at which each stretch ends, counted like seconds since 1970.
    private let wallEnds: [Int64]

    /// Nil when IANA knows no such zone. Read once a process, so a lookup costs a hash.
    public static func named(_ identifier: String) -> Zone? {
        known.withLock { known in
            if let zone = known[identifier] { return zone }
            guard let stretches = offsetStretches(ofZone: identifier) else { return nil }
            let zone = Zone(identifier, stretches)
            known[identifier] = zone
            return zone
        }
    }

    public static let utc = Zone("UTC", [OffsetStretch(from: 0, offsetSeconds: 0)])

    /// Only zones that exist are kept: strangers cannot fill the memory with names they made up.
    private static let known = Mutex<[String: Zone]>(["UTC": utc])

    private init(_ identifier: String, _ stretches: [OffsetStretch]) {
        self.identifier = identifier
        self.stretches = stretches
        self.wallEnds = stretches.indices.map { index in
            index + 1 < stretches.count ? stretches[index + 1].from + stretches[index].offsetSeconds : .max
        }
    }

    /// Seconds to add to UTC for the wall clock's reading.
    public func offset(at instant: Instant) -> Int { Int(stretch(at: instant.secondsSince1970).offsetSeconds) }

    /// When the wall clock shows `minute` minutes after midnight of `day`. 1440 is the next midnight, 1500 one o'clock
    /// after it.
    public func instant(of day: CalendarDay, minute: Int) -> Instant { instant(of: day, second: minute * 60) }

    func instant(of day: CalendarDay, second: Int) -> Instant {
        let wall = Int64(day.number) * 86_400 + Int64(second)
        let index = first(wallEnds.count) { wallEnds[$0] > wall }
        let utc = wall - stretches[index].offsetSeconds
        return Instant(secondsSince1970: index == 0 ? utc : max(utc, stretches[index].from))
    }

    /// The day the wall clock shows.
    public func day(at instant: Instant) -> CalendarDay {
        CalendarDay(number: Int(wallSeconds(at: instant).flooredDivision(by: 86_400)))
    }

    /// Whole minutes since midnight by the wall clock: 570 when it shows half past nine, also on a day whose night was
    /// an hour shorter.
    public func minuteOfDay(at instant: Instant) -> Int {
        Int(wallSeconds(at: instant).flooredRemainder(by: 86_400) / 60)
    }

    /// From the first instant of a day to the first of the next: 23, 24 or 25 hours; none for a day a zone skipped.
    public func dayRange(_ day: CalendarDay) -> TimeRange {
        TimeRange(from: instant(of: day, minute: 0), to: instant(of: day + 1, minute: 0))
    }

    /// The stretches of constant offset that touch a range, clipped to it, in order.
    func constantOffsets(in range: TimeRange) -> [(range: TimeRange, offsetSeconds: Int)] {
        var pieces: [(range: TimeRange, offsetSeconds: Int)] = []
        var index = position(at: range.from.secondsSince1970)
        var from = range.from
        while from < range.to {
            let isLast = index + 1 == stretches.count
            let to = isLast ? range.to : min(range.to, Instant(secondsSince1970: stretches[index + 1].from))
            pieces.append((TimeRange(from: from, to: to), Int(stretches[index].offsetSeconds)))
            from = to
            index += 1
        }
        return pieces
    }

    /// The offsets in force in a range, in order, each from when it applies (the first from the beginning of the range).
    public func offsets(in range: TimeRange) -> [(from: Instant, seconds: Int)] {
        constantOffsets(in: range).map { ($0.range.from, $0.offsetSeconds) }
    }

    private func wallSeconds(at instant: Instant) -> Int64 {
        let seconds = instant.secondsSince1970
        return seconds + stretch(at: seconds).offsetSeconds
    }

    private func stretch(at seconds: Int64) -> OffsetStretch { stretches[position(at: seconds)] }

    private func position(at seconds: Int64) -> Int {
        max(0, first(stretches.count) { stretches[$0].from > seconds } - 1)
    }
}

/// The first index in `0..<count` for which `holds` is true, `count` when there is none. It must stay true once it is.
@inline(__always) func first(_ count: Int, where holds: (Int) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
        let middle = (low + high) / 2
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
}
