import Tenancy
import Testing

@Suite("Who is open")
struct OccupancyTests {
    private typealias Account = Occupancy<String>

    @Test("a clinic opens for the first who comes, and the others wait with them")
    func opensOnce() {
        var account = Account(budget: 6)
        #expect(account.enter("a", cost: 3) == (.later, [.open("a")]))
        #expect(account.enter("a", cost: 3) == (.later, []))
        #expect(account.opened("a", guests: 2) == [])
        #expect(account.enter("a", cost: 3) == (.here, []))
        #expect(account.used == 3 && account.count == 1)
    }

    @Test("the one used least recently goes when another needs its place, and the other opens when it has gone")
    func makesRoom() {
        var account = Account.with("a", "b", budget: 6)
        _ = account.enter("a", cost: 3)
        _ = account.leave("a")
        #expect(account.enter("c", cost: 3) == (.later, [.close("b")]))
        // Not before it has closed: its connections are still there.
        #expect(account.used == 6)
        #expect(account.closed("b") == [.open("c")])
        #expect(account.used == 6 && account.most == 2)
    }

    @Test("one with guests stays while another has none, and finishes what it has otherwise")
    func finishesItsGuests() {
        var account = Account.with("a", "b", budget: 6)
        _ = account.enter("a", cost: 3)
        _ = account.enter("b", cost: 3)
        _ = account.leave("b")
        #expect(account.enter("c", cost: 3).1 == [.close("b")])
        _ = account.closed("b")
        _ = account.opened("c", guests: 1)
        // Now both have guests: the older one takes no new ones.
        #expect(account.enter("d", cost: 3) == (.later, []))
        #expect(!account.isOpen("a") && account.isOpen("c"))
        #expect(account.enter("a", cost: 3) == (.later, []))
        #expect(account.leave("a") == [.close("a")])
        #expect(account.closed("a") == [.open("d")])
    }

    @Test("whoever waited longest gets the next place")
    func inTurn() {
        var account = Account.with("a", budget: 3)
        #expect(account.enter("b", cost: 3).1 == [.close("a")])
        #expect(account.enter("c", cost: 3).1 == [])
        #expect(account.enter("a", cost: 3).1 == [])
        #expect(account.closed("a") == [.open("b")])
        #expect(account.opened("b", guests: 1) == [])
        // Somebody waits: b serves those it was opened for, and goes.
        #expect(!account.isOpen("b"))
        #expect(account.leave("b") == [.close("b")])
        #expect(account.closed("b") == [.open("c")])
    }

    @Test("what a round has opened goes first")
    func roundsGoFirst() {
        var account = Account(budget: 6)
        _ = account.enter("asked", cost: 3)
        _ = account.opened("asked", guests: 1)
        _ = account.leave("asked")
        _ = account.enter("visited", cost: 3, isRound: true)
        _ = account.opened("visited", guests: 1, isRound: true)
        _ = account.leave("visited")
        #expect(account.enter("other", cost: 3).1 == [.close("visited")])
    }

    @Test("a dear one makes as much room as it needs, and no more")
    func dear() {
        var account = Account.with("a", "b", "c", budget: 10)
        #expect(account.enter("dear", cost: 6).1 == [.close("a"), .close("b")])
        #expect(account.closed("a") == [])
        #expect(account.closed("b") == [.open("dear")])
        #expect(account.used == 9)
    }

    @Test("one that has moved away closes when its guests have gone, also while it is still opening")
    func retires() {
        var account = Account.with("a", budget: 6)
        _ = account.enter("a", cost: 3)
        #expect(account.retire("a") == [])
        #expect(account.leave("a") == [.close("a")])
        _ = account.enter("b", cost: 3)
        #expect(account.retire("b") == [])
        #expect(account.opened("b", guests: 1) == [])
        #expect(account.leave("b") == [.close("b")])
    }

    @Test("one that could not be opened leaves its place to the next")
    func fails() {
        var account = Account(budget: 3)
        _ = account.enter("a", cost: 3)
        #expect(account.enter("b", cost: 3).1 == [])
        #expect(account.closed("a") == [.open("b")])
    }

    /// Whatever happens in whatever order: never more than the budget, nobody is closed with guests in it, and whoever waits
    /// comes in at last.
    @Test("no history breaks the budget or leaves anybody waiting", arguments: 1...200)
    func everyHistory(seed: UInt64) {
        var history = History(seed: seed)
        for _ in 0..<300 { history.step() }
        history.comeToRest()
        #expect(history.breaches == [])
    }
}

extension Occupancy<String> {
    /// Those are open, each for 3, opened in this order, and nobody is in them.
    fileprivate static func with(_ names: String..., budget: Int) -> Self {
        var account = Self(budget: budget)
        for name in names {
            _ = account.enter(name, cost: 3)
            _ = account.opened(name, guests: 1)
            _ = account.leave(name)
        }
        return account
    }
}

/// Plays what the node around the account does, in an order by chance.
private struct History {
    private var account = Occupancy<Int>(budget: 7)
    private var opening: [Int] = []
    private var closing: [Int] = []
    private var waiting: [Int: Int] = [:]
    private var guests: [Int: Int] = [:]
    private var state: UInt64
    private(set) var breaches: [String] = []

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    private mutating func chance(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }

    mutating func step() {
        switch chance(6) {
        case 0, 1: come(chance(9))
        case 2: if let one = opening.indices.randomElement(by: chance(1000)) { open(one) }
        case 3: if let one = closing.indices.randomElement(by: chance(1000)) { take(account.closed(closing.remove(at: one))) }
        case 4:
            let inside = guests.filter { $0.value > 0 }.keys.sorted()
            if let one = inside.indices.randomElement(by: chance(1000)) { go(inside[one]) }
        default: if chance(20) == 0 { take(account.retire(chance(9))) }
        }
        if account.used > account.budget { breaches.append("\(account.used) of \(account.budget) connections") }
    }

    private mutating func come(_ key: Int) {
        let (entry, steps) = account.enter(key, cost: key % 3 + 1, isRound: chance(4) == 0)
        if entry == .here { guests[key, default: 0] += 1 } else { waiting[key, default: 0] += 1 }
        take(steps)
    }

    private mutating func open(_ index: Int) {
        let key = opening.remove(at: index)
        guard chance(10) > 0 else {
            waiting[key] = nil
            return take(account.closed(key))
        }
        let count = waiting.removeValue(forKey: key) ?? 0
        guests[key, default: 0] += count
        take(account.opened(key, guests: count))
    }

    private mutating func go(_ key: Int) {
        guests[key]! -= 1
        take(account.leave(key))
    }

    private mutating func take(_ steps: [Occupancy<Int>.Step]) {
        for step in steps {
            switch step {
            case .open(let key): opening.append(key)
            case .close(let key):
                if guests[key, default: 0] > 0 { breaches.append("\(key) was closed with guests in it") }
                closing.append(key)
            }
        }
    }

    /// Nobody comes any more; everybody who is in leaves.
    mutating func comeToRest() {
        for _ in 0..<1_000 {
            if !opening.isEmpty {
                open(0)
            } else if !closing.isEmpty {
                take(account.closed(closing.removeFirst()))
            } else if let key = guests.filter({ $0.value > 0 }).keys.min() {
                go(key)
            } else {
                break
            }
        }
        if !waiting.isEmpty { breaches.append("\(waiting.keys.sorted()) wait for ever") }
    }
}

extension Range<Int> {
    fileprivate func randomElement(by chance: Int) -> Int? { isEmpty ? nil : lowerBound + chance % count }
}
