import Logging
import Metrics
import Telemetry
import Workflows

/// What became of changes on their way into a hospital's records, as metrics and, where somebody should look, as log lines.
struct RecordsMeters: Sendable {
    let logger: Logger

    func note(_ report: RecordsReport) {
        Counter(
            label: "mediconnect_sync_changes", dimensions: [("system", RecordsDesk.system), ("outcome", report.outcome.rawValue)]
        )
        .increment()
        var metadata: Logger.Metadata = [
            "evt": "records.\(report.outcome.rawValue)", "appointment_id": "\(report.appointment)",
            "destination": "\(RecordsDesk.system)", "attempt": "\(report.attempt)",
        ]
        if let reason = report.reason { metadata["reason"] = "\(reason)" }
        logger.log(
            level: report.outcome == .done ? .debug : report.outcome == .failed ? .error : .warning,
            "a change of an appointment was carried to the records", metadata: metadata)
    }
}
