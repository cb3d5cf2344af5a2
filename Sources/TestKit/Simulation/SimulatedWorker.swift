import Notation
import Outbox
import Storage
import Synchronization
import Workflows

/// A worker that delivers the outbox, started again whenever it dies.
struct SimulatedWorker: Sendable {
    let name: String
    let world: World
    let random: SeededRandom
    /// The database of its present life, for whoever kills it.
    let life = Mutexed<SimulatedDatabase?>(nil)

    init(_ name: String, _ world: World) {
        self.name = name
        self.world = world
        random = world.random.branch()
    }

    func live() async {
        while !world.callersAreDone.isRaised {
            let database = SimulatedDatabase(world, isWorker: true)
            life.set(database)
            await work(database)
            if database.isDead { world.coverage.add("worker crashed") }
            await world.pause(random, upTo: .seconds(20))
        }
    }

    private func work(_ database: SimulatedDatabase) async {
        let outbox = outbox(on: database)
        while !world.callersAreDone.isRaised && !database.isDead {
            if random.below(4) == 0 { _ = try? await outbox.rescueLeases() }
            let count = try? await outbox.step()
            if count == 0 { await world.pause(random, upTo: .seconds(6)) }
        }
    }

    private func outbox(on database: SimulatedDatabase) -> Outbox {
        let surroundings = world.surroundingsOfItsOwn()
        return Outbox(
            database: database, surroundings: surroundings, workerName: name,
            handlers: world.clinic(on: database, surroundings).deliveries
        ) { [world, name] event in
            world.journal.write("\(name) \(event)")
            world.coverage.add(Self.name(of: event))
        }
    }

    private static func name(of event: OutboxEvent) -> String {
        switch event {
        case .settled(let topic, let state, _, _): "\(topic) \(state.rawValue)"
        case .stale: "stale completion"
        case .rescued: "lease rescued"
        case .interrupted, .swept, .failed: "other worker event"
        }
    }
}

final class Mutexed<Value: Sendable>: Sendable {
    private let state: Mutex<Value>
    init(_ value: Value) { state = Mutex(value) }
    func set(_ value: Value) { state.withLock { $0 = value } }
    var value: Value { state.withLock { $0 } }
}

/// Ends holds whose timer did not come, on one of the programs.
struct SimulatedSweeper: Sendable {
    let number: Int
    let world: World

    func live(_ random: SeededRandom) async {
        while !world.callersAreDone.isRaised {
            await world.pause(random, upTo: .seconds(30))
            let count = try? await world.node(number)?.clinic.sweepHolds()
            if let count, count > 0 { world.coverage.add("holds ended by the sweeper", count) }
        }
    }
}
