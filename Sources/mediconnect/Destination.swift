import Logging
import Metrics
import Notation
import Resilience

/// What this program calls, by kind: the label of a metric, and no name of anybody's.
enum Destination: String, CaseIterable, Sendable {
    case mail, oidc

    /// A breaker that says in the log and in a metric when it opens and closes.
    func breaker(_ settings: CircuitBreaker.Settings, _ surroundings: Surroundings, _ logger: Logger) -> SharedBreaker {
        let opened = Counter(label: "mediconnect_breaker_opened", dimensions: [("destination", rawValue)])
        return SharedBreaker(settings, clock: surroundings.clock, random: surroundings.random) { [rawValue] state in
            switch state {
            case .open:
                opened.increment()
                logger.warning(
                    "calls are kept from a destination that fails",
                    metadata: ["evt": "breaker.opened", "source": "\(rawValue)"])
            case .closed:
                logger.notice("a destination is well again", metadata: ["evt": "breaker.closed", "source": "\(rawValue)"])
            case .halfOpen, .forcedOpen, .disabled: break
            }
        }
    }
}
