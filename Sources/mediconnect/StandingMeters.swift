#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Connectors
import Metrics
import Telemetry
import Workflows

/// What alarms go by and is there from the start, at zero: of a counter that appears with its first event nobody can say that it has risen
/// (`deploy/prometheus`).
enum StandingMeters {
    /// - Parameter folder: the data folder.
    static func register(_ metrics: PrometheusRegistry, folder: String) {
        for sweep in Sweep.Name.allCases {
            for label in ["rounds", "repaired", "raised", "failed"] {
                _ = Counter(label: "mediconnect_sweep_\(label)", dimensions: [("sweep", sweep.rawValue)])
            }
        }
        for topic in Topic.outside {
            _ = Counter(label: "mediconnect_outbox_settled", dimensions: [("topic", topic), ("state", "dead")])
            _ = Counter(label: "mediconnect_outbox_rescued", dimensions: [("topic", topic)])
        }
        for topic in Topic.told {
            _ = Counter(label: "mediconnect_outbox_settled", dimensions: [("topic", topic), ("state", "dead")])
        }
        for destination in PartnerSettings.destinations + [SignOnWay.destination] {
            _ = WayMeters.opened(destination)
            for outcome in WayOutEvent.Outcome.allCases { _ = WayMeters.calls(to: destination, outcome) }
        }
        for kind in ClinicTask.Kind.allCases { _ = OutcomeCounters.raised(kind) }
        for (name, help, part) in [
            ("mediconnect_data_disk_bytes", "How much the file system of the data folder holds", \Room.all),
            ("mediconnect_data_disk_free_bytes", "How much of that this program may still fill", \Room.free),
        ] {
            metrics.registerGauge(name, help: help) { Room(of: folder).map { $0[keyPath: part] } ?? -1 }
        }
    }

    /// In bytes.
    struct Room {
        let all: Double
        let free: Double

        /// Nil where nobody can say.
        init?(of path: String) {
            var answer = statvfs()
            guard statvfs(path, &answer) == 0 else { return nil }
            let block = Double(answer.f_frsize)
            all = block * Double(answer.f_blocks)
            free = block * Double(answer.f_bavail)
        }
    }
}
