import Notation

/// What the practitioners of one location share in a search: the wall clock, and the rooms and devices. An object, because
/// all its practitioners write to it in turn.
final class Site {
    let location: ID<Location>
    /// Nil when the visit needs none.
    let rooms: [Int]?
    let devices: [Int]?
    /// Where a visit may start in the stretch at hand: on the grid, and inside notice and horizon.
    let startable: Words
    private let clock: Zone
    private let gridMinutes: Int
    private let windowStart: Int
    private let starts: Range<Int>
    /// Where a practitioner could start, and after `supply` where rooms and devices are free too.
    private let wanted: Words
    private let supplied: Words
    private let found: Words
    private let memory: WordRows
    /// Local days of the stretch, made when somebody has a maximum for a day.
    private var days: [Day]?

    private struct Day {
        var range: TimeRange
        var ticks: Range<Int>
    }

    init(_ site: Int, _ roster: Roster, _ index: AvailabilityIndex, starts: Range<Int>, now: Instant, widest: Int) {
        let policy = roster.visitType.policy
        location = roster.locations[site]
        rooms = roster.visitType.roomTag == nil ? nil : roster.rooms[site]
        devices = roster.visitType.deviceTag == nil ? nil : roster.devices[site]
        clock = index.directory.wallClock(at: location)
        gridMinutes = policy.startGridMinutes
        windowStart = index.window.ticks.lowerBound
        let horizon = Tick.up(policy.horizonEnd(from: now, clock)) - windowStart
        self.starts = starts.clamped(to: starts.lowerBound..<max(starts.lowerBound, horizon))
        memory = WordRows(count: 4, width: widest)
        startable = memory[0]
        wanted = memory[1]
        supplied = memory[2]
        found = memory[3]
    }

    /// Turns to another stretch of words.
    func begin(_ words: Range<Int>) {
        days = nil
        startable.update(repeating: 0, count: words.count)
        wanted.update(repeating: 0, count: words.count)
        let ticks = starts.clamped(to: words.lowerBound * 64..<words.upperBound * 64)
        for piece in clock.constantOffsets(in: range(of: ticks)) {
            // The grid counts from midnight of the wall clock, which is the same count within a stretch of one offset.
            let localTick = (piece.offsetSeconds / 300 + windowStart + words.lowerBound * 64) % 288
            let from = Tick.up(piece.range.from) - windowStart - words.lowerBound * 64
            let to = Tick.up(piece.range.to) - windowStart - words.lowerBound * 64
            setGrid(startable, count: words.count, ticks: from..<to, step: max(1, gridMinutes / 5), phase: -localTick)
        }
    }

    /// Takes the starts away that lie on days on which a practitioner has enough. False when none are left.
    func dropFullDays(of place: Int, in tracks: [Track], _ words: Range<Int>, _ row: Words) -> Bool {
        guard let maximum = tracks[place].resource.maximumPerDay else { return true }
        let days = self.days ?? localDays(words)
        self.days = days
        for day in days where tracks[place].starts.count(in: day.range) >= maximum {
            for word in words { row[word - words.lowerBound] &= ~mask(day.ticks, inWord: word) }
        }
        return (0..<words.count).contains { row[$0] != 0 }
    }

    func want(_ row: Words, count: Int) {
        for word in 0..<count { wanted[word] |= row[word] }
    }

    /// Leaves in `wanted` what a room and a device are free for.
    func supply(_ words: Range<Int>, from index: AvailabilityIndex, _ bits: StartBits) {
        for places in [rooms, devices] {
            guard let places, (0..<words.count).contains(where: { wanted[$0] != 0 }) else { continue }
            supplied.update(repeating: 0, count: words.count)
            for place in places where bits.find(index.tracks, place, words, within: wanted, into: found) {
                var missing: UInt64 = 0
                for word in 0..<words.count {
                    supplied[word] |= found[word]
                    wanted[word] &= ~found[word]
                    missing |= wanted[word]
                }
                if missing == 0 { break }
            }
            wanted.update(from: supplied, count: words.count)
        }
    }

    func keepSupplied(_ row: Words, count: Int) {
        for word in 0..<count { row[word] &= wanted[word] }
    }

    private func localDays(_ words: Range<Int>) -> [Day] {
        let stretch = range(of: words.lowerBound * 64..<words.upperBound * 64)
        let first = clock.day(at: stretch.from)
        return (first.number...clock.day(at: stretch.to).number).map { number in
            let range = clock.dayRange(CalendarDay(number: number))
            let ticks = Tick.starting(in: range)
            return Day(range: range, ticks: ticks.lowerBound - windowStart..<ticks.upperBound - windowStart)
        }
    }

    private func range(of ticks: Range<Int>) -> TimeRange {
        TimeRange(from: Tick.instant(ticks.lowerBound + windowStart), to: Tick.instant(ticks.upperBound + windowStart))
    }
}
