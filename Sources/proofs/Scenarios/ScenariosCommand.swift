import ArgumentParser
import Foundation
import PostgresCluster
import Processes

struct Scenarios: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play what happens outside a clinic with the real server and the simulator, and look at everything it leaves.",
        discussion: """
            Each scenario books through the API while another calendar agrees, is late, fails or is left alone, and looks at states, attempts, \
            that calendar, the log, metrics and the outbox. Writes results.json and report.md. Exits 1 when something is not as it \
            should be.
            """)

    @Option(help: "The server's binary; the one beside this program unless told otherwise.")
    var server: String?
    @Option(help: "sqlite, postgres or both.")
    var engine = "both"
    @Option(help: "Requests of the comparison with a system of old.")
    var requests = 1_000
    @Option(help: "Where results.json and report.md go.")
    var out = ".build/scenarios"

    func run() async throws {
        Children.all.endWithMe()
        guard ["sqlite", "postgres", "both"].contains(engine) else {
            throw ValidationError("--engine must be sqlite, postgres or both")
        }
        guard (4...100_000).contains(requests) else { throw ValidationError("--requests must be from 4 to 100000") }
        let folder = try TemporaryFolder("scenarios", goesWithProcess: true)
        var (results, lines): ([ScenarioResult], [String]) = ([], [])
        for engine in engine == "both" ? ["sqlite", "postgres"] : [engine] {
            try await on(engine, in: folder) { clinic in
                let calendar = try await CalendarScenarios(clinic)
                for play in [calendar.happy, calendar.delayed, calendar.flaky, calendar.duplicate, calendar.breaker] {
                    results.append(tell(try await play()))
                }
                let (compared, legacy, new) = try await LegacyComparison(clinic: clinic, requests: requests).measure()
                results.append(tell(compared))
                lines.append(
                    "| \(engine) | \(legacy.mismatches) of \(legacy.requests) (\(percent(legacy.share))) | \(new.mismatches) of \(new.requests) (\(percent(new.share))) |"
                )
            }
            try await on(engine, in: folder, askedSeconds: 10) { clinic in
                results.append(tell(try await CalendarScenarios(clinic, count: 10).persistent()))
            }
        }
        try write(results, lines)
        let failed = results.filter { !$0.isPassed }
        say("\(results.count - failed.count) of \(results.count) scenarios are as they should be; \(out)/report.md")
        if !failed.isEmpty { throw ExitCode(1) }
    }

    private func on(
        _ engine: String, in folder: TemporaryFolder, askedSeconds: Int = 120, _ play: (ScenarioClinic) async throws -> Void
    ) async throws {
        let clinic = try await ScenarioClinic(
            engine, program: server ?? Siblings.server, under: folder, askedSeconds: askedSeconds)
        let result: Result<Void, any Error>
        do { result = .success(try await play(clinic)) } catch { result = .failure(error) }
        await clinic.close()
        try result.get()
    }

    private func tell(_ result: ScenarioResult) -> ScenarioResult {
        say("\(result.isPassed ? "ok    " : "FAILED") \(result.engine)  \(result.name)  (\(Finding.short(result.seconds)) s)")
        for finding in result.findings { say("       \(finding)") }
        return result
    }

    private func percent(_ share: Double) -> String { "\(Finding.short(share * 100)) %" }

    private func write(_ results: [ScenarioResult], _ compared: [String]) throws {
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(results).write(to: URL(fileURLWithPath: "\(out)/results.json"))
        let rows = results.map { result in
            let facts = result.facts.sorted { $0.key < $1.key }.map { "\($0.key) \(Finding.short($0.value))" }
            let said = result.isPassed ? facts : result.findings
            return
                "| \(result.name) | \(result.engine) | \(result.isPassed ? "passed" : "**failed**") | \(result.shows.joined(separator: ", ")) | \(said.joined(separator: "; ")) |"
        }
        let report = """
            # Scenarios

            | scenario | engine | | shows | |
            |---|---|---|---|---|
            \(rows.joined(separator: "\n"))

            ## Of old and new

            Requests at a calendar where one call in ten fails after it was done, and how many are not what it says afterwards (allowed: below 0.1 %).

            | engine | called once while the client waits | through the clinic |
            |---|---|---|
            \(compared.joined(separator: "\n"))

            """
        try Data(report.utf8).write(to: URL(fileURLWithPath: "\(out)/report.md"))
    }
}
