public import Notation

/// A time that can be had, with the room and device that would go with it.
public struct FreeTime: Sendable, Hashable {
    public let start: Instant
    public let end: Instant
    public let practitioner: ID<Resource>
    public let room: ID<Resource>?
    public let device: ID<Resource>?
    public let location: ID<Location>

    public init(
        start: Instant, end: Instant, practitioner: ID<Resource>, room: ID<Resource>? = nil, device: ID<Resource>? = nil,
        location: ID<Location>
    ) {
        self.start = start
        self.end = end
        self.practitioner = practitioner
        self.room = room
        self.device = device
        self.location = location
    }
}

/// Where a page of free times ended: the next one continues behind it.
public struct FreeTimeCursor: Sendable, Hashable {
    public let start: Instant
    public let practitioner: ID<Resource>

    public init(start: Instant, practitioner: ID<Resource>) {
        self.start = start
        self.practitioner = practitioner
    }

    public init(after time: FreeTime) { self.init(start: time.start, practitioner: time.practitioner) }
}

// The questions the index answers. Every answer is what `Directory.place` would say for a patient who has no other
// appointment, for each start in the range, as far as the index has heard.
extension AvailabilityIndex {
    /// The free starts of one practitioner in `range`, after `cursor`, in order; at most `limit`.
    public func freeStarts(
        visitType: ID<VisitType>, practitioner: ID<Resource>, in range: TimeRange, now: Instant, after cursor: Instant? = nil,
        limit: Int
    ) -> [FreeTime] {
        firstFree(
            visitType: visitType, practitioners: [practitioner], in: range, now: now,
            after: cursor.map { FreeTimeCursor(start: $0, practitioner: practitioner) }, limit: limit)
    }

    /// The first free starts in `range`, by start and then by practitioner; at most `limit`.
    ///
    /// - Parameters:
    ///   - practitioners: only these; nil is everybody the visit type suits.
    ///   - location: only practitioners who work there.
    ///   - cursor: where the page before ended.
    public func firstFree(
        visitType: ID<VisitType>, practitioners: Set<ID<Resource>>? = nil, location: ID<Location>? = nil, in range: TimeRange,
        now: Instant, after cursor: FreeTimeCursor? = nil, limit: Int
    ) -> [FreeTime] {
        guard limit > 0, let roster = rosters[visitType], roster.visitType.active else { return [] }
        let chosen = chosen(from: roster, practitioners, location)
        guard !chosen.isEmpty else { return [] }
        let starts = starts(of: roster.visitType, in: range, now: now, after: cursor)
        let search = FreeTimeSearch(self, roster, chosen, starts: starts, now: now, cursor: cursor)
        return search.run(limit: limit)
    }

    /// The ticks, counted from the window's start, at which a visit may start: not too soon, and only where its whole time
    /// with buffers lies in the window. Of the others the index knows only a part.
    private func starts(of visitType: VisitType, in range: TimeRange, now: Instant, after cursor: FreeTimeCursor?) -> Range<Int> {
        let fit = Fit(visitType)
        let soonest = max(range.from, now, now + .minutes(visitType.policy.earliestNoticeMinutes), cursor?.start ?? range.from)
        let from = max(Tick.up(soonest) - window.ticks.lowerBound, fit.before)
        let to = min(Tick.up(range.to) - window.ticks.lowerBound, window.ticks.count - fit.length - fit.after + 1)
        return from..<max(from, to)
    }

    /// The practitioners a question is about, in the order of their places. One is found as quickly as five hundred.
    private func chosen(
        from roster: Roster, _ practitioners: Set<ID<Resource>>?, _ location: ID<Location>?
    ) -> [Roster.Candidate] {
        let asked = practitioners.map { asked in
            asked.compactMap { places[$0].flatMap(roster.candidate) }.sorted { $0.place < $1.place }
        }
        let candidates = asked ?? roster.practitioners
        guard let location else { return candidates }
        return candidates.filter { roster.locations[$0.site] == location }
    }
}
