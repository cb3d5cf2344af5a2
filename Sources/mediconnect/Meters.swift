import Foundation
import Logging
import Metrics
import Notation
import Outbox
import Resilience
import StoragePostgres
import Synchronization
import Telemetry
import Workflows

/// What the database's connections go through: commit groups, waits for a connection, slow statements, repetitions.
struct DatabaseMeters: PostgresObserver {
    var logger: Logger?
    private let bodies = Counter(label: "mediconnect_commit_bodies")
    private let groups = Counter(label: "mediconnect_commit_groups")
    private let time = Timer(label: "mediconnect_commit_duration")
    private let wait = Timer(label: "mediconnect_database_wait_duration")

    init(logger: Logger? = nil) { self.logger = logger }

    func waited(_ seconds: Double) { wait.recordNanoseconds(Int64(seconds * 1e9)) }

    func slow(_ statement: String, seconds: Double) {
        Counter(label: "mediconnect_database_slow").increment()
        logger?.warning(
            "a statement was slow",
            metadata: [
                "evt": "database.slow", "job": "\(statement)", "duration_ms": "\(Int(seconds * 1_000))",
            ])
    }

    func waiting(because why: String) {
        if let logger {
            logger.warning(
                "waiting for the database", metadata: ["evt": "database.waiting", "reason": "\(why)"])
        } else {
            FileHandle.standardError.write(Data("mediconnect: waiting for the database: \(why)\n".utf8))
        }
    }

    func repeated(because cause: String) {
        Counter(label: "mediconnect_database_repeated", dimensions: [("cause", cause)]).increment()
    }

    func grouped(bodies count: Int, seconds: Double) {
        bodies.increment(by: count)
        groups.increment()
        time.recordNanoseconds(Int64(seconds * 1e9))
    }
}

/// What the outbox did, as metrics and, where somebody should look, as log lines.
struct OutboxMeters: Sendable {
    let logger: Logger

    func note(_ event: OutboxEvent) {
        switch event {
        case .settled(let topic, let state, let attempt, let error):
            Counter(label: "mediconnect_outbox_settled", dimensions: [("topic", topic), ("state", state.rawValue)]).increment()
            if let error {
                logger.warning(
                    "a delivery failed",
                    metadata: [
                        "evt": "outbox.failed", "topic": "\(topic)", "attempt": "\(attempt)",
                        "error": .stringConvertible(SafeError(vouchedFor: error)),
                    ])
            }
        case .stale(let topic):
            Counter(label: "mediconnect_outbox_stale", dimensions: [("topic", topic)]).increment()
        case .rescued(let topic, _):
            Counter(label: "mediconnect_outbox_rescued", dimensions: [("topic", topic)]).increment()
        case .interrupted, .swept: break
        case .failed(let doing, let error):
            logger.error(
                "the outbox worker failed and goes on",
                metadata: ["evt": "outbox.fault", "job": "\(doing)", "error": .stringConvertible(SafeError(vouchedFor: error))])
        }
    }
}

/// What is measured by looking: how much waits in the outbox and for the writer. The outbox is asked once for each scrape.
///
/// Of several clinics it is the sum over those that are open.
final class HouseGauges: Sendable {
    private struct Depth {
        var ready = 0
        var due = 0
        var dead = 0
        var oldestSeconds = 0.0
        var corrections = 0
        var correctionsOverdue = 0
        var tasks = 0
        var oldestTaskSeconds = 0.0
        var syncFailures = 0
        var syncWaiting = 0
        var syncLagSeconds = 0.0
        var changesLagSeconds = 0.0
        var syncHeardSeconds = 0.0
        var syncOut = 0
    }

    private let clinics: any Clinics
    private let clock: any WallClock
    private let depth = Mutex(Depth())
    private let ways: WayGauges

