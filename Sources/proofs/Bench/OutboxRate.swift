import Foundation
import Notation
import Outbox
import PostgresCluster
import Processes
import Storage
import StoragePostgres
import Synchronization
import Workflows

/// How many deliveries a second the outbox makes on PostgreSQL, beside Procrastinate (PyPI) on the same server in the same minute; and how
/// long a message waits until somebody works on it while half as many come as could be delivered.
///
/// Both deliver to nobody: what is measured is the queue. Procrastinate has the interpreter's one thread, as its users have.
struct OutboxRate {
    let rig: BenchRig
    private static let topic = "bench.nothing"
    private static let concurrency = 32

    func measure() async throws -> [Finding] {
        try await PrivateCluster.withCluster(settings: PostgresRates.settings) { cluster in
            var (ours, theirs, waits): ([Double], [Double], [Double]) = ([], [], [])
            for round in 0..<rig.rounds {
                let rate = try await drained(rig.isQuick ? 50_000 : 200_000, on: cluster)
                let other = try await procrastinate(rig.isQuick ? 2_000 : 5_000, on: cluster)
                let wait = try await waiting(perSecond: rate / 2, on: cluster)
                say(
                    """
                    outbox, round \(round): \(Int(rate))/s; Procrastinate \(Int(other))/s; at half load started after p99 \
                    \(Finding.short(wait)) ms
                    """)
                (ours, theirs, waits) = (ours + [rate], theirs + [other], waits + [wait])
            }
            return [
                .ratio(
                    "deliveries of the outbox on PostgreSQL", ours.median, theirs.median, unit: "/s",
                    with: "Procrastinate, \(Self.concurrency) at once", atLeast: 10),
                .bound("from queueing to the start of a delivery at half load, p99", waits.median, unit: "ms", below: 250),
            ]
        }
    }

    private func withQueue<Answer: Sendable>(
        on cluster: PrivateCluster, _ body: (PostgresDatabase, _ name: String, Surroundings) async throws -> Answer
    ) async throws -> Answer {
        let fresh = try await cluster.freshDatabase()
        let surroundings = Surroundings.machine()
        let database = try PostgresDatabase(PostgresSettings(url: fresh.url, random: surroundings.random))
        try await Migrator(database, migrations: Schema.migrations, clock: surroundings.clock).up()
        let answer = try await body(database, fresh.name, surroundings)
        await database.close()
        try await fresh.drop()
        return answer
    }

    private func worker(
        _ database: PostgresDatabase, _ surroundings: Surroundings, bell: OutboxBell,
        _ deliver: @escaping @Sendable (Delivery) async throws -> Verdict
    ) -> Outbox {
        var settings = OutboxSettings()
        (settings.modesty, settings.concurrency) = (0, Self.concurrency)
        return Outbox(
            database: database.doing(.background), surroundings: surroundings, workerName: "bench", settings: settings,
            handlers: [Self.topic: .external(deliver)], bell: bell)
    }

    private static func queue(_ count: Int, _ database: PostgresDatabase, _ surroundings: Surroundings) async throws {
        try await database.write { transaction in
            for _ in 0..<count {
                try transaction.enqueue(
                    OutboxMessage(
                        id: surroundings.identifiers.next(OutboxMessage.self), topic: topic, payload: #"{"number":1}"#,
                        createdAt: surroundings.clock.now))
            }
        }
    }

    private func drained(_ messages: Int, on cluster: PrivateCluster) async throws -> Double {
        try await withQueue(on: cluster) { database, name, surroundings in
            for _ in 0..<(messages / 1_000) { try await Self.queue(1_000, database, surroundings) }
            try await cluster.psql("VACUUM ANALYZE outbox", database: name)
            let done = Atomic(0)
            let outbox = worker(database, surroundings, bell: OutboxBell()) { _ in
                done.add(1, ordering: .relaxed)
                return .done
            }
            let began = ContinuousClock.now
            try await withThrowingTaskGroup { group in
                group.addTask { try await outbox.run() }
                while done.load(ordering: .relaxed) < messages { try await Task.sleep(for: .milliseconds(2)) }
                group.cancelAll()
            }
            return Double(messages) / ((ContinuousClock.now - began) / .seconds(1))
        }
    }

    /// Milliseconds at the 99th percentile.
    private func waiting(perSecond rate: Double, on cluster: PrivateCluster) async throws -> Double {
        try await withQueue(on: cluster) { database, _, surroundings in
            let waits = Mutex<[Double]>([])
            let bell = OutboxBell()
            let outbox = worker(database, surroundings, bell: bell) { delivery in
                let wait = surroundings.clock.now - delivery.createdAt
                waits.withLock { $0.append(Double(wait.microseconds) / 1_000) }
                return .done
            }
            var sent = 0
            try await withThrowingTaskGroup { group in
                group.addTask { try await outbox.run() }
                let began = ContinuousClock.now
                while case let passed = (ContinuousClock.now - began) / .seconds(1), passed < Double(rig.seconds) {
                    let count = Int(passed * rate) - sent
                    if count > 0 {
                        try await Self.queue(count, database, surroundings)
                        sent += count
                        bell.ring()
                    }
                    try await Task.sleep(for: .milliseconds(5))
                }
                let end = ContinuousClock.now + .seconds(60)
                while waits.withLock({ $0.count }) < sent {
                    guard ContinuousClock.now < end else { throw ProcessFault("the outbox does not keep up with half its load") }
                    try await Task.sleep(for: .milliseconds(5))
                }
                group.cancelAll()
            }
            let sorted = waits.withLock { $0.sorted() }
            return sorted.isEmpty ? .infinity : sorted[min(sorted.count - 1, sorted.count * 99 / 100)]
        }
    }

    private func procrastinate(_ jobs: Int, on cluster: PrivateCluster) async throws -> Double {
        let fresh = try await cluster.freshDatabase()
        let python = ProcessInfo.processInfo.environment["MEDICONNECT_PROCRASTINATE"] ?? ".build/procrastinate/bin/python"
        let errors = rig.folder.file("procrastinate")
        let (status, lines) = try await ChildProcess.run(
            python, ["\(rig.scripts)/procrastinate_rate.py", fresh.url, "\(jobs)", "\(Self.concurrency)"], errors: errors)
        guard status == 0, let rate = lines.last.flatMap({ Double($0) }) else {
            let complaint = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
            throw ProcessFault("Procrastinate could not be measured; ./dev bench installs it:\n\(complaint)")
        }
        try await fresh.drop()
        return rate
    }
}
