public import Notation

/// When every practitioner, room and device is free, in memory: open hours and claims as one bit for each five minutes.
/// Finding a time is AND, shift and count; no row for a slot is ever stored.
///
/// It proposes, the write transaction decides: it may lag behind the database by a hint, and nobody is harmed but a patient
/// who is told "just taken". It is a value without a lock. Its owner guards it, or hands copies to readers: a copy is
/// cheap until it is written to, and then only the calendar written to is copied.
///
/// Patients are not in it: claims whose holder is no resource are ignored.
public struct AvailabilityIndex: Sendable {
    public internal(set) var directory: Directory
    var window: Window
    /// In the order of their identifiers, so places in this array are in the order answers are in.
    var tracks: [Track]
    var places: [ID<Resource>: Int]
    var rosters: [ID<VisitType>: Roster]

    /// From `from`'s UTC midnight, for so many days. Empty of claims: whoever makes it inserts those that overlap
    /// `covered`, and the appointments that start in it.
    public init(directory: Directory, from: Instant, days: Int) {
        self.directory = directory
        let window = Window(from: from, days: days)
        self.window = window
        tracks = directory.resources.values.sorted { $0.id < $1.id }.map { Track($0, in: directory, window) }
        places = [:]
        rosters = [:]
        indexTracks()
    }

    /// For a clinic at work: from two days ago, so the whole of today is in it in every zone, as far as a policy may reach.
    public init(directory: Directory, now: Instant) {
        self.init(directory: directory, from: Self.start(at: now), days: Self.daysAtWork)
    }

    /// What it knows about. Times outside are never offered.
    public var covered: TimeRange {
        TimeRange(from: Tick.instant(window.ticks.lowerBound), to: Tick.instant(window.ticks.upperBound))
    }

    /// Whether nobody has anything of this resource in a stretch of time, in any lane, to the five minutes. False for times
    /// and resources it knows nothing about.
    public func isUnclaimed(_ resource: ID<Resource>, in range: TimeRange) -> Bool {
        guard let place = places[resource], covered.from <= range.from, range.to <= covered.to else { return false }
        return tracks[place].claims.isFree(Tick.touched(by: range))
    }

    /// Two days back, 400 ahead, and room for a visit that ends on the last local day anywhere on earth.
    static let daysAtWork = 406

    static func start(at now: Instant) -> Instant { now - .days(2) }

    mutating func indexTracks() {
        places = Dictionary(tracks.enumerated().map { ($1.resource.id, $0) }) { first, _ in first }
        rosters = Dictionary(directory.visitTypes.values.map { ($0.id, Roster($0, directory, places)) }) { first, _ in first }
    }
}

// MARK: Hints

extension AvailabilityIndex {
    /// Notes what an appointment takes. A hint that comes twice changes nothing.
    public mutating func insert(_ claim: Claim) {
        guard let place = places[claim.holder] else { return }
        tracks[place].insert(ClaimLedger.Entry(claim), window)
    }

    /// Gives back what an appointment took. Only that: a neighbour in the same five minutes keeps them.
    public mutating func remove(_ claim: Claim) {
        guard let place = places[claim.holder] else { return }
        tracks[place].remove(ClaimLedger.Entry(claim), window)
    }

    /// Counts an appointment against `maximumPerDay`; once, however often it is said.
    public mutating func insertAppointment(_ id: ID<Appointment>, of practitioner: ID<Resource>, startingAt start: Instant) {
        guard let place = places[practitioner] else { return }
        tracks[place].starts.insert(StartLedger.Entry(id, start))
    }

    public mutating func removeAppointment(_ id: ID<Appointment>, of practitioner: ID<Resource>, startingAt start: Instant) {
        guard let place = places[practitioner] else { return }
        tracks[place].starts.remove(StartLedger.Entry(id, start))
    }

    /// Replaces all it believes about one holder's claims that overlap `range` by what the database says. The cure for a
    /// hint that was lost or came in the wrong order.
    public mutating func reload(_ holder: ID<Resource>, claims: [Claim], in range: TimeRange) {
        guard let place = places[holder] else { return }
        for entry in tracks[place].claims.overlapping(Tick.touched(by: range)) { tracks[place].remove(entry, window) }
        for claim in claims where claim.holder == holder { tracks[place].insert(ClaimLedger.Entry(claim), window) }
    }

    /// Replaces all it believes about the appointments of a practitioner that start in `range`.
    public mutating func reload(
        _ practitioner: ID<Resource>, starts: [(appointment: ID<Appointment>, start: Instant)], in range: TimeRange
    ) {
        guard let place = places[practitioner] else { return }
        tracks[place].starts.forget(in: range)
        for one in starts { tracks[place].starts.insert(StartLedger.Entry(one.appointment, one.start)) }
    }
}

/// The stretch of time that has bits: whole words of 64 ticks, so that the bits of another window are never between two.
struct Window: Sendable, Equatable {
    /// Words since 1970.
    var firstWord: Int
    let wordCount: Int

    init(from: Instant, days: Int) {
        firstWord = Self.firstWord(from: from)
        // One word more, because the first one usually starts before midnight.
        wordCount = (days * 288 + 63) / 64 + 1
    }

    static func firstWord(from: Instant) -> Int {
        let midnight = from.microseconds.flooredDivision(by: 86_400_000_000) * 288
        return Int(midnight.flooredDivision(by: 64))
    }

    /// Ticks since 1970.
    var ticks: Range<Int> { firstWord * 64..<(firstWord + wordCount) * 64 }

    /// Ticks since 1970 as ticks since the window's start, also outside it.
    func relative(_ ticks: Range<Int>) -> Range<Int> { ticks.lowerBound - firstWord * 64..<ticks.upperBound - firstWord * 64 }
}
