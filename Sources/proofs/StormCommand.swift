import ArgumentParser
import TestKit

/// Lets a crowd book the same times at once, on a real database, and counts.
struct Storm: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let 64 callers fight for the same times, and check that each was sold once and to one.")

    @Option(help: "How many attempts, for each number of practitioners.")
    var attempts = 100_000

    @Option(help: "How many practitioners they want; may be given several times.")
    var practitioners: [Int] = [1, 20, 500]

    @Option(help: "sqlite or postgres; may be given several times.")
    var engine: [String] = ["sqlite"]

    func validate() throws {
        if engine.contains(where: { Engine(rawValue: $0) == nil }) {
            throw ValidationError("--engine must be one of \(Engine.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if attempts < 64 { throw ValidationError("--attempts must be at least 64, one for each caller") }
        if practitioners.contains(where: { $0 < 1 }) { throw ValidationError("--practitioners must be at least 1") }
    }

    func run() async throws {
        var isClean = true
        for name in engine {
            guard let engine = Engine(rawValue: name) else { continue }
            for count in practitioners { isClean = try await storm(over: count, engine) && isClean }
        }
        if !isClean { throw ExitCode.failure }
    }

    private func storm(over practitioners: Int, _ engine: Engine) async throws -> Bool {
        let plan = StormPlan(attempts: attempts, practitioners: practitioners)
        let report = try await ClinicFixture.open(engine, plan.clinic) { try await TestKit.Storm(plan, in: $0).run() }
        print(
            """
            \(engine.rawValue), \(practitioners) practitioners: \(report.attempts) attempts in \(Int(report.seconds * 1000)) ms, \
            \(Int(report.attemptsPerSecond)) a second; \(report.changes) changes, \(report.refusals) refusals, \
            \(report.repeats) repeats, \(report.failures) failures
              99 of 100 waited at most \(Int(report.wait99 * 1000)) ms, the longest \(Int(report.longestWait * 1000)) ms
              \(report.sold) of \(report.capacity) times sold, \(report.unsold) still offered, \(report.violations.count) promises broken
            """)
        for violation in report.violations.prefix(10) { print("  BROKEN: \(violation)") }
        return report.violations.isEmpty && report.failures == 0 && report.sold == report.capacity && report.unsold == 0
    }
}
