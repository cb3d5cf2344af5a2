import Notation

/// One effect, and how often it was asked for and done.
struct Effect: Codable, Sendable {
    var part: Part
    /// The key it was asked for with; without one the name it was given here.
    var key: String
    /// `text`, `payment`, `refund`, `appointment` …
    var what: String
    /// The names of the things that were made.
    var made: [String] = []
    /// How often it was done: 1, or it was done twice.
    var count = 0
    /// How often it was asked for once more and only answered.
    var repeats = 0
    /// When it was done: the first twenty times.
    var times: [String] = []
}

/// What was asked of one part.
struct Tally: Codable, Sendable {
    var requests = 0
    var effects = 0
    /// How many of these were tokens.
    var tokens = 0
    var repeats = 0
    /// Answers by status; 0 for none.
    var answers: [Int: Int] = [:]
    var webhooksSent = 0
    var webhooksTaken = 0
    var webhooksRefused = 0
    /// Those the mode has kept from being sent.
    var webhooksLost = 0
}

/// What was done for whom. It keeps the last ten thousand effects and forgets the oldest.
struct Ledger: Sendable {
    static let most = 10_000

    private(set) var effects: [String: Effect] = [:]
    private(set) var order: [String] = []
    private(set) var forgotten = 0
    var tallies: [Part: Tally] = [:]

    private func name(_ part: Part, _ key: String, _ what: String) -> String { "\(part.rawValue) \(what) \(key)" }

    mutating func note(_ part: Part, _ what: String, key: String, made: String, at now: Instant) {
        change(part, what, key) { effect in
            effect.count += 1
            if effect.made.count < 20 { effect.made.append(made) }
            if effect.times.count < 20 { effect.times.append(now.description) }
        }
        tallies[part, default: Tally()].effects += 1
        if what == "token" { tallies[part, default: Tally()].tokens += 1 }
    }

    mutating func noteRepeat(_ part: Part, _ what: String, key: String) {
        change(part, what, key) { $0.repeats += 1 }
        tallies[part, default: Tally()].repeats += 1
    }

    mutating func restore(_ effect: Effect) { change(effect.part, effect.what, effect.key) { $0 = effect } }

    func effect(_ part: Part, _ what: String, key: String) -> Effect? { effects[name(part, key, what)] }

    private mutating func change(_ part: Part, _ what: String, _ key: String, _ body: (inout Effect) -> Void) {
        let name = name(part, key, what)
        if effects[name] == nil {
            effects[name] = Effect(part: part, key: key, what: what)
            order.append(name)
        }
        body(&effects[name]!)
        // A thousand at once, so that forgetting costs little each time.
        if order.count > Self.most + 1000 {
            for old in order.prefix(1000) { effects[old] = nil }
            order.removeFirst(1000)
            forgotten += 1000
        }
    }

    /// The oldest first.
    func listed(_ part: Part?) -> [Effect] {
        order.compactMap { effects[$0] }.filter { part == nil || $0.part == part }
    }
}

/// Things of one kind by their names, in the order in which they were made. It keeps the last ten thousand.
struct Shelf<Thing: Codable & Sendable>: Sendable {
    static var most: Int { 10_000 }

    private var things: [String: Thing] = [:]
    private var order: [String] = []

    subscript(id: String) -> Thing? { things[id] }

    var named: [(String, Thing)] { order.compactMap { id in things[id].map { (id, $0) } } }
    /// The oldest first.
    var all: [Thing] { order.compactMap { things[$0] } }
    /// The newest first.
    var newest: [Thing] { order.reversed().compactMap { things[$0] } }

    mutating func put(_ thing: Thing, _ id: String) {
        if things[id] == nil { order.append(id) }
        things[id] = thing
        if order.count > Self.most + 1000 {
            for old in order.prefix(1000) { things[old] = nil }
            order.removeFirst(1000)
        }
    }

    func first(_ isIt: (Thing) -> Bool) -> Thing? {
        for id in order { if let thing = things[id], isIt(thing) { return thing } }
        return nil
    }
}
