import ArgumentParser
import Foundation
import Processes

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure what MediConnect promises about speed, as ratios.",
        discussion: """
            Every number is compared with something measured in the same run on the same disk, in turns, and the median \
            counts: a noisy neighbour slows both. Needs wrk. The large clinics are made once and kept in the cache folder \
            (about 2 GB with --quick, 9 GB without). Exits 1 when a target is missed.
            """)

    @Option(help: "The server's binary; the one beside this program unless told otherwise.")
    var server: String?
    @Option(help: "Folder of the wrk scripts.")
    var scripts = "bench"
    @Option(help: "Where the large clinics are kept between runs.")
    var cache = "\(NSTemporaryDirectory())/mediconnect-bench"
    @Option(help: "Write the results to this file, as JSON.")
    var json: String?
    @Option(help: "Seconds of each measurement.")
    var seconds = 5
    @Option(help: "Measurements of each kind; the median counts.")
    var rounds = 5
    @Option(
        help:
            "Only these: bookings, reads, postgres, claims, backlog, history, search, first, growth, memory, door, sealing, trail, sign-in, ended, outbox, overload, brown-out, costs; separated by commas."
    )
    var only: String?
    @Option(name: .customLong("per-second"), help: "Bookings a second of the brown-out.")
    var perSecond = 120
    @Flag(help: "Half a million appointments on file where it would be five million.")
    var quick = false

    @Flag(
        help: "Also say what each statement costs the server, for `postgres`, `history` and `costs` (slows it by some percent).")
    var statements = false

    func run() async throws {
        guard (1...10_000).contains(perSecond) else { throw ValidationError("--per-second must be from 1 to 10000") }
        Children.all.endWithMe()
        let folder = try TemporaryFolder("bench", under: cache, goesWithProcess: true)
        let rig = BenchRig(
            server: server ?? Siblings.server, scripts: scripts, folder: folder, cache: cache, seconds: seconds, rounds: rounds,
            isQuick: quick, tellsStatements: statements, perSecond: perSecond)
        let findings = try await measure(rig)
        say(Finding.table(findings))
        if let json { try Finding.write(findings, to: json) }
        let missed = findings.filter { !$0.isMet }
        for finding in missed { say("missed: \(finding.what) (\(finding.target))") }
        if !missed.isEmpty { throw ExitCode(1) }
    }

    private func measure(_ rig: BenchRig) async throws -> [Finding] {
        let wanted = only.map { Set($0.split(separator: ",").map(String.init)) }
        let all: [(String, () async throws -> [Finding])] = [
            ("bookings", { try await BookingRate(rig: rig).measure() }),
            ("postgres", { try await PostgresRates(rig: rig).measure() }),
            ("reads", { try await ReadRate(rig: rig).measure() }),
            ("claims", { try await ClaimSchemes(rig: rig).measure() }),
            ("backlog", { try await Backlog(rig: rig).measure() }),
            ("history", { try await YearsOnFile(rig: rig).measure() }),
            ("search", { try await SearchRate(rig: rig).measure() }),
            ("first", { try await FirstFree(rig: rig).measure() }),
            ("growth", { try await Growth(rig: rig).measure() }),
            ("memory", { try await Memory(rig: rig).measure() }),
            ("door", { DoorCost().measure() }),
            ("sealing", { try await SealingCost(rounds: rig.rounds).measure() }),
            ("trail", { try await TrailCost(rig: rig).measure() }),
            ("sign-in", { try await SignInTimes(rig: rig).measure() }),
            ("ended", { try await EndedElsewhere(rig: rig).measure() }),
            ("outbox", { try await OutboxRate(rig: rig).measure() }),
            ("overload", { try await Overload(rig: rig).measure() }),
            ("costs", { try await ChangeCosts(rig: rig).measure() }),
            ("brown-out", { try await BrownOut(rig: rig).measure() }),
        ]
        var findings: [Finding] = []
        for (name, body) in all where wanted?.contains(name) ?? true { findings += try await body() }
        return findings
    }
}
