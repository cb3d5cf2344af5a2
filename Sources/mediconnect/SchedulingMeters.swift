import Logging
import Metrics
import Notation
import Telemetry
import Workflows

/// What other calendars answered, as metrics and as log lines in GF's shape: request, appointment, provider, attempt, outcome and time
/// (GF-8).
struct SchedulingMeters: Sendable {
    let logger: Logger

    func note(_ report: SchedulingReport) {
        let dimensions = [("provider", report.provider), ("outcome", report.outcome.rawValue)]
        Counter(label: "mediconnect_scheduling_answers", dimensions: dimensions).increment()
        var metadata: Logger.Metadata = [
            "evt": "scheduling.\(report.outcome.rawValue)", "request_id": "\(report.requestID)",
            "appointment_id": "\(report.appointment)", "destination": "\(report.provider)", "attempt": "\(report.attempt)",
            "duration_ms": "\(report.took.microseconds / 1000)",
        ]
        if let reason = report.reason { metadata["reason"] = "\(reason)" }
        logger.log(level: report.outcome.level, "another calendar was asked", metadata: metadata)
    }
}

extension SchedulingReport.Outcome {
    fileprivate var level: Logger.Level {
        switch self {
        case .confirmed, .failed, .cancelled, .pending: .info
        case .later, .postponed, .unknown: .warning
        case .gaveUp: .error
        }
    }
}
