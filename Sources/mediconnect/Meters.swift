import Foundation
import Logging
import Metrics
import Notation
import Outbox
import StoragePostgres
import Synchronization
import Telemetry

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
final class HouseGauges: Sendable {
    private struct Depth {
        var ready = 0
        var due = 0
        var dead = 0
        var oldestSeconds = 0.0
    }

    private let outbox: Outbox
    private let clock: any WallClock
    private let depth = Mutex(Depth())

    init(_ metrics: PrometheusRegistry, engine: Engine, outbox: Outbox, clock: any WallClock) {
        self.outbox = outbox
        self.clock = clock
        metrics.registerGauge("mediconnect_database_waiting_writes", help: "Bodies that wait for the writer or a connection") {
            Double(engine.usage.waiting)
        }
        metrics.registerGauge("mediconnect_database_connections_busy", help: "Connections of this node that are in use") {
            Double(engine.usage.inUse)
        }
        metrics.registerGauge("mediconnect_database_connections", help: "Connections this node may use") {
            Double(engine.usage.size)
        }
        metrics.registerGauge(
            "mediconnect_database_replica_lag_seconds", help: "How far behind the replica is; -1 while nobody knows"
        ) {
            engine.replicaLagSeconds ?? -1
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
    }

    /// Keeps the last figures when the database does not answer; the health page says so.
    func refresh() async {
        guard let now = try? await outbox.depth() else { return }
        let oldest = now.oldestAge(at: clock.now).seconds
        depth.withLock { $0 = Depth(ready: now.ready, due: now.due, dead: now.dead, oldestSeconds: oldest) }
    }
}
