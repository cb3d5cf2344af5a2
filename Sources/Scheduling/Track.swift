import Notation

/// One resource's calendar in the index.
struct Track: Sendable {
    var resource: Resource
    /// Ticks wholly inside open hours.
    var open: TickBits
    /// Ticks touched by a claim, for each lane that is offered. The other lanes belong to staff, who do not search here.
    private(set) var busy: [TickBits]
    private(set) var claims = ClaimLedger()
    var starts = StartLedger()

    init(_ resource: Resource, in directory: Directory, _ window: Window) {
        self.resource = resource
        open = TickBits(wordCount: window.wordCount)
        busy = Array(repeating: open, count: max(0, resource.lanesOffered))
        addOpenHours(in: directory, window.ticks, window)
    }

    mutating func insert(_ entry: ClaimLedger.Entry, _ window: Window) {
        guard Int(entry.to) > window.ticks.lowerBound, claims.insert(entry) else { return }
        mark(entry, window)
    }

    mutating func remove(_ entry: ClaimLedger.Entry, _ window: Window) {
        guard claims.remove(entry) else { return }
        if busy.indices.contains(entry.lane) { busy[entry.lane].clear(window.relative(entry.ticks)) }
        for other in claims.overlapping(entry.ticks) where other.lane == entry.lane { mark(other, window) }
    }

    /// Takes over what changed rarely: hours, holidays, lanes.
    mutating func follow(_ changed: Resource, from old: Directory, to new: Directory, _ window: Window) {
        let isOpenAsBefore = old.opens(resource, like: changed, in: new)
        resource = changed
        if !isOpenAsBefore {
            open = TickBits(wordCount: window.wordCount)
            addOpenHours(in: new, window.ticks, window)
        }
        if busy.count != changed.lanesOffered {
            busy = Array(repeating: TickBits(wordCount: window.wordCount), count: max(0, changed.lanesOffered))
            for entry in claims.entries { mark(entry, window) }
        }
    }

    /// Forgets the words that are over and opens as many at the end of `window`, which has moved already.
    mutating func advance(byWords count: Int, in directory: Directory, _ window: Window) {
        let fresh = max(window.ticks.lowerBound, window.ticks.upperBound - count * 64)..<window.ticks.upperBound
        claims.forget(before: window.ticks.lowerBound)
        starts.forget(before: Tick.instant(window.ticks.lowerBound))
        open.advance(byWords: count)
        addOpenHours(in: directory, fresh, window)
        for lane in busy.indices { busy[lane].advance(byWords: count) }
        for entry in claims.overlapping(fresh) { mark(entry, window) }
    }

    private mutating func mark(_ entry: ClaimLedger.Entry, _ window: Window) {
        if busy.indices.contains(entry.lane) { busy[entry.lane].set(window.relative(entry.ticks)) }
    }

    private mutating func addOpenHours(in directory: Directory, _ ticks: Range<Int>, _ window: Window) {
        let range = TimeRange(from: Tick.instant(ticks.lowerBound), to: Tick.instant(ticks.upperBound))
        for hours in directory.openRanges(of: resource, in: range) { open.set(window.relative(Tick.inside(hours))) }
    }
}

extension Directory {
    /// Whether everything that opens and closes a resource is the same in another directory.
    fileprivate func opens(_ resource: Resource, like changed: Resource, in other: Directory) -> Bool {
        resource.kind == changed.kind && resource.location == changed.location
            && hours[resource.id] == other.hours[resource.id] && exceptions[resource.id] == other.exceptions[resource.id]
            && holidays[resource.location] == other.holidays[resource.location]
            && locations[resource.location]?.zone == other.locations[resource.location]?.zone
    }
}

/// Who and what may serve one visit type, as places in the index.
struct Roster: Sendable {
    /// A practitioner, and which of `locations` they work at.
    struct Candidate: Sendable {
        var place: Int
        var site: Int
    }

    let visitType: VisitType
    /// In the order of their places, which is that of their identifiers.
    let practitioners: [Candidate]
    let locations: [ID<Location>]
    /// For each location.
    let rooms: [[Int]]
    let devices: [[Int]]

    init(_ visitType: VisitType, _ directory: Directory, _ places: [ID<Resource>: Int]) {
        let suitable = directory.practitioners(for: visitType)
        let locations = Set(suitable.map(\.location)).sorted()
        let sites = Dictionary(uniqueKeysWithValues: locations.enumerated().map { ($1, $0) })
        self.visitType = visitType
        self.locations = locations
        practitioners = suitable.compactMap { resource in
            places[resource.id].flatMap { place in sites[resource.location].map { Candidate(place: place, site: $0) } }
        }
        rooms = locations.map { directory.rooms(for: visitType, at: $0).compactMap { places[$0.id] } }
        devices = locations.map { directory.devices(for: visitType, at: $0).compactMap { places[$0.id] } }
    }

    /// Nil when this one does not do it.
    func candidate(at place: Int) -> Candidate? {
        let position = first(practitioners.count) { practitioners[$0].place >= place }
        return position < practitioners.count && practitioners[position].place == place ? practitioners[position] : nil
    }
}
