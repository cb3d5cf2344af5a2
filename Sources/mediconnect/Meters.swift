import Logging
import Metrics
import Outbox

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
                    metadata: ["evt": "outbox.failed", "topic": "\(topic)", "attempt": "\(attempt)", "error": "\(error)"])
            }
        case .stale(let topic):
            Counter(label: "mediconnect_outbox_stale", dimensions: [("topic", topic)]).increment()
        case .rescued(let topic, _):
            Counter(label: "mediconnect_outbox_rescued", dimensions: [("topic", topic)]).increment()
        case .interrupted, .swept: break
        case .failed(let doing, let error):
            logger.error("the outbox worker failed and goes on", metadata: ["evt": "outbox.fault", "topic": "\(doing)", "error": "\(error)"])
        }
    }
}
