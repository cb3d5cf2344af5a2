import Logging
import Metrics
import Telemetry
import Workflows

/// What became of changes on their way into a hospital's records, as metrics and, where somebody should look, as log lines.
struct RecordsMeters: Sendable {
    let logger: Logger

    func note(_ outage: SyncOutage) {
        Counter(label: "mediconnect_sync_outages", dimensions: [("system", outage.system), ("turn", outage.turn.rawValue)])
            .increment()
        var metadata: Logger.Metadata = ["evt": "sync.outage-\(outage.turn.rawValue)", "destination": "\(outage.system)"]
        if let reason = outage.reason { metadata["reason"] = "\(reason)" }
        logger.log(
            level: outage.turn == .began ? .error : .notice,
            outage.turn == .began ? "a system has failed for hours" : "a system that was out is back", metadata: metadata)
    }

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
