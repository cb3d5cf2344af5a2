import Notation

/// A visit in ticks.
struct Fit {
    let before: Int
    let length: Int
    let after: Int

    init(_ visitType: VisitType) {
        before = (visitType.bufferBeforeMinutes + 4) / 5
        length = (visitType.durationMinutes + 4) / 5
        after = (visitType.bufferAfterMinutes + 4) / 5
    }

    /// The patient's time.
    func visit(at tick: Int) -> Range<Int> { tick..<tick + length }
    /// The time of practitioner, room and device.
    func occupied(at tick: Int) -> Range<Int> { tick - before..<tick + length + after }
}

/// One search: over stretches of days in chronological order, all calendars side by side, until enough is found.
///
/// The first stretch is about a day, because most searches end there; each later one is twice as long, because when a day
/// has nothing the next one seldom has. In a stretch the practitioners come first. Rooms and devices are looked at once a
/// location, only where a practitioner could start, and only until all those starts have one.
struct FreeTimeSearch {
    private let index: AvailabilityIndex
    private let fit: Fit
    private let starts: Range<Int>
    private let cursor: FreeTimeCursor?
    private let candidates: [Roster.Candidate]
    /// For each location of the roster; nil where no candidate works.
    private var sites: [Site?]
    private let widest: Int
    private let bits: StartBits

    init(
        _ index: AvailabilityIndex, _ roster: Roster, _ chosen: [Roster.Candidate], starts: Range<Int>, now: Instant,
        cursor: FreeTimeCursor?
    ) {
        self.index = index
        self.fit = Fit(roster.visitType)
        self.starts = starts
        self.cursor = cursor
        candidates = chosen
        // One row of words for each calendar: the rows of a stretch together stay in the processor's cache.
        let widest = min(max(16_384 / chosen.count, 16), starts.count / 64 + 2)
        self.widest = widest
        bits = StartBits(fit: fit, widest: widest, wordCount: index.window.wordCount)
        sites = Array(repeating: nil, count: roster.locations.count)
        for candidate in chosen where sites[candidate.site] == nil {
            sites[candidate.site] = Site(candidate.site, roster, index, starts: starts, now: now, widest: widest)
        }
    }

    func run(limit: Int) -> [FreeTime] {
        guard !starts.isEmpty else { return [] }
        let rows = WordRows(count: candidates.count, width: widest)
        var found: [FreeTime] = []
        var next = starts.lowerBound >> 6
        let end = (starts.upperBound - 1) >> 6 + 1
        var width = candidates.count == 1 ? widest : 5
        while next < end, found.count < limit {
            let words = next..<min(next + min(width, widest), end)
            search(words, rows, &found, limit)
            next = words.upperBound
            width *= 2
        }
        return found
    }

    private func search(_ words: Range<Int>, _ rows: WordRows, _ found: inout [FreeTime], _ limit: Int) {
        for site in sites.indices { sites[site]?.begin(words) }
        var live: [Roster.Candidate] = []
        for candidate in candidates {
            if couldStart(candidate, words, rows[live.count]) { live.append(candidate) }
        }
        guard !live.isEmpty else { return }
        for site in sites.indices { sites[site]?.supply(words, from: index, bits) }
        for row in live.indices { sites[live[row].site]?.keepSupplied(rows[row], count: words.count) }
        collect(words, live, rows, &found, limit)
    }

    /// Fills `row` with the starts a practitioner has, and tells the location that a room would be wanted there.
    private func couldStart(_ candidate: Roster.Candidate, _ words: Range<Int>, _ row: Words) -> Bool {
        guard let site = sites[candidate.site],
            bits.find(index.tracks, candidate.place, words, within: site.startable, into: row),
            site.dropFullDays(of: candidate.place, in: index.tracks, words, row)
        else { return false }
        site.want(row, count: words.count)
        return true
    }

    /// Reads the rows tick by tick and, within a tick, practitioner by practitioner.
    private func collect(
        _ words: Range<Int>, _ live: [Roster.Candidate], _ rows: WordRows, _ found: inout [FreeTime], _ limit: Int
    ) {
        for word in 0..<words.count {
            var any: UInt64 = 0
            for row in live.indices { any |= rows[row][word] }
            while any != 0 {
                let bit = any & (0 &- any)
                any ^= bit
                let tick = (words.lowerBound + word) * 64 + bit.trailingZeroBitCount
                for row in live.indices where rows[row][word] & bit != 0 {
                    guard let time = time(at: tick, live[row]) else { continue }
                    found.append(time)
                    if found.count == limit { return }
                }
            }
        }
    }

    private func time(at tick: Int, _ candidate: Roster.Candidate) -> FreeTime? {
        let start = Tick.instant(index.window.ticks.lowerBound + tick)
        let practitioner = index.tracks[candidate.place].resource.id
        if let cursor, start == cursor.start, practitioner <= cursor.practitioner { return nil }
        guard let site = sites[candidate.site] else { return nil }
        return FreeTime(
            start: start, end: start + .minutes(fit.length * 5), practitioner: practitioner,
            room: site.rooms.flatMap { firstFree(among: $0, at: tick) },
            device: site.devices.flatMap { firstFree(among: $0, at: tick) }, location: site.location)
    }

    /// The one booking would take: the first by identifier.
    private func firstFree(among places: [Int], at tick: Int) -> ID<Resource>? {
        let place = places.first { place in
            index.tracks[place].open.areAllSet(fit.visit(at: tick))
                && index.tracks[place].busy.contains { $0.areAllClear(fit.occupied(at: tick)) }
        }
        return place.map { index.tracks[$0].resource.id }
    }
}
