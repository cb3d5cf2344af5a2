import Notation
import People
import Scheduling
import Workflows

/// Somebody with a mind of their own: books, holds, changes, repeats, and insists on an answer when none came.
struct SimulatedCaller: Sendable {
    let name: String
    let caller: Caller
    let world: World
    let random: SeededRandom
    var plan: ClinicPlan { world.plan }

    /// What it was told last of each of its appointments.
    var mine: [Told] = []
    var keyed: [(ask: Ask, key: String)] = []
    private var keys = 0

    init(_ name: String, _ caller: Caller, _ world: World) {
        self.name = name
        self.caller = caller
        self.world = world
        random = world.random.branch()
    }

    mutating func live(deeds: Int) async {
        for _ in 0..<deeds {
            await world.pause(random, upTo: .seconds(10))
            await doSomething()
        }
    }

    /// Pursues a request until its outcome is known, as far as that can be had: a request without a key or a name of its
    /// own cannot be repeated safely.
    mutating func pursue(_ ask: Ask) async {
        guard random.below(10) < 6 else { return await insist(on: ask, key: nil) }
        keys += 1
        let key = "\(name)-\(keys)"
        keyed.append((ask, key))
        if random.below(10) == 0 { await sendTwiceAtOnce(ask, key: key) }
        await insist(on: ask, key: key)
    }

    mutating func insist(on ask: Ask, key: String?) async {
        for _ in 0..<60 {
            let outcome = await send(ask, key: key)
            note(outcome, ask)
            if outcome.isDefinite { return }
            world.coverage.add("asked again after an unknown outcome")
            guard key != nil || ask.isNamedByClient else { return }
            await world.pause(random, upTo: .seconds(3))
        }
        world.complaints.add(Violation(promise: .nothingLost, detail: "\(name) never heard what became of \(ask.text)"))
    }

    /// An impatient client sends the same request to two programs.
    private mutating func sendTwiceAtOnce(_ ask: Ask, key: String) async {
        let both = [SimulatedCaller(name, caller, world), SimulatedCaller(name, caller, world)]
        let outcomes = await withTaskGroup(of: Outcome.self) { group in
            for one in both { group.addTask { await one.send(ask, key: key) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        world.coverage.add("sent twice at once")
        for outcome in outcomes { note(outcome, ask) }
    }

    func send(_ ask: Ask, key: String?) async -> Outcome {
        let outcome = await world.history.send(ask, to: world.anyNode(random).clinic, by: caller, key: key)
        world.journal.write("\(name) asks [\(key ?? "-")] \(ask.text): \(outcome.text)")
        return outcome
    }

    private mutating func note(_ outcome: Outcome, _ ask: Ask) {
        if let refusal = outcome.refusal { world.coverage.add("refused: \(refusal.rawValue)") }
        switch outcome {
        case .repeated: world.coverage.add("answer repeated")
        case .existed: world.coverage.add("booked before under the same name")
        case .wrongKey: world.coverage.add("key used for another request")
        case .did, .refused, .failed, .unknown: break
        }
        guard let told = outcome.told else { return }
        let isNews = !mine.contains { $0.id == told.id && $0.version >= told.version }
        guard isNews else { return }
        mine.removeAll { $0.id == told.id }
        mine.append(told)
        world.known.add(told)
    }
}

extension Outcome {
    var text: String {
        switch self {
        case .did(let told): "done, \(told.text)"
        case .existed(let told): "existed, \(told.text)"
        case .refused(let refusal): "refused, \(refusal.rawValue)"
        case .repeated(let answer): "repeated, \(String(decoding: answer.body, as: UTF8.self))"
        case .wrongKey: "the key belongs to another request"
        case .failed(let fault): "failed, \(fault)"
        case .unknown: "unknown"
        }
    }
}

extension Told {
    var text: String { "\(id) \(state.rawValue) version \(version) at \(start)" }
}
