import Logging
import Metrics
import Notation
import Outbox
import StorageSQLite
import Synchronization
import Telemetry

/// Commit groups of the database's writer.
struct GroupMeters: Sendable {
    private let bodies = Counter(label: "mediconnect_commit_bodies")
    private let groups = Counter(label: "mediconnect_commit_groups")
    private let time = Timer(label: "mediconnect_commit_duration")

    func note(bodies count: Int, seconds: Double) {
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

    init(_ metrics: PrometheusRegistry, database: SQLiteDatabase, outbox: Outbox, clock: any WallClock) {
        self.outbox = outbox
        self.clock = clock
        metrics.registerGauge("mediconnect_database_waiting_writes", help: "Writes that wait for the writer") {
            Double(database.waitingWrites)
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
