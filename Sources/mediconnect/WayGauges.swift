import Connectors
import Resilience
import Synchronization
import Telemetry

/// How the destinations outside stand at the moment somebody looks, whether or not anybody calls them (MC-2). What has happened on the ways there,
/// `WayMeters` counts.
final class WayGauges: Sendable {
    private let ways: Ways
    private let clinics: any Clinics
    /// The webhooks there are, with their versions, when they were last read.
    private let webhooks = Mutex<[String: Int]>([:])

    init(_ metrics: PrometheusRegistry, _ clinics: any Clinics, _ ways: Ways) {
        self.ways = ways
        self.clinics = clinics
        for destination in PartnerSettings.destinations + [SignOnWay.destination] {
            metrics.registerGauge(
                "mediconnect_outbound_breaker",
                help: "Whether calls are kept away: 0 no, 1 tried out, 2 yes, 3 by hand, 4 called whatever comes back",
                labels: [("destination", destination)]
            ) { [self] in Double(states(of: destination).map(\.figure).max() ?? 0) }
        }
        let amounts: [(name: String, help: String, of: @Sendable (WayOutStatus) -> Int)] = [
            ("mediconnect_outbound_under_way", "Calls that are under way", { $0.underWay }),
            ("mediconnect_outbound_waiting", "Calls that wait because too many are under way", { $0.waiting }),
        ]
        for amount in amounts {
            for destination in PartnerSettings.destinations {
                metrics.registerGauge(amount.name, help: amount.help, labels: [("destination", destination)]) {
                    Double(ways.statuses.filter { $0.destination == destination }.reduce(0) { $0 + amount.of($1) })
                }
            }
        }
        metrics.registerGauge(
            "mediconnect_outbound_repeats_left", help: "How often a provider of sign-ins that fails may be asked once more",
            labels: [("destination", SignOnWay.destination)]
        ) { clinics.open.flatMap(\.signOnWays).map(\.repeatsLeft).min() ?? RetryBudget().most }
    }

    /// Of several clinics those that are open: nobody calls for the others.
    func know(_ webhooks: [String: Int]) { self.webhooks.withLock { $0 = webhooks } }

    private func states(of destination: String) -> [CircuitBreaker.State] {
        switch destination {
        case SignOnWay.destination: clinics.open.flatMap(\.signOnWays).map(\.state)
        case WayOutSettings.webhooks.destination: ways.webhooks.states(of: webhooks.withLock { $0 })
        default: ways.states[destination].map { [$0] } ?? []
        }
    }
}
