import Connectors
import Logging
import Metrics
import Notation
import Resilience
import Telemetry

/// What happens on the ways out, as metrics and, where somebody should look, as log lines. How each stands at the moment, `WayGauges` looks up.
struct WayMeters: Sendable {
    let logger: Logger

    func note(_ event: WayOutEvent) {
        switch event {
        case .ended(let destination, let outcome, let took, let reason):
            Self.calls(to: destination, outcome).increment()
            if let took {
                Timer(label: "mediconnect_outbound_duration", dimensions: [("destination", destination)])
                    .recordNanoseconds(took.microseconds * 1000)
            }
            if let reason {
                logger.info(
                    "a call outside did not succeed",
                    metadata: [
                        "evt": "outbound.\(outcome.rawValue)", "destination": "\(destination)", "reason": "\(reason)",
                        "duration_ms": "\((took?.microseconds ?? 0) / 1000)",
                    ])
            }
        case .breaker(let destination, let state):
            if state.isOpen { Self.opened(destination).increment() }
            logger.log(
                level: state == .closed ? .notice : .warning, "a destination is \(state.words)",
                metadata: ["evt": "outbound.breaker", "destination": "\(destination)", "state": "\(state.words)"])
        }
    }

    static func calls(to destination: String, _ outcome: WayOutEvent.Outcome) -> Counter {
        Counter(
            label: "mediconnect_outbound_calls", dimensions: [("destination", destination), ("outcome", outcome.rawValue)])
    }

    static func opened(_ destination: String) -> Counter {
        Counter(label: "mediconnect_outbound_opened", dimensions: [("destination", destination)])
    }
}

extension CircuitBreaker.State {
    /// 0 is called, 1 is tried out, 2 is left alone, 3 is left alone by hand, 4 is called whatever comes back.
    var figure: Int {
        switch self {
        case .closed: 0
        case .halfOpen: 1
        case .open: 2
        case .forcedOpen: 3
        case .disabled: 4
        }
    }

    var words: String {
        switch self {
        case .closed: "called"
        case .halfOpen: "tried out"
        case .open: "left alone"
        case .forcedOpen: "left alone by hand"
        case .disabled: "called whatever comes back"
        }
    }
}
