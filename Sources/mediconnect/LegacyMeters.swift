import Logging
import Metrics
import Telemetry
import Workflows

/// What came of steps with the system that is being replaced, as metrics and as log lines.
struct LegacyMeters: Sendable {
    let logger: Logger

    func note(_ report: LegacyReport) {
        Counter(label: "mediconnect_legacy_steps", dimensions: [("outcome", report.what.rawValue)]).increment()
        var metadata: Logger.Metadata = ["evt": "legacy.\(report.what.rawValue)", "destination": "\(LegacyDesk.system)"]
        if let appointment = report.appointment { metadata["appointment_id"] = "\(appointment)" }
        if let theirs = report.theirs { metadata["request_id"] = "\(theirs)" }
        if let reason = report.reason { metadata["reason"] = "\(reason)" }
        logger.log(level: report.what.level, "a step with the system that is being replaced", metadata: metadata)
    }
}

extension LegacyReport.What {
    fileprivate var level: Logger.Level {
        switch self {
        case .told, .cancelled, .takenOver: .info
        case .later, .postponed: .warning
        case .refused, .notTaken: .error
        }
    }
}
