import Foundation
import LoopbackClient
import Notation
import PostgresCluster
import Processes

/// Bookings a second over HTTP on PostgreSQL, and what `pgbench` makes of the usual ways to book on the same server.
///
/// Ours carries idempotency, outbox, audit, JSON and the delivery of earlier bookings; pgbench carries none of it.
struct PostgresRates {
    let rig: BenchRig

    /// Where the crowd is.
    enum Crowd: String, CaseIterable {
        /// Everybody wants one of ten calendars, or slots.
        case hot
        case spread

        var practitioners: Int { self == .hot ? 10 : BenchClinic.practitioners }
        var slots: Int { self == .hot ? 10 : 10_000 }
        var atLeast: Double { self == .hot ? 3.0 : 2.5 }
    }

    func measure() async throws -> [Finding] {
        try await PrivateCluster.withCluster(settings: rig.watching(Self.settings)) { cluster in
            let database = try await cluster.freshDatabase()
            try await rig.watchStatements(cluster, database.name)
            let house = try await rig.emptyClinic(on: database.url)
            let other = try await cluster.freshDatabase()
            let pgbench = Pgbench(cluster: cluster, database: other.name, scripts: rig.scripts)
            try await pgbench.setUp()
            let server = try await rig.serve(house)
            var findings: [Finding] = []
            var first = 0
            for crowd in Crowd.allCases {
                var (ours, six, one, delays): ([Wrk.Result], [Double], [Double], [Double]) = ([], [], [], [])
                for round in 0...rig.rounds {
                    let cpu = (try server.process.cpuMicroseconds, cluster.cpuMicroseconds)
                    let plan = try await rig.planFile(for: house, practitioners: crowd.practitioners)
                    let result = try await rig.wrk(seconds: round == 0 ? 2 : nil).run(
                        "book.lua", against: server.base, [plan, "\(first)"])
                    first += result.requests + 200
                    delays.append(try await drained(cluster, database.name))
                    let used = (try server.process.cpuMicroseconds - cpu.0, cluster.cpuMicroseconds - cpu.1)
                    let rates = (
                        try await pgbench.run("six.sql", crowd.slots, seconds: round == 0 ? 1 : rig.seconds),
                        try await pgbench.run("one.sql", crowd.slots, seconds: round == 0 ? 1 : rig.seconds)
                    )
                    try await rig.tellStatements(cluster, database.name, bookings: result.requests)
                    if round > 0 { (ours, six, one) = (ours + [result], six + [rates.0], one + [rates.1]) }
                    say(
                        """
                        postgres \(crowd.rawValue), round \(round): \(Int(result.rate))/s, p99 \(result.p99) ms, refused \
                        \(result.refused), CPU each with delivery \(used.0 / max(1, result.requests)) µs here and \
                        \(used.1 / max(1, result.requests)) µs there, delivered \(Finding.short(delays.last ?? 0)) s later; \
                        pgbench six \(Int(rates.0))/s, one \(Int(rates.1))/s
                        """)
                }
                let rate = ours.map(\.rate).median
                findings += [
                    .ratio(
                        "bookings on PostgreSQL over HTTP, \(crowd.rawValue)", rate, six.median, unit: "/s",
                        with: "pgbench, six statements, serializable, 32 clients", atLeast: crowd.atLeast),
                    .ratio(
                        "the same", rate, one.median, unit: "/s", with: "pgbench, the same rows in one statement",
                        atLeast: 0.7),
                    .bound("p99 of a booking, \(crowd.rawValue)", ours.map(\.p99).median, unit: "ms", below: 50),
                    .bound("… that failed", Double(ours.map(\.errors).reduce(0, +)), unit: "errors", below: 1),
                ]
                // The hot calendars were booked from the front; the spread ones begin where nobody has been.
                first = 7_500_000
            }
            _ = await server.stop()
            return findings
        }
    }

    /// Enough memory for the data of a run, and no checkpoint in the middle of one. What costs safety stays as it is.
    static let settings = [
        "shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min",
    ]

    private func drained(_ cluster: PrivateCluster, _ database: String) async throws -> Double {
        let start = ContinuousClock.now
        let waiting = """
            SELECT EXISTS (SELECT 1 FROM outbox WHERE topic = 'appointment.event' AND state = 'ready')
                OR EXISTS (SELECT 1 FROM outbox WHERE state = 'running')
            """
        while try await cluster.psql(waiting, database: database).first == "t" {
            guard ContinuousClock.now - start < .seconds(300) else { throw ProcessFault("the outbox does not become empty") }
            try await Task.sleep(for: .milliseconds(100))
        }
        return (ContinuousClock.now - start) / .seconds(1)
    }
}

/// PostgreSQL's own load generator.
struct Pgbench {
    let cluster: PrivateCluster
    let database: String
    let scripts: String

    func setUp(_ file: String = "schema.sql") async throws {
        try await cluster.psql(
            try String(contentsOfFile: "\(scripts)/pgbench/\(file)", encoding: .utf8).replacing(
                "VACUUM ANALYZE", with: "ANALYZE"),
            database: database)
    }

    /// Transactions a second that were committed.
    func run(_ script: String, _ slots: Int, seconds: Int) async throws -> Double {
        let (status, output) = try await ChildProcess.run(
            cluster.program("pgbench"),
            [
                "--no-vacuum", "--protocol=prepared", "--client=32", "--jobs=1", "--time=\(seconds)", "--max-tries=100",
                "--define=slots=\(slots)", "--file=\(scripts)/pgbench/\(script)", "--host=\(cluster.socketDirectory)",
                "--port=\(cluster.port)", "--username=\(cluster.superuser)", database,
            ],
            environment: ["PGPASSWORD": cluster.password])
        guard status == 0, let line = output.first(where: { $0.hasPrefix("tps = ") }),
            let rate = line.split(separator: " ").dropFirst(2).first.flatMap({ Double($0) })
        else { throw ProcessFault("pgbench ended with \(status):\n\(output.joined(separator: "\n"))") }
        return rate
    }
}
