import Foundation
import Notation
import PostgresCluster
import Processes

/// What it costs to keep two claims apart, by five schemes: sixteen clients race for overlapping half hours of one holder,
/// and of twenty. Each scheme runs for the same time on the same server, one after the other.
struct ClaimSchemes {
    let rig: BenchRig

    private struct Outcome {
        var attempts = 0.0
        var deadlocks = 0
        var p99 = 0.0
        var longest = 0.0
        var sold = 0
    }

    private static let schemes: [(name: String, function: String, table: String)] = [
        ("INSERT, exclusion constraint, violation caught", "claim_plain", "excluded"),
        ("INSERT … ON CONFLICT DO NOTHING, exclusion constraint", "claim_nothing", "excluded"),
        ("a row for each five minutes, primary key", "claim_cells", "cell"),
        ("SELECT … FOR UPDATE of the holder, look, insert", "claim_row_lock", "plain"),
        ("advisory lock of the holder, exclusion constraint", "claim_advisory", "excluded"),
    ]

    func measure() async throws -> [Finding] {
        try await PrivateCluster.withCluster(settings: PostgresRates.settings) { cluster in
            var findings: [Finding] = []
            for holders in [1, 20] {
                var outcomes: [String: Outcome] = [:]
                for scheme in Self.schemes {
                    let outcome = try await run(scheme.function, scheme.table, holders, on: cluster)
                    outcomes[scheme.function] = outcome
                    say(
                        """
                        claims, \(holders) holder\(holders == 1 ? "" : "s"), \(scheme.name): \(Int(outcome.attempts)) attempts/s, \
                        \(outcome.deadlocks) deadlocks, p99 \(Finding.short(outcome.p99)) ms, longest \
                        \(Finding.short(outcome.longest)) ms, sold \(outcome.sold)
                        """)
                }
                let (ours, plain) = (outcomes["claim_nothing"] ?? Outcome(), outcomes["claim_plain"] ?? Outcome())
                findings += [
                    .bound("deadlocks of ON CONFLICT DO NOTHING, \(holders) holders", Double(ours.deadlocks), unit: "", below: 1),
                    .bound(
                        "its longest wait", ours.longest, unit: "ms",
                        with: "caught violations: \(Finding.short(plain.longest)) ms", below: 250),
                ]
            }
            return findings
        }
    }

    private func run(_ function: String, _ table: String, _ holders: Int, on cluster: PrivateCluster) async throws -> Outcome {
        let fresh = try await cluster.freshDatabase()
        let pgbench = Pgbench(cluster: cluster, database: fresh.name, scripts: rig.scripts)
        try await pgbench.setUp("claims.sql")
        let script = rig.folder.file("claim.sql")
        try Data("\\set h random(1, \(holders))\nSELECT \(function)(:h);\n".utf8).write(to: URL(fileURLWithPath: script))
        let log = rig.folder.file("claims-log")
        let (status, output) = try await ChildProcess.run(
            cluster.program("pgbench"),
            [
                "--no-vacuum", "--protocol=prepared", "--client=16", "--jobs=1", "--time=\(rig.seconds)", "--log",
                "--log-prefix=\(log)", "--failures-detailed", "--file=\(script)", "--host=\(cluster.socketDirectory)",
                "--port=\(cluster.port)", "--username=\(cluster.superuser)", fresh.name,
            ],
            environment: ["PGPASSWORD": cluster.password])
        guard status == 0 else { throw ProcessFault("pgbench ended with \(status):\n\(output.joined(separator: "\n"))") }
        var outcome = Outcome()
        outcome.attempts =
            output.first { $0.hasPrefix("tps = ") }.flatMap { Double($0.split(separator: " ")[2]) } ?? 0
        outcome.deadlocks =
            output.first { $0.contains("deadlock failures") }.flatMap { line in
                Int(line.split(separator: ":")[1].split(separator: " ")[0])
            } ?? 0
        let waits = try latencies(of: log)
        outcome.p99 = waits.isEmpty ? 0 : waits[min(waits.count - 1, waits.count * 99 / 100)]
        outcome.longest = waits.last ?? 0
        let divisor = table == "cell" ? 6 : 1
        outcome.sold =
            (try await cluster.psql("SELECT count(*) FROM \(table)", database: fresh.name).first.flatMap { Int($0) } ?? 0)
            / divisor
        try await fresh.drop()
        return outcome
    }

    /// Milliseconds, the shortest first. The third column of pgbench's log has microseconds, or the kind of failure.
    private func latencies(of prefix: String) throws -> [Double] {
        let url = URL(fileURLWithPath: prefix)
        let folder = url.deletingLastPathComponent()
        var waits: [Double] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasPrefix(url.lastPathComponent) {
            let file = folder.appendingPathComponent(name)
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                let columns = line.split(separator: " ")
                if columns.count > 2, let microseconds = Double(columns[2]) { waits.append(microseconds / 1_000) }
            }
            try FileManager.default.removeItem(at: file)
        }
        return waits.sorted()
    }
}
