/// Writes the text format, version 0.0.4.
struct PrometheusText {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ family: Family) {
        append("# HELP \(family.name) \(escapedHelp(family.help))\n# TYPE \(family.name) \(family.kind.word)\n")
        for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) { series.write(family.name, labels, to: &self) }
    }

    mutating func sample(_ name: String, _ labels: String, _ value: Double) {
        append(name)
        if !labels.isEmpty { append("{\(labels)}") }
        append(" \(Self.number(value))\n")
    }

    /// Whole numbers without a fraction; what is not a number in the format's own words.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return String(value)
    }

    private func escapedHelp(_ help: String) -> String {
        help.map { $0 == "\\" ? #"\\"# : $0.isNewline ? #"\n"# : String($0) }.joined()
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
