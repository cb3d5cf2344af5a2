import ArgumentParser
import Foundation
import PostgresCluster
import Processes

struct Scenarios: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play what happens outside a clinic with the real server and the simulator, and look at everything it leaves.",
        discussion: """
            Each scenario has a clinic of its own: its servers, the simulator of whomever it works with, and a database. It is looked at \
            from all sides: states, attempts, what the simulator did for whom, log, metrics, and whether the outbox is empty. Then \
            something wrong is put in, once for each of these, which has to be seen. Writes results.json and report.md. Exits 1 when \
            something is not as it should be.
            """)

    @Argument(help: "Which to play; all unless told otherwise.")
    var names: [String] = []
    @Option(help: "The same, several with commas between.")
    var only: String?
    @Flag(help: "Name them, and play none.")
    var list = false
    @Option(help: "The server's binary; the one beside this program unless told otherwise.")
    var server: String?
    @Option(help: "sqlite, postgres or both.")
    var engine = "both"
    @Option(help: "Requests of the comparison with a system of old.")
    var requests = 1_000
    @Option(help: "How many clinics are open at once on each engine.")
    var lanes = 3
    @Option(help: "Put something wrong into each: \(PlantedFault.allCases.map(\.rawValue).joined(separator: ", ")).")
    var sabotage: String?
    @Option(help: "Where results.json and report.md go.")
    var out = ".build/scenarios"

    func run() async throws {
        guard ["sqlite", "postgres", "both"].contains(engine) else {
            throw ValidationError("--engine must be sqlite, postgres or both")
        }
        guard (20...100_000).contains(requests) else { throw ValidationError("--requests must be from 20 to 100000") }
        guard (1...16).contains(lanes) else { throw ValidationError("--lanes must be from 1 to 16") }
        let fault = try sabotage.map { name in
            guard let fault = PlantedFault(rawValue: name) else {
                throw ValidationError(
                    "--sabotage must be one of \(PlantedFault.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return fault
        }
        let chosen = try chosen()
        if list {
            for scenario in chosen { say("\(scenario.name.padding(toLength: 12, withPad: " ", startingAt: 0))\(scenario.tells)") }
            return
        }
        Children.all.endWithMe()
        try await play(chosen, fault)
    }

    private func chosen() throws -> [Scenario] {
        let all = Scenario.all(requests: requests)
        let wanted = names + (only.map { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } } ?? [])
        for name in wanted where !all.contains(where: { $0.name == name }) {
            throw ValidationError("there is no scenario '\(name)'; there are \(all.map(\.name).joined(separator: ", "))")
        }
        return wanted.isEmpty ? all : all.filter { wanted.contains($0.name) }
    }

    private func play(_ scenarios: [Scenario], _ fault: PlantedFault?) async throws {
        let began = ContinuousClock.now
        let folder = try TemporaryFolder("scenarios", goesWithProcess: true)
        let stage = ScenarioStage(program: server ?? Siblings.server, folder: folder)
        let engines = engine == "both" ? ["sqlite", "postgres"] : [engine]
        var parts = engines.flatMap { engine in scenarios.map { Part.scenario($0, engine, fault) } }
        // Whoever asks for one wants that one, and quickly.
        if fault == nil, names.isEmpty, only == nil { parts += PlantedFault.allCases.map { .control($0, engines[0]) } }
        // The longest begins first; engines take turns, so that both are under way.
        parts = parts.sorted { $0.weight > $1.weight }
        let ended = await inLanes(parts, lanes * engines.count) { part in await part.play(on: stage) }
        let order = scenarios.map(\.name)
        let results = ended.compactMap(\.result).sorted {
            (order.firstIndex(of: $0.name) ?? 0, $1.engine) < (order.firstIndex(of: $1.name) ?? 0, $0.engine)
        }
        let report = ScenarioReport(
            results, ended.compactMap(\.control).sorted { $0.fault < $1.fault },
            seconds: (ContinuousClock.now - began) / .seconds(1))
        try report.write(to: out)
        let failed = results.filter { !$0.passed }
        say("\(results.count - failed.count) of \(results.count) scenarios are as they should be; \(out)/report.md")
        if !report.passed { throw ExitCode(1) }
    }

    /// So many at once.
    private func inLanes<Work: Sendable, Answer: Sendable>(
        _ work: [Work], _ count: Int, _ body: @escaping @Sendable (Work) async -> Answer
    ) async -> [Answer] {
        await withTaskGroup(of: Answer.self) { group in
            var (waiting, answers) = (work[...], [Answer]())
            for _ in 0..<min(count, work.count) {
                let next = waiting.removeFirst()
                group.addTask { await body(next) }
            }
            for await answer in group {
                answers.append(answer)
                if let next = waiting.popFirst() { group.addTask { await body(next) } }
            }
            return answers
        }
    }
}