    init(_ metrics: PrometheusRegistry, _ clinics: any Clinics, _ ways: Ways, clock: any WallClock) {
        self.clinics = clinics
        self.clock = clock
        self.ways = WayGauges(metrics, clinics, ways)
        func sum(_ part: @escaping @Sendable (Engine) -> Int) -> @Sendable () -> Double {
            { Double(clinics.open.reduce(0) { $0 + part($1.house.engine) }) }
        }
        metrics.registerGauge(
            "mediconnect_database_waiting_writes", help: "Bodies that wait for the writer or a connection",
            read: sum { $0.usage.waiting })
        metrics.registerGauge(
            "mediconnect_database_connections_busy", help: "Connections of this node that are in use",
            read: sum { $0.usage.inUse })
        metrics.registerGauge(
            "mediconnect_database_connections", help: "Connections this node may use",
            read: sum { $0.usage.size })
        metrics.registerGauge(
            "mediconnect_database_replica_lag_seconds", help: "How far behind the replica is; -1 while nobody knows"
        ) {
            clinics.open.compactMap(\.house.engine.replicaLagSeconds).max() ?? -1
        }
        metrics.registerGauge("mediconnect_outbox_ready", help: "Messages not delivered yet, due or not") { [self] in
            Double(depth.withLock { $0.ready })
        }
        metrics.registerGauge("mediconnect_outbox_due", help: "Messages that are due") { [self] in
            Double(depth.withLock { $0.due })
        }
        metrics.registerGauge("mediconnect_outbox_dead", help: "Messages that failed for good") { [self] in
            Double(depth.withLock { $0.dead })
        }
        metrics.registerGauge("mediconnect_outbox_oldest_due_seconds", help: "How long the oldest due message has waited") {
            [self] in
            depth.withLock { $0.oldestSeconds }
        }
        registerCorrections(metrics)
        registerTasks(metrics)
        registerSweeps(metrics)
        registerSync(metrics)
        metrics.registerGauge(
            "mediconnect_changes_lag_seconds", help: "How long ago the oldest change was made that the feed does not show yet"
        ) { [self] in depth.withLock { $0.changesLagSeconds } }
    }

    private func registerTasks(_ metrics: PrometheusRegistry) {
        metrics.registerGauge("mediconnect_tasks_open", help: "What only a human can settle, and nobody has") { [self] in
            Double(depth.withLock { $0.tasks })
        }
        metrics.registerGauge("mediconnect_tasks_oldest_seconds", help: "How long the oldest of them has waited") { [self] in
            depth.withLock { $0.oldestTaskSeconds }
        }
    }

    private func registerSync(_ metrics: PrometheusRegistry) {
        metrics.registerGauge("mediconnect_sync_failures", help: "Failures in a row of a system the clinic keeps in step with") {
            [self] in
            Double(depth.withLock { $0.syncFailures })
        }
        metrics.registerGauge("mediconnect_sync_waiting", help: "Changes that are not there yet") { [self] in
            Double(depth.withLock { $0.syncWaiting })
        }
        metrics.registerGauge("mediconnect_sync_lag_seconds", help: "How long ago the oldest of them was made") { [self] in
            depth.withLock { $0.syncLagSeconds }
        }
        metrics.registerGauge("mediconnect_sync_heard_seconds", help: "How long ago what changed outside was last heard whole") {
            [self] in
            depth.withLock { $0.syncHeardSeconds }
        }
        metrics.registerGauge("mediconnect_sync_out", help: "Systems that have failed for two hours and more") { [self] in
            Double(depth.withLock { $0.syncOut })
        }
    }

    private func registerSweeps(_ metrics: PrometheusRegistry) {
        for name in Sweep.Name.allCases {
            func most(_ part: @escaping @Sendable (Sweeper.Standing) -> Double) -> @Sendable () -> Double {
                { [clinics] in clinics.open.compactMap { $0.sweeper.current[name].map(part) }.max() ?? 0 }
            }
            metrics.registerGauge(
                "mediconnect_sweep_lag_seconds", help: "How long the oldest thing had been wrong that the last round came upon",
                labels: [("sweep", name.rawValue)], read: most(\.lagSeconds))
            metrics.registerGauge(
                "mediconnect_sweep_failing", help: "Whether the last round of a sweep failed", labels: [("sweep", name.rawValue)],
                read: most { $0.isFailing ? 1 : 0 })
        }
    }

