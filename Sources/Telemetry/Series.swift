/// What was asked for, before any name was made fit for Prometheus.
struct Request: Hashable {
    let kind: MetricKind
    let label: String
    let dimensions: [(String, String)]

    static func == (left: Request, right: Request) -> Bool {
        left.kind == right.kind && left.label == right.label
            && left.dimensions.elementsEqual(right.dimensions) { $0.0 == $1.0 && $0.1 == $1.1 }
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(label)
        for (name, value) in dimensions {
            hasher.combine(name)
            hasher.combine(value)
        }
    }

    /// With the ending Prometheus expects of its kind.
    var metricName: String {
        let name = label.sanitized(allowsColon: true)
        return switch kind {
        case .counter, .floatingCounter: name.hasSuffix("_total") ? name : name + "_total"
        case .histogram: name.hasSuffix("_seconds") ? name : name + "_seconds"
        case .gauge, .summary: name
        }
    }

    /// `method="GET",route="/v1/slots"`, sorted by name, so that their order does not matter.
    var renderedLabels: String {
        dimensions.map { (name: labelName($0.0), value: $0.1) }
            .sorted { ($0.name, $0.value) < ($1.name, $1.value) }
            .map { "\($0.name)=\"\(escaped($0.value))\"" }
            .joined(separator: ",")
    }

    /// `le` belongs to histograms and two leading underscores to Prometheus itself.
    private func labelName(_ name: String) -> String {
        let name = name.sanitized(allowsColon: false)
        return name == "le" || name.hasPrefix("__") ? "label_" + name : name
    }

    private func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x22 || $0 == 0x5C || $0 == 0x0A }) else { return value }
        return value.map { $0 == "\\" ? #"\\"# : $0 == "\"" ? #"\""# : $0.isNewline ? #"\n"# : String($0) }.joined()
    }
}

enum MetricKind: Hashable, Sendable {
    case counter, floatingCounter, gauge, summary, histogram

    /// The word after `# TYPE`.
    var word: StaticString {
        switch self {
        case .counter, .floatingCounter: "counter"
        case .gauge: "gauge"
        case .summary: "summary"
        case .histogram: "histogram"
        }
    }
}

/// All series of one name.
struct Family: Sendable {
    let name: String
    let kind: MetricKind
    let help: String
    /// By their rendered labels.
    var series: [String: any Series] = [:]

    static func droppedSeries(_ count: Int) -> Family {
        let gauge = Gauge()
        gauge.set(Int64(count))
        return Family(
            name: "mediconnect_metrics_dropped_series", kind: .gauge,
            help: "Series that were refused because there are too many, or because their name means another kind of metric.",
            series: ["": gauge])
    }
}

/// One instrument as Prometheus sees it.
protocol Series: AnyObject, Sendable {
    func write(_ name: String, _ labels: String, to text: inout PrometheusText)
}

extension String {
    /// A name Prometheus accepts: letters, digits, underscores (and colons), not starting with a digit.
    func sanitized(allowsColon: Bool) -> String {
        var bytes = utf8.map { byte -> UInt8 in
            switch byte {
            case 48...57, 65...90, 95, 97...122: byte
            case 58 where allowsColon: byte
            default: 95
            }
        }
        if bytes.isEmpty || (48...57).contains(bytes[0]) { bytes.insert(95, at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
