import Foundation

/// What was played and found, as a program reads it and as somebody likes to.
struct ScenarioReport: Codable {
    /// Of this file's shape.
    var format = 1
    let passed: Bool
    let seconds: Double
    let scenarios: [ScenarioResult]
    let controls: [Control]

    /// Something wrong that was put in on purpose, and whether it was seen.
    struct Control: Codable, Sendable {
        let fault: String
        /// What has to see it.
        let about: Aspect
        let seen: Bool
        /// What was said of it.
        let finding: String?
    }

    init(_ scenarios: [ScenarioResult], _ controls: [Control], seconds: Double) {
        passed = scenarios.allSatisfy(\.passed) && controls.allSatisfy(\.seen)
        (self.seconds, self.scenarios, self.controls) = (seconds, scenarios, controls)
    }

    func write(to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(fileURLWithPath: "\(folder)/results.json"))
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/report.md"))
    }

    // MARK: To be read

    private var engines: [String] { ["sqlite", "postgres"].filter { engine in scenarios.contains { $0.engine == engine } } }
    private var names: [String] {
        scenarios.reduce(into: []) { names, result in if !names.contains(result.name) { names.append(result.name) } }
    }
    private func of(_ name: String) -> [ScenarioResult] {
        engines.compactMap { engine in scenarios.first { $0.name == name && $0.engine == engine } }
    }

    private var text: String {
        let failed = scenarios.count { !$0.passed }
        let checks = scenarios.reduce(0) { $0 + $1.checks.count }
        var text = """
            # Scenarios

            \(failed == 0 ? "Everything is as it has to be" : "**\(failed) of \(scenarios.count) are not as they have to be**"): \
            \(names.count) scenarios on \(engines.joined(separator: " and ")), \(checks) checks, \(Int(seconds.rounded())) seconds.

            | scenario | shows | \(engines.joined(separator: " | ")) |
            |---|---|\(engines.map { _ in "---|" }.joined())

            """
        for name in names {
            let results = of(name)
            let cells = engines.map { engine in
                results.first { $0.engine == engine }.map { result in
                    "\(result.passed ? "passed" : "**failed**"), \(result.checks.count) checks, \(Finding.short(result.seconds)) s"
                } ?? "–"
            }
            text += "| [\(name)](#\(name)) | \(results[0].shows.joined(separator: ", ")) | \(cells.joined(separator: " | ")) |\n"
        }
        text += comparison + seen
        for name in names { text += section(of(name)) }
        return text
    }

    private var comparison: String {
        let compared = of(LegacyComparison.name)
        if compared.isEmpty { return "" }
        let rows = compared.map { result in
            func share(_ name: String) -> String {
                let (number, all) = (result.counted[name] ?? 0, result.counted["requests"] ?? 0)
                return "\(Int(number)) (\(Finding.short(100 * number / max(1, all))) %)"
            }
            return
                "| \(result.engine) | \(Int(result.counted["requests"] ?? 0)) | \(share("differ of old")) | \(share("differ")) |"
        }
        return """

            ## Of old and new

            The same requests at a calendar where one call in ten fails after it was done. Of old, the calendar is called once while the client \
            waits, and what fails is believed not to have happened. Differing means: booked here and not there, or there and not here. \
            Allowed is less than 0.1 %.

            | engine | requests | differ of old | differ through the clinic |
            |---|---|---|---|
            \(rows.joined(separator: "\n"))

            """
    }

    private var seen: String {
        if controls.isEmpty { return "" }
        let rows = controls.map { control in
            "| \(control.fault) | \(control.about.rawValue) | \(control.seen ? "seen" : "**not seen**") | \(control.finding ?? "") |"
        }
        return """

            ## Would it be seen?

            The first scenario again, each time with something wrong in it: it has to fail, and by this check.

            | put in | to be seen by | | what was said |
            |---|---|---|---|
            \(rows.joined(separator: "\n"))

            """
    }

    private func section(_ results: [ScenarioResult]) -> String {
        var text = "\n## \(results[0].name)\n\n\(results[0].tells)\n"
        for result in results where !result.passed {
            text += "\n**On \(result.engine) it failed:**\n\n" + result.findings.map { "- \($0)\n" }.joined()
        }
        for about in Aspect.allCases {
            let what = results.flatMap(\.checks).filter { $0.about == about }.map(\.what)
            let once = what.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
            if !once.isEmpty { text += "\n- **\(about.rawValue)**: \(once.joined(separator: "; "))" }
        }
        let counted = Set(results.flatMap(\.counted.keys)).sorted()
        if !counted.isEmpty {
            text +=
                "\n\n| counted | \(results.map(\.engine).joined(separator: " | ")) |\n|---|\(results.map { _ in "---|" }.joined())\n"
            for name in counted {
                text += "| \(name) | \(results.map { $0.counted[name].map(Self.number) ?? "–" }.joined(separator: " | ")) |\n"
            }
        }
        return text
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() ? "\(Int(value))" : Finding.short(value)
    }
}
