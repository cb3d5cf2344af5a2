import ArgumentParser
import PostgresCluster
import TestKit

/// Plays days of a clinic in which everything goes wrong that can, and looks whether a promise was broken.
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play simulated days, each from a seed, and check every promise after each.",
        discussion: """
            A seed decides everything: who asks for what and when, which answers are lost, which programs are killed. The same \
            seed is always the same day.
            """)

    @Argument(help: "How many seeds to play.")
    var count: UInt64 = 1_000

    @Option(help: "Play only this seed and print its history.")
    var seed: UInt64?

    @Option(help: "The first seed.")
    var from: UInt64 = 0

    @Option(help: "Put a mistake in on purpose: \(PlantedBug.allCases.map(\.rawValue).joined(separator: ", ")).")
    var bug: String?

    @Option(help: "sqlite, or postgres: the same days on a real server, slower.")
    var engine = "sqlite"

    @Option(help: "How many seeds are played side by side.")
    var threads = 2

    func run() async throws {
        let bug = try plantedBug()
        if Engine(rawValue: engine) == nil { throw ValidationError("--engine must be sqlite or postgres") }
        if let seed { try await replay(seed, bug) } else { try await playAll(bug) }
    }

    private func plantedBug() throws -> PlantedBug? {
        guard let bug else { return nil }
        guard let planted = PlantedBug(rawValue: bug) else { throw ValidationError("there is no planted bug '\(bug)'") }
        return planted
    }

    private func replay(_ seed: UInt64, _ bug: PlantedBug?) async throws {
        let database = engine == "postgres" ? try await PrivateCluster.shared.freshDatabase() : nil
        let report = try Simulations.play(seed, bug: bug, on: database.map { .postgres(url: $0.url) } ?? .sqlite)
        for line in report.lines { print(line) }
        print("digest \(String(report.digest, radix: 16)), \(report.tries) requests")
        for violation in report.violations { print("BROKEN: \(violation)") }
        if !report.violations.isEmpty { throw ExitCode.failure }
    }

    private func playAll(_ bug: PlantedBug?) async throws {
        let summary = try await Simulations.play(
            from..<from + count, bug: bug, on: Engine(rawValue: engine) ?? .sqlite, threads: threads
        ) { done in
            if done % 100 == 0 { print("\(done) of \(count) days") }
        }
        for (what, count) in summary.coverage.sorted(by: { $0.key < $1.key }) { print("  \(count) × \(what)") }
        print(
            """
            \(summary.seeds) days with \(summary.tries) requests in \(Int(summary.seconds * 1000)) ms, \
            \(Int(summary.seedsPerSecond)) days a second
            """)
        for failure in summary.failures { describe(failure) }
        print(summary.failures.isEmpty ? "no promise was broken" : "\(summary.failures.count) days broke a promise")
        if !summary.failures.isEmpty { throw ExitCode.failure }
    }

    private func describe(_ failure: SimulationReport) {
        print("seed \(failure.seed), replayed by: ./dev simulate --seed \(failure.seed)\(bug.map { " --bug \($0)" } ?? "")")
        for violation in failure.violations.prefix(5) { print("  BROKEN: \(violation)") }
    }
}
