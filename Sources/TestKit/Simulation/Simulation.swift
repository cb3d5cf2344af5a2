import Notation
import Outbox
import Scheduling
import Storage
import Workflows

/// What one seed came to.
public struct SimulationReport: Sendable {
    public let seed: UInt64
    public let violations: [Violation]
    /// The same for the same seed, in every run.
    public let digest: UInt64
    public let lines: [String]
    /// What happened, and how often.
    public let coverage: [String: Int]
    public let tries: Int
}

/// One day of a clinic in which everything goes wrong that can: two programs with stale indexes, up to three workers,
/// callers who repeat, misuse and meddle, faults at every door, clocks that jump, and kills. All of it from a seed.
struct Simulation {
    private let stage: Stage
    private let world: World
    private let seed: UInt64

    init(_ stage: Stage, seed: UInt64) throws {
        self.stage = stage
        self.seed = seed
        try stage.clear()
        world = World(stage, seed: seed)
    }

    func run() throws -> SimulationReport {
        let hasEnded = SeededExecutor(world.random.branch()).run(world.clock, limit: .days(30)) { [world] in
            await world.play()
            await world.settle()
        }
        var violations = world.complaints.all
        if !hasEnded { violations.append(Violation(promise: .nothingLost, detail: "the day came to a standstill")) }
        let snapshot = try stage.store.inline { try Snapshot(reading: $0) }
        violations += Checker.violations(
            in: snapshot, world.history.all, stage.plan, now: world.clock.now, isQuiet: true, clockSlack: World.clockSlack)
        for event in snapshot.events { world.coverage.add(event.kind) }
        for offer in snapshot.offers { world.coverage.add("offer \(offer.state)") }
        for notice in snapshot.notices { world.coverage.add("notice: \(notice.kind)") }
        return SimulationReport(
            seed: seed, violations: violations, digest: world.journal.digest, lines: world.journal.lines,
            coverage: world.coverage.counts, tries: world.history.all.count)
    }
}

extension World {
    /// Everybody at once, until the last caller has what they wanted.
    fileprivate func play() async {
        let nodes = 2
        for number in 0..<nodes { await startNode(number) }
        let workers = (0..<1 + random.below(3)).map { SimulatedWorker("worker-\($0)", self) }
        let callers = cast()
        await withTaskGroup(of: Void.self) { group in
            for worker in workers { group.addTask { await worker.live() } }
            for number in 0..<nodes {
                let random = random.branch()
                group.addTask { await SimulatedSweeper(number: number, world: self).live(random) }
            }
            let director = SimulatedDirector(world: self, workers: workers, nodes: nodes, random: random.branch())
            group.addTask { await director.live() }
            group.addTask { await self.perform(callers) }
        }
    }

    /// Six patients, and up to six people of the clinic.
    private func cast() -> [SimulatedCaller] {
        var callers = (0..<plan.patients).map { SimulatedCaller("patient-\($0)", plan.patientCaller($0), self) }
        for number in 0..<random.below(4) { callers.append(SimulatedCaller("desk-\(number)", plan.desk(number), self)) }
        for number in 0..<random.below(3) {
            callers.append(SimulatedCaller("practitioner-\(number)", plan.practitionerCaller(number), self))
        }
        if random.below(3) == 0 { callers.append(SimulatedCaller("admin", plan.admin(), self)) }
        return callers
    }

    private func perform(_ callers: [SimulatedCaller]) async {
        await withTaskGroup(of: Void.self) { group in
            for var caller in callers {
                group.addTask { [deeds = 20 + random.below(40)] in await caller.live(deeds: deeds) }
            }
        }
        callersAreDone.raise()
    }

    /// The weather clears: one healthy program works off what is left, to the last reminder.
    fileprivate func settle() async {
        let surroundings = Surroundings(clock: clock, identifiers: identifiers, random: random)
        let clinic = clinic(on: store, surroundings)
        let outbox = Outbox(database: store, surroundings: surroundings, workerName: "last", handlers: clinic.deliveries)
        do {
            for _ in 0..<5_000 {
                try await outbox.rescueLeases()
                while try await outbox.step() > 0 {}
                try await clinic.sweepHolds(grace: .zero)
                guard let next = try store.inline({ try $0.first(NextMoment()) ?? nil }) else { return }
                clock.advance(to: next)
            }
            complaints.add(Violation(promise: .everythingFollowsOnce, detail: "the outbox never became empty"))
        } catch {
            complaints.add(Violation(promise: .everythingFollowsOnce, detail: "the outbox could not be emptied: \(error)"))
        }
    }
}

/// When the next message is due, or the next lease runs out; nil when nothing is left.
private struct NextMoment: Query {
    static let sql: SQL = """
        SELECT min(moment) FROM (
            SELECT min(available_at) AS moment FROM outbox WHERE state = 'ready'
            UNION ALL SELECT min(lease_until) FROM outbox WHERE state = 'running') AS moments
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Instant? { try columns.optional(0, columns.instant) }
}