/// What one lane does at a time.
private enum Part: Sendable {
    case scenario(Scenario, String, PlantedFault?)
    case control(PlantedFault, String)

    struct Ended: Sendable {
        var result: ScenarioResult?
        var control: ScenarioReport.Control?
    }

    /// How long it takes, roughly: what waits longest for others comes first.
    var weight: Int {
        switch self {
        case .scenario(let scenario, _, _):
            [LegacyComparison.name: 3, "flaky": 2, "payment": 2, "breaker": 2, "records": 2][scenario.name] ?? 1
        case .control: 0
        }
    }

    func play(on stage: ScenarioStage) async -> Ended {
        switch self {
        case .scenario(let scenario, let engine, let fault):
            let result = await stage.play(scenario, on: engine, fault)
            say(
                "\(result.passed ? "ok    " : "FAILED") \(engine.padding(toLength: 9, withPad: " ", startingAt: 0)) \(result.name)  (\(Finding.short(result.seconds)) s)"
            )
            for finding in result.findings { say("       \(finding)") }
            return Ended(result: result)
        case .control(let fault, let engine):
            let result = await stage.play(CalendarScenarios.happy, on: engine, fault)
            let finding = result.checks.first { $0.about == fault.seenBy && !$0.passed }
            say(
                "\(finding == nil ? "NOT SEEN" : "seen  ") \(fault.rawValue), by \(fault.seenBy.rawValue)  (\(Finding.short(result.seconds)) s)"
            )
            let said = finding.map { "not so: \($0.what)\($0.found.map { " (\($0))" } ?? "")" }
            return Ended(
                control: ScenarioReport.Control(
                    fault: fault.rawValue, about: fault.seenBy, seen: finding != nil, finding: said ?? result.fault))
        }
    }
}

/// Where scenarios are played.
struct ScenarioStage: Sendable {
    let program: String
    let folder: TemporaryFolder

    /// Plays one in a clinic of its own, and looks at everything afterwards.
    func play(_ scenario: Scenario, on engine: String, _ fault: PlantedFault?) async -> ScenarioResult {
        var result = ScenarioResult(scenario, engine: engine)
        let began = ContinuousClock.now
        do {
            let clinic = try await ScenarioClinic(
                engine, for: scenario.name, scenario.needs, program: program, under: folder, fault: fault)
            let scene = Scene(clinic)
            do {
                try await scenario.play(scene)
                if let fault { try await clinic.plant(fault) }
                try await scene.end(errors: scenario.errors)
            } catch { result.fault = "\(error)" }
            await clinic.close()
            (result.checks, result.counted) = (scene.checks, scene.counted)
        } catch { result.fault = "\(error)" }
        // What was not looked at was not shown.
        let unseen = Aspect.allCases.filter { about in !result.checks.contains { $0.about == about } }
        if result.fault == nil, !unseen.isEmpty {
            result.fault = "nobody has looked at \(unseen.map(\.rawValue).joined(separator: ", "))"
        }
        result.passed = result.findings.isEmpty
        result.seconds = (ContinuousClock.now - began) / .seconds(1)
        return result
    }
}
