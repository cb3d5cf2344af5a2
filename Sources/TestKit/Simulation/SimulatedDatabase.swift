import Notation
import Storage
import Synchronization

/// One program's way to the database: slow at both doors, sometimes slower than a lease, now and then broken, and the
/// place where the program is killed. After that nothing it does reaches the database any more.
///
/// What happens between the doors is real SQL, and happens at once.
final class SimulatedDatabase: Database {
    private let world: World
    private let random: SeededRandom
    /// Whether its visits may take longer than a lease.
    private let isWorker: Bool
    private let death = Flag()

    init(_ world: World, isWorker: Bool) {
        self.world = world
        self.isWorker = isWorker
        random = world.random.branch()
    }

    var isDead: Bool { death.isRaised }
    func die() { death.raise() }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try await pass()
        let answer = try await world.store.read(body)
        try await pass()
        return answer
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        try await pass()
        let answer = try perform(body)
        try await pass()
        return answer
    }

    private func pass() async throws {
        let isPaused = isWorker && random.happens(perMille: world.weather.pauses)
        if isPaused { world.coverage.add("worker paused past its lease") }
        let length =
            isPaused
            ? .seconds(61 + random.below(40)) : random.span(upTo: random.below(40) == 0 ? .seconds(8) : .milliseconds(80))
        try await world.clock.sleep(until: world.clock.now + length)
        if isDead { throw ProgramDied() }
    }

    private func perform<Answer>(_ body: (any WriteTransaction) throws -> Answer) throws -> Answer {
        if world.bug == .hasty, random.happens(perMille: 30) { return try withoutCommit(body) }
        guard let fault = world.weather.fault(random) else { return try commit(body) }
        world.coverage.add(fault.rawValue)
        switch fault {
        case .overloaded: throw StorageFault.overloaded
        case .failedBeforeCommit:
            _ = try withoutCommit(body)
            throw [StorageFault.full, .timedOut, .inUse("another program")][random.below(3)]
        case .unknownAfterCommit:
            _ = try commit { try body(DeafTransaction($0)) }
            throw StorageFault.outcomeUnknown
        case .unknownAfterRollback:
            _ = try withoutCommit(body)
            throw StorageFault.outcomeUnknown
        case .ranTwice:
            _ = try withoutCommit(body)
            return try commit(body)
        }
    }

    private func commit<Answer>(_ body: (any WriteTransaction) throws -> Answer) throws -> Answer {
        try world.store.inline { transaction in
            switch world.bug {
            case .blindAndUnguarded: try body(BlindTransaction(transaction))
            case .forgetful: try body(ForgetfulTransaction(transaction))
            case .repetitive: try body(RepetitiveTransaction(transaction))
            case .hasty, nil: try body(transaction)
            }
        }
    }

    /// Runs the body to its end and takes everything back.
    private func withoutCommit<Answer>(_ body: (any WriteTransaction) throws -> Answer) throws -> Answer {
        var answer: Result<Answer, any Error>?
        do {
            try commit { transaction in
                answer = .success(try body(transaction))
                throw Undone()
            }
        } catch is Undone {}
        guard let answer else { throw StorageFault.outcomeUnknown }
        return try answer.get()
    }

    private struct Undone: Error {}
}

/// The program is gone, and whoever waited for its answer hears nothing.
struct ProgramDied: Error {}
