public import Notation

// What happens to the index once a day, or when the clinic's rules change.
extension AvailabilityIndex {
    /// Takes over another directory. Only calendars whose hours, holidays or lanes changed are worked out again; claims
    /// stay.
    ///
    /// Returns the resources it did not know before. Hints about them were ignored, so whoever owns the index inserts
    /// their claims and appointments now.
    @discardableResult
    public mutating func replaceDirectory(_ new: Directory) -> [ID<Resource>] {
        let old = directory
        var unknown: [ID<Resource>] = []
        var known: [Track] = []
        for resource in new.resources.values.sorted(by: { $0.id < $1.id }) {
            if let place = places[resource.id] {
                known.append(tracks[place])
                known[known.count - 1].follow(resource, from: old, to: new, window)
            } else {
                known.append(Track(resource, in: new, window))
                unknown.append(resource.id)
            }
        }
        directory = new
        tracks = known
        indexTracks()
        return unknown
    }

    /// Moves the window to the day `now` lies in; it never moves back. Claims that are over are forgotten, those that lie
    /// beyond the old end were remembered.
    public mutating func roll(to now: Instant) {
        let count = Window.firstWord(from: Self.start(at: now)) - window.firstWord
        guard count > 0 else { return }
        window.firstWord += count
        for place in tracks.indices { tracks[place].advance(byWords: min(count, window.wordCount), in: directory, window) }
    }
}
