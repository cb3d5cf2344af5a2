import Logging
import Metrics
import Notation
import Synchronization
import Telemetry
import Workflows

/// Runs a clinic's sweeps, each on its own interval, where this node is the one that does what only one has to do.
final class Sweeper: Sendable {
    /// How a sweep stood after its last round.
    struct Standing: Sendable {
        /// How long the oldest thing had been wrong that it came upon; 0 when everything fitted.
        var lagSeconds = 0.0
        var isFailing = false
        var lastRound: Instant?
    }

    private let sweeps: [Sweep]
    private let clock: any WallClock
    private let logger: Logger
    private let standings = Mutex<[Sweep.Name: Standing]>([:])

    init(_ sweeps: [Sweep], clock: any WallClock, logger: Logger) {
        self.sweeps = sweeps
        self.clock = clock
        self.logger = logger
    }

    /// Of those that have run here.
    var current: [Sweep.Name: Standing] { standings.withLock { $0 } }

    /// Until its task is cancelled, while `leads` says that it is this node's duty.
    func run(while leads: @escaping @Sendable () -> Bool) async {
        await withDiscardingTaskGroup { group in
            for sweep in sweeps {
                group.addTask {
                    while !Task.isCancelled {
                        let isOurs = leads()
                        if isOurs { await self.round(of: sweep) }
                        // Who has just started is chosen a moment later, and what it has to find may have waited long enough.
                        let rest = isOurs ? sweep.interval : min(sweep.interval, .seconds(1))
                        try? await self.clock.sleep(until: self.clock.now + rest)
                    }
                }
            }
        }
    }

    /// Each once, for a clinic nobody asks for.
    func round() async { for sweep in sweeps { await round(of: sweep) } }

    private func round(of sweep: Sweep) async {
        let name = sweep.name.rawValue
        defer { count("mediconnect_sweep_rounds", 1, name) }
        do {
            let outcome = try await sweep.round()
            let now = clock.now
            standings.withLock {
                $0[sweep.name] = Standing(
                    lagSeconds: outcome.oldest.map { max(0, (now - $0).seconds) } ?? 0, isFailing: false, lastRound: now)
            }
            count("mediconnect_sweep_repaired", outcome.repaired, name)
            count("mediconnect_sweep_raised", outcome.raised, name)
            if outcome.repaired > 0 || outcome.raised > 0 {
                logger.notice(
                    "a sweep came upon what did not fit",
                    metadata: ["evt": "sweep.repaired", "job": "\(name)", "count": "\(outcome.repaired + outcome.raised)"])
            }
        } catch is CancellationError {
            return
        } catch {
            standings.withLock { $0[sweep.name, default: Standing()].isFailing = true }
            count("mediconnect_sweep_failed", 1, name)
            logger.warning(
                "a sweep failed and will be tried again",
                metadata: ["evt": "sweep.failed", "job": "\(name)", "error": .safe(error)])
        }
    }

    private func count(_ label: String, _ number: Int, _ sweep: String) {
        Counter(label: label, dimensions: [("sweep", sweep)]).increment(by: Int64(number))
    }
}
