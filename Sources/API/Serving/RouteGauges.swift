import Metrics

/// The instruments of one route, made once: looking one up by its labels costs more than counting.
final class RouteGauges: Sendable {
    private let counters: [Counter]
    private let timer: Timer

    init(_ operation: String) {
        counters = (1...5).map {
            Counter(label: "mediconnect_http_requests", dimensions: [("operation", operation), ("status", "\($0)xx")])
        }
        timer = Timer(label: "mediconnect_http_request_duration", dimensions: [("operation", operation)])
    }

    func record(status: Int, since started: ContinuousClock.Instant) {
        counters[min(max(status / 100, 1), 5) - 1].increment()
        timer.record(duration: started.duration(to: .now))
    }
}
