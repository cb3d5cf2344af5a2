import Notation
import Outbox
import Scheduling
import Storage
import Synchronization
import Workflows

/// Everything one simulated day consists of, and what is written down about it.
final class World: Sendable {
    let plan: ClinicPlan
    let store: InlineStore
    let bug: PlantedBug?
    let clock: ManualClock
    let random: SeededRandom
    let weather: Weather
    let identifiers: Version7Identifiers
    let history = History()
    let journal: Journal
    let coverage = Coverage()
    /// What callers saw that they must not see.
    let complaints = Notes<Violation>()
    /// What was booked by anybody, so that others can meddle with it.
    let known = Notes<Told>()
    let callersAreDone = Flag()
    private let nodes = Mutex<[Node]>([])

    /// By how much the clock is set back at most, and by how much two programs' clocks differ.
    static let largestJumpBack = Span.seconds(3)
    static let largestSkew = Span.seconds(2)
    /// How much later than its consequence a cause may seem to be.
    static let clockSlack = largestJumpBack + largestSkew * 2

    init(_ stage: Stage, seed: UInt64) {
        plan = stage.plan
        store = stage.store
        bug = stage.bug
        clock = ManualClock(stage.plan.startsAt)
        random = SeededRandom(seed: seed)
        weather = Weather(random.branch())
        journal = Journal(clock)
        identifiers = Version7Identifiers(clock: clock, random: random.branch())
    }

    /// One program: a clinic with an index of its own, and its own way to the database.
    struct Node: Sendable {
        let database: SimulatedDatabase
        let clinic: Clinic
    }

    /// Starts a program in the place of another, or as one more. Its index is filled before anybody can ask it; a program
    /// that cannot fill it is started again.
    func startNode(_ number: Int) async {
        while true {
            let database = SimulatedDatabase(self, isWorker: false)
            let node = Node(database: database, clinic: clinic(on: database, surroundingsOfItsOwn()))
            do {
                try await node.clinic.open()
                return nodes.withLock { nodes in
                    if number < nodes.count { nodes[number] = node } else { nodes.append(node) }
                }
            } catch {
                coverage.add("program failed to start")
            }
        }
    }

    func clinic(on database: any Database, _ surroundings: Surroundings) -> Clinic {
        Clinic(database: database, surroundings: surroundings, master: TestKeys.master)
    }

    /// One program's own: a clock that differs a little from the others', chance, and identifiers that follow the clock.
    func surroundingsOfItsOwn() -> Surroundings {
        let chance = random.branch()
        let skew = weather.skew - chance.span(upTo: weather.skew * 2)
        let clock = SkewedClock(base: clock, skew: skew)
        return Surroundings(clock: clock, identifiers: Version7Identifiers(clock: clock, random: chance), random: chance)
    }

    func node(_ number: Int) -> Node? { nodes.withLock { number < $0.count ? $0[number] : nil } }

    /// A program to talk to, dead or alive: callers do not know.
    func anyNode(_ random: SeededRandom) -> Node { nodes.withLock { $0[random.below($0.count)] } }

    func pause(_ random: SeededRandom, upTo longest: Span) async {
        try? await clock.sleep(until: clock.now + random.span(upTo: longest))
    }
}

/// The history of a day, line by line, and its digest.
final class Journal: Sendable {
    private struct State {
        var lines: [String] = []
        /// FNV-1a, 64 bits.
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    }
    private let state = Mutex(State())
    private let clock: ManualClock

    init(_ clock: ManualClock) { self.clock = clock }

    func write(_ text: String) {
        let line = "\(clock.now) \(text)"
        state.withLock { state in
            for byte in line.utf8 { state.digest = (state.digest ^ UInt64(byte)) &* 0x100_0000_01B3 }
            state.lines.append(line)
        }
    }

    var lines: [String] { state.withLock { $0.lines } }
    var digest: UInt64 { state.withLock { $0.digest } }
}

/// What happened at least once: a simulation in which something never happens proves nothing about it.
final class Coverage: Sendable {
    private let state = Mutex<[String: Int]>([:])
    func add(_ what: String, _ count: Int = 1) { state.withLock { $0[what, default: 0] += count } }
    var counts: [String: Int] { state.withLock { $0 } }
}
