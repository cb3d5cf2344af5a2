import Logging
import Metrics
import Notation
import Workflows

/// What became of telling others, as metrics and, where somebody should look, as log lines.
struct EventMeters: Sendable {
    let logger: Logger

    func note(_ report: WebhookReport) {
        Counter(
            label: "mediconnect_webhook_deliveries",
            dimensions: [("webhook", report.webhook.description), ("outcome", report.outcome.rawValue)]
        ).increment()
        var metadata: Logger.Metadata = [
            "evt": "webhook.\(report.outcome.rawValue)", "webhook": "\(report.webhook)", "message_id": "\(report.event)",
            "topic": "\(report.kind)", "attempt": "\(report.attempt)",
        ]
        if let reason = report.reason { metadata["reason"] = "\(reason)" }
        let level: Logger.Level =
            switch report.outcome {
            case .delivered, .cancelled, .postponed: .debug
            case .later: .info
            case .gone: .warning
            case .failed: .error
            }
        logger.log(level: level, "a webhook was told", metadata: metadata)
    }

    func note(_ report: BusReport) {
        Counter(label: "mediconnect_bus_messages", dimensions: [("outcome", report.outcome.rawValue)]).increment()
        var metadata: Logger.Metadata = [
            "evt": "bus.\(report.outcome.rawValue)", "message_id": "\(report.event)", "topic": "\(report.kind)",
            "attempt": "\(report.attempt)",
        ]
        if let reason = report.reason { metadata["reason"] = "\(reason)" }
        logger.log(
            level: report.outcome == .published ? .debug : report.outcome == .failed ? .error : .warning,
            "a change was published", metadata: metadata)
    }
}
