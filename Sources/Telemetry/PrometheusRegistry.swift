public import CoreMetrics
internal import Synchronization

/// All metrics of the program, rendered as Prometheus reads them (text format 0.0.4).
///
/// A metric asked for twice with the same label and dimensions is one instrument. Updating one takes no lock of the
/// registry. There are at most `limit` series: a label that holds identifiers by mistake would otherwise fill the memory
/// of this program and of the one that scrapes it. What is refused is counted in `mediconnect_metrics_dropped_series`.
public final class PrometheusRegistry: MetricsFactory {
    /// In seconds.
    public static let defaultBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private struct State {
        var families: [String: Family] = [:]
        /// As they were asked for, so that a repeat costs one look-up.
        var asked: [Request: any Series] = [:]
        var seriesCount = 0
        var dropped = 0
        var help: [String: String] = [:]

        mutating func find<Wanted: Series>(_ request: Request, limit: Int, _ make: () -> Wanted) -> Wanted? {
            let name = request.metricName
            let labels = request.renderedLabels
            if let family = families[name] {
                guard family.kind == request.kind else { return nil }
                if let known = family.series[labels] { return known as? Wanted }
            }
            guard seriesCount < limit else { return nil }
            seriesCount += 1
            let made = make()
            let help = help[request.label] ?? request.label
            families[name, default: Family(name: name, kind: request.kind, help: help)].series[labels] = made
            return made
        }
    }
    private let state = Mutex(State())
    private let limit: Int
    private let buckets: [Double]

    /// `buckets`: upper bounds for timers in seconds, ascending.
    public init(limit: Int = 10_000, buckets: [Double] = PrometheusRegistry.defaultBuckets) {
        self.limit = limit
        self.buckets = buckets
    }

    /// What a metric means, for `# HELP`. `label`: as the metric is made with.
    public func describe(_ label: String, _ help: String) { state.withLock { $0.help[label] = help } }

    /// A gauge whose value is asked for at every scrape. `read` must be quick: the scrape waits for it. The first to
    /// register a name with these labels keeps it.
    public func registerGauge(
        _ name: String, help: String, labels: [(String, String)] = [], read: @escaping @Sendable () -> Double
    ) {
        describe(name, help)
        _ = series(Request(kind: .gauge, label: name, dimensions: labels)) { ReadGauge(read) }
    }

    public func render() -> [UInt8] {
        let (families, dropped) = state.withLock { ($0.families.values.sorted { $0.name < $1.name }, $0.dropped) }
        var text = PrometheusText()
        for family in families { text.append(family) }
        text.append(.droppedSeries(dropped))
        return text.bytes
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(Request(kind: .counter, label: label, dimensions: dimensions)) { IntegerCounter() } ?? IntegerCounter()
    }

    public func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        series(Request(kind: .floatingCounter, label: label, dimensions: dimensions)) { FloatingCounter() } ?? FloatingCounter()
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(Request(kind: .gauge, label: label, dimensions: dimensions)) { Gauge() } ?? Gauge()
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if !aggregate { return series(Request(kind: .gauge, label: label, dimensions: dimensions)) { Gauge() } ?? Gauge() }
        return series(Request(kind: .summary, label: label, dimensions: dimensions)) { Summary() } ?? Summary()
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let request = Request(kind: .histogram, label: label, dimensions: dimensions)
        return series(request) { Histogram(buckets: self.buckets) } ?? Histogram(buckets: buckets)
    }

    public func destroyCounter(_ handler: any CounterHandler) { forget(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { forget(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { forget(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { forget(handler) }

    // MARK: How

    /// The series a request asks for; nil when there is no room for it, or when its name already means another kind of
    /// metric. The caller then gets an instrument that works and is never rendered.
    private func series<Wanted: Series>(_ request: Request, _ make: () -> Wanted) -> Wanted? {
        state.withLock { state in
            if let known = state.asked[request] { return known as? Wanted }
            let found = state.find(request, limit: limit, make)
            if found == nil { state.dropped += 1 }
            if let found, state.asked.count < 2 * limit { state.asked[request] = found }
            return found
        }
    }

    private func forget(_ handler: AnyObject) {
        state.withLock { state in
            state.asked = state.asked.filter { $0.value !== handler }
            for (name, family) in state.families where family.series.contains(where: { $0.value === handler }) {
                state.families[name]?.series = family.series.filter { $0.value !== handler }
                state.seriesCount -= 1
            }
        }
    }
}
