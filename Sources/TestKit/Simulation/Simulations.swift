import Foundation
import PostgresCluster
import Scheduling
import Synchronization
import Workflows

/// What many seeds came to.
public struct SimulationSummary: Sendable {
    public var seeds = 0
    public var tries = 0
    public var seconds = 0.0
    /// The seeds that broke a promise, in order.
    public var failures: [SimulationReport] = []
    public var coverage: [String: Int] = [:]
    public var digests: [UInt64: UInt64] = [:]

    public var seedsPerSecond: Double { seconds > 0 ? Double(seeds) / seconds : 0 }

    fileprivate mutating func add(_ report: SimulationReport) {
        seeds += 1
        tries += report.tries
        digests[report.seed] = report.digest
        for (what, count) in report.coverage { coverage[what, default: 0] += count }
        if !report.violations.isEmpty { failures.append(report) }
    }
}

/// Plays seeds, each on one thread from its beginning to its end, several threads side by side.
public enum Simulations {
    /// What has to happen in a thousand seeds, or they prove less than they seem to.
    public static let wanted: [String] =
        Fault.allCases.map(\.rawValue) + [
            "worker crashed", "program killed", "program failed to start", "clock jumped back", "clock jumped forward",
            "answer repeated", "sent twice at once",
            "asked again after an unknown outcome", "key used for another request", "booked before under the same name",
            "leave changed: done", "lanes changed: done", "lanes changed: refused, practitionerTaken",
            "looked at an own appointment", "looked at a day", "holds ended by the sweeper", "appointment.hold-expiry done",
            "appointment.event done", "appointment.reminder done",
            "waitlist.freed done", "somebody waits", "offer accepted", "offer declined", "offer expired", "offer nobody",
        ]
        + AppointmentEvent.Kind.allCases.map(\.rawValue) + notices
        + [
            Refusal.notPermitted, .appointmentUnknown, .identifierAlreadyUsed, .changedMeanwhile, .transitionNotAllowed,
            .holdExpired, .cancellationTooLate, .startIsInThePast, .startOffGrid, .beyondHorizon, .practitionerAway,
            .outsideWorkingHours, .practitionerTaken, .patientTaken, .roomTaken,
        ].map { "refused: \($0.rawValue)" }

    /// Nobody breaks the glass on these days, pays or runs late: they are about appointments.
    private static let notices: [String] = Notice.Kind.allCases.filter { kind in
        switch kind {
        case .emergency, .correction, .delay, .honoured, .refund: false
        case .confirmation, .cancellation, .expiry, .move, .reminder, .offer: true
        }
    }.map { "notice: \($0.rawValue)" }

    /// Plays one seed.
    public static func play(_ seed: UInt64, bug: PlantedBug? = nil, on engine: SimulatedEngine = .sqlite) throws
        -> SimulationReport
    {
        try Simulation(Stage(bug: bug, on: engine), seed: seed).run()
    }

    /// Plays every seed of a range, or until the first that fails when `stopsAtFailure`.
    ///
    /// - Parameter progress: hears after each seed how many are done.
    public static func play(
        _ seeds: Range<UInt64>, bug: PlantedBug? = nil, on engine: Engine = .sqlite, threads: Int = 2,
        stopsAtFailure: Bool = false, progress: @escaping @Sendable (_ done: Int) -> Void = { _ in }
    ) async throws -> SimulationSummary {
        let started = ContinuousClock.now
        let run = Run(seeds, bug, stopsAtFailure, progress)
        var databases: [FreshDatabase] = []
        for _ in 0..<threads where engine == .postgres { databases.append(try await PrivateCluster.shared.freshDatabase()) }
        await withTaskGroup(of: Void.self) { [databases] group in
            for thread in 0..<threads {
                let stage = engine == .sqlite ? .sqlite : SimulatedEngine.postgres(url: databases[thread].url)
                group.addTask { await run.onThreadOfItsOwn(stage) }
            }
        }
        for database in databases { try await database.drop() }
        var summary = try run.result()
        summary.seconds = (ContinuousClock.now - started).seconds
        summary.failures.sort { $0.seed < $1.seed }
        return summary
    }

    /// A simulation never gives its thread away, so it must not have one of Swift's few.
    private final class Run: Sendable {
        private struct State {
            var next: UInt64
            var summary = SimulationSummary()
            var error: (any Error)?
        }
        private let state: Mutex<State>
        private let end: UInt64
        private let bug: PlantedBug?
        private let stopsAtFailure: Bool
        private let progress: @Sendable (Int) -> Void

        init(_ seeds: Range<UInt64>, _ bug: PlantedBug?, _ stopsAtFailure: Bool, _ progress: @escaping @Sendable (Int) -> Void) {
            state = Mutex(State(next: seeds.lowerBound))
            end = seeds.upperBound
            self.bug = bug
            self.stopsAtFailure = stopsAtFailure
            self.progress = progress
        }

        func onThreadOfItsOwn(_ engine: SimulatedEngine) async {
            await withCheckedContinuation { continuation in
                let thread = Thread {
                    self.playAll(engine)
                    continuation.resume()
                }
                thread.stackSize = 8 << 20
                thread.start()
            }
        }

        private func playAll(_ engine: SimulatedEngine) {
            do {
                let stage = try Stage(bug: bug, on: engine)
                while let seed = nextSeed() {
                    let report = try Simulation(stage, seed: seed).run()
                    let done = state.withLock { state in
                        state.summary.add(report)
                        return state.summary.seeds
                    }
                    progress(done)
                }
            } catch {
                state.withLock { $0.error = error }
            }
        }

        private func nextSeed() -> UInt64? {
            state.withLock { state in
                let isOver = state.error != nil || (stopsAtFailure && !state.summary.failures.isEmpty)
                guard !isOver, state.next < end else { return nil }
                defer { state.next += 1 }
                return state.next
            }
        }

        func result() throws -> SimulationSummary {
            try state.withLock { state in
                if let error = state.error { throw error }
                return state.summary
            }
        }
    }
}
