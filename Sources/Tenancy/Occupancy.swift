/// Who of many is open, within a budget: a pure account of places, which says what to do and does nothing.
///
/// Each costs so many connections while it is there, from the moment it begins to open until it has closed. Who wants in
/// waits in the order of coming. When there is no room, the one that was used least recently leaves: one without guests
/// first, else one that finishes those it has and takes no new ones.
public struct Occupancy<Key: Hashable & Sendable>: Sendable {
    public enum Step: Equatable, Sendable {
        case open(Key)
        /// Nobody is in it any more, and nobody comes.
        case close(Key)
    }

    public enum Entry: Equatable, Sendable {
        case here
        /// Until it is open, or could not be opened.
        case later
    }

    private enum Phase: Sendable { case opening, open, leaving, closing }

    private struct Place: Sendable {
        var phase = Phase.opening
        let cost: Int
        let openedAt: UInt64
        /// 0 when nobody has asked for it: a round was here.
        var usedAt: UInt64 = 0
        var guests = 0
        /// It shall not be open for longer than it has to.
        var isUnwanted = false

        func isNeededLess(than other: Place) -> Bool {
            if (guests == 0) != (other.guests == 0) { return guests == 0 }
            return (usedAt, openedAt) < (other.usedAt, other.openedAt)
        }
    }

    public let budget: Int
    /// The most that were open, opening or closing at once.
    public private(set) var most = 0
    private var places: [Key: Place] = [:]
    private var queue: [(key: Key, cost: Int)] = []
    private var moment: UInt64 = 0

    public init(budget: Int) { self.budget = budget }

    /// What those that are there cost together; never more than the budget.
    public var used: Int { places.values.reduce(0) { $0 + $1.cost } }
    public var count: Int { places.count }
    /// Nobody new comes into those that are leaving.
    public func isOpen(_ key: Key) -> Bool { places[key]?.phase == .open }

    /// Somebody comes. A round comes as well, but is no sign of use.
    ///
    /// - Parameter cost: at most the budget.
    public mutating func enter(_ key: Key, cost: Int, isRound: Bool = false) -> (Entry, [Step]) {
        moment += 1
        switch places[key]?.phase {
        case .open:
            places[key]!.guests += 1
            if !isRound { places[key]!.usedAt = moment }
            return (.here, [])
        case .opening: return (.later, [])
        case .leaving, .closing, nil:
            if !queue.contains(where: { $0.key == key }) { queue.append((key, min(cost, budget))) }
            return (.later, advance())
        }
    }

    public mutating func leave(_ key: Key) -> [Step] {
        places[key]?.guests -= 1
        return settle(key) + advance()
    }

    /// It is open, and so many have waited for that.
    public mutating func opened(_ key: Key, guests: Int, isRound: Bool = false) -> [Step] {
        moment += 1
        guard var place = places[key] else { return [] }
        place.phase = place.isUnwanted ? .leaving : .open
        place.guests = guests
        if !isRound { place.usedAt = moment }
        places[key] = place
        // Whoever waits for a place may have it after these guests.
        return settle(key) + advance()
    }

    /// It has closed, or never opened.
    public mutating func closed(_ key: Key) -> [Step] {
        places[key] = nil
        return advance()
    }

    /// It shall close as soon as its guests have gone.
    public mutating func retire(_ key: Key) -> [Step] {
        guard let place = places[key] else { return [] }
        places[key]!.isUnwanted = true
        if place.phase == .open { places[key]!.phase = .leaving }
        return settle(key)
    }

    /// Nobody waits for it any more.
    public mutating func withdraw(_ key: Key) { queue.removeAll { $0.key == key } }

    // MARK: How

    private mutating func settle(_ key: Key) -> [Step] {
        guard let place = places[key], place.phase == .leaving, place.guests == 0 else { return [] }
        places[key]!.phase = .closing
        return [.close(key)]
    }

    /// Opens whatever there is room for, and makes room for the next.
    private mutating func advance() -> [Step] {
        if queue.isEmpty { return [] }
        var steps: [Step] = []
        // One that is still closing opens again only after that.
        while let index = queue.firstIndex(where: { places[$0.key] == nil }) {
            let (key, cost) = queue[index]
            if used + cost <= budget {
                queue.remove(at: index)
                places[key] = Place(cost: cost, openedAt: moment)
                most = max(most, places.count)
                steps.append(.open(key))
            } else {
                guard used - leavingCost + cost > budget, let one = leastNeeded else { break }
                places[one]!.phase = .leaving
                steps += settle(one)
            }
        }
        return steps
    }

    private var leavingCost: Int {
        places.values.reduce(0) { $0 + ($1.phase == .leaving || $1.phase == .closing ? $1.cost : 0) }
    }

    private var leastNeeded: Key? {
        places.filter { $0.value.phase == .open }.min { $0.value.isNeededLess(than: $1.value) }?.key
    }
}
