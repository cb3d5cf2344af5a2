import Foundation

/// One line of the report.
struct Finding: Codable {
    let what: String
    let ours: String
    let comparedWith: String
    /// Ours to theirs; nil where a bound is compared.
    let ratio: Double?
    let target: String
    let isMet: Bool

    static func ratio(_ what: String, _ ours: Double, _ theirs: Double, unit: String, with other: String, atLeast target: Double)
        -> Finding
    {
        Finding(
            what: what, ours: "\(Int(ours)) \(unit)", comparedWith: "\(other): \(Int(theirs)) \(unit)", ratio: ours / theirs,
            target: "≥ \(target)×", isMet: ours / theirs >= target)
    }

    /// Where more would be as wrong as less.
    static func ratio(
        _ what: String, _ ours: Double, _ theirs: Double, unit: String, with other: String, between least: Double,
        and most: Double
    ) -> Finding {
        Finding(
            what: what, ours: "\(Int(ours)) \(unit)", comparedWith: "\(other): \(Int(theirs)) \(unit)", ratio: ours / theirs,
            target: "\(least) to \(most)×", isMet: (least...most).contains(ours / theirs))
    }

    static func bound(_ what: String, _ value: Double, unit: String, with other: String = "", below target: Double) -> Finding {
        Finding(
            what: what, ours: "\(short(value)) \(unit)", comparedWith: other, ratio: nil, target: "< \(short(target)) \(unit)",
            isMet: value < target)
    }

    static func table(_ findings: [Finding]) -> String {
        let rows =
            [["what", "ours", "compared with", "ratio", "target", ""]]
            + findings.map {
                [$0.what, $0.ours, $0.comparedWith, $0.ratio.map(Finding.short) ?? "", $0.target, $0.isMet ? "met" : "MISSED"]
            }
        let widths = (0..<6).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    static func write(_ findings: [Finding], to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(findings).write(to: URL(fileURLWithPath: path))
    }

    static func short(_ value: Double) -> String {
        value >= 100 ? String(Int(value.rounded())) : String((value * 100).rounded() / 100)
    }
}

extension [Double] {
    /// The middle one: half of the rounds were better, however bad the worst.
    var median: Double {
        let sorted = sorted()
        if sorted.isEmpty { return 0 }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