    private func registerCorrections(_ metrics: PrometheusRegistry) {
        metrics.registerGauge("mediconnect_corrections_open", help: "Requests for correction nobody has decided") { [self] in
            Double(depth.withLock { $0.corrections })
        }
        metrics.registerGauge("mediconnect_corrections_overdue", help: "Those of them that are past their due date") { [self] in
            Double(depth.withLock { $0.correctionsOverdue })
        }
    }

    /// Keeps the last figures when the database does not answer; the health page says so.
    func refresh() async {
        let now = clock.now
        let depths = await withTaskGroup(
            of: (OutboxDepth, (open: Int, overdue: Int), (open: Int, oldest: Instant?), [SyncState], Span, [String: Int])?.self
        ) {
            group in
            for branch in clinics.open {
                group.addTask {
                    guard let outbox = try? await branch.outbox.depth(),
                        let corrections = try? await branch.clinic.correctionDepth(),
                        let tasks = try? await branch.clinic.taskDepth(), let sync = try? await branch.clinic.syncStates(),
                        let lag = try? await branch.clinic.changesLag(),
                        let webhooks = try? await branch.clinic.webhookVersions()
                    else { return nil }
                    return (outbox, corrections, tasks, sync, lag, webhooks)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let known = depths.compactMap { $0 }
        if known.isEmpty && !depths.isEmpty { return }
        ways.know(known.reduce(into: [:]) { all, one in all.merge(one.5) { max($0, $1) } })
        depth.withLock {
            $0 = known.reduce(into: Depth()) { sum, all in
                let (depth, corrections, tasks, sync, lag, _) = all
                sum.changesLagSeconds = max(sum.changesLagSeconds, lag.seconds)
                for state in sync {
                    sum.syncFailures = max(sum.syncFailures, state.failures)
                    sum.syncWaiting += state.waiting
                    sum.syncHeardSeconds = max(sum.syncHeardSeconds, state.position.map { max(0, (now - $0).seconds) } ?? 0)
                    if state.alertedAt != nil { sum.syncOut += 1 }
                    sum.syncLagSeconds = max(
                        sum.syncLagSeconds, state.oldestWaiting.map { max(0, (now - $0).seconds) } ?? 0)
                }
                sum.tasks += tasks.open
                sum.oldestTaskSeconds = max(sum.oldestTaskSeconds, tasks.oldest.map { max(0, (now - $0).seconds) } ?? 0)
                sum.corrections += corrections.open
                sum.correctionsOverdue += corrections.overdue
                sum.ready += depth.ready
                sum.due += depth.due
                sum.dead += depth.dead
                sum.oldestSeconds = max(sum.oldestSeconds, depth.oldestAge(at: now).seconds)
            }
        }
    }
}

/// Counts bookings and changes by outcome, and by clinic where that is wanted; and what humans are given to decide.
final class OutcomeCounters: ClinicObserver {
    private let tenant: String?
    private let counters = Mutex<[String: Counter]>([:])

    init(tenant: String? = nil) { self.tenant = tenant }

    func saw(operation: String, outcome: String) {
        let key = "\(operation) \(outcome)"
        let counter = counters.withLock { counters in
            if let known = counters[key] { return known }
            let made = Counter(
                label: "mediconnect_outcomes",
                dimensions: [("operation", operation), ("outcome", outcome)] + (tenant.map { [("tenant", $0)] } ?? []))
            counters[key] = made
            return made
        }
        counter.increment()
    }

    /// Of all clinics together: alarms go by it, so it has to be there before the first (`StandingMeters`).
    func raised(_ kind: ClinicTask.Kind) { Self.raised(kind).increment() }

    static func raised(_ kind: ClinicTask.Kind) -> Counter {
        Counter(label: "mediconnect_tasks_raised", dimensions: [("kind", kind.rawValue)])
    }
}
