import Foundation
import LoopbackClient
import Notation
import PostgresCluster
import Processes

/// How quickly a worker works off a million messages on PostgreSQL, and whether it does while somebody's snapshot keeps
/// everything it has delivered from being cleared away, as an hour's report or a forgotten session would.
struct Backlog {
    let rig: BenchRig

    func measure() async throws -> [Finding] {
        let messages = rig.isQuick ? 100_000 : 1_000_000
        return try await PrivateCluster.withCluster(settings: PostgresRates.settings) { cluster in
            let clean = try await rate(of: messages, on: cluster, isPinned: false)
            let pinned = try await rate(of: messages, on: cluster, isPinned: true)
            return [
                .ratio(
                    "deliveries from a backlog of \(messages) under a pinned snapshot", pinned, clean, unit: "/s",
                    with: "without", atLeast: 0.8)
            ]
        }
    }

    private func rate(of messages: Int, on cluster: PrivateCluster, isPinned: Bool) async throws -> Double {
        let fresh = try await cluster.freshDatabase()
        let name = isPinned ? "pinned" : "clean"
        let house = try await rig.emptyClinic(on: fresh.url, named: "backlog-\(name)")
        try await cluster.psql(Self.fill(messages), database: fresh.name)
        try await cluster.psql("VACUUM ANALYZE outbox", database: fresh.name)
        let pin = isPinned ? try await self.pin(cluster, fresh.name) : nil
        let server = try await rig.serve(house, ["--role", "worker"])
        let start = ContinuousClock.now
        var (left, moved) = (messages, start)
        while left > 0 {
            try await Task.sleep(for: .seconds(left > 20_000 ? 5 : 1))
            let before = left
            left = try await waiting(cluster, fresh.name, messages)
            if left != before { moved = ContinuousClock.now }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            say("backlog, \(name): \(messages - left) of \(messages) after \(Finding.short(seconds)) s")
            guard seconds < 1_200 else { throw ProcessFault("the backlog is not worked off in twenty minutes") }
            if ContinuousClock.now - moved > .seconds(60) { throw ProcessFault("the backlog stands still at \(left)") }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        _ = await server.stop()
        pin?.signal(SIGTERM)
        _ = await pin?.ended()
        try await fresh.drop()
        return Double(messages) / seconds
    }

    /// By the server's own counter, because counting the rows would take as long as delivering them. At the end the rows
    /// themselves have the word.
    private func waiting(_ cluster: PrivateCluster, _ database: String, _ messages: Int) async throws -> Int {
        let counted = try await number(
            "SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'outbox'", cluster, database)
        guard counted >= messages else { return messages - counted }
        return try await number("SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT 1000) AS left_over", cluster, database)
    }

    private func number(_ text: String, _ cluster: PrivateCluster, _ database: String) async throws -> Int {
        guard let number = try await cluster.psql(text, database: database).first.flatMap({ Int($0) }) else {
            throw ProcessFault("no number came of: \(text)")
        }
        return number
    }

    private func pin(_ cluster: PrivateCluster, _ database: String) async throws -> ChildProcess {
        let child = try ChildProcess(
            cluster.program("psql"),
            [
                "--no-psqlrc", "--host=\(cluster.socketDirectory)", "--port=\(cluster.port)",
                "--username=\(cluster.superuser)", "--quiet", "--tuples-only",
                "--command=BEGIN ISOLATION LEVEL REPEATABLE READ",
                "--command=SELECT count(*) FROM pg_class", "--command=SELECT pg_sleep(3600)", database,
            ], environment: ["PGPASSWORD": cluster.password], errors: nil)
        // Its first answer says that the snapshot stands.
        for await line in child.lines where !line.allSatisfy(\.isWhitespace) { break }
        return child
    }

    /// Events of bookings as the clinic queues them, a thousand a second until now.
    private static func fill(_ messages: Int) -> String {
        """
        INSERT INTO outbox (id, topic, payload, priority, state, available_at, attempt, max_attempts, lease, created_at,
            order_key, order_number)
        SELECT gen_random_uuid(), 'appointment.event',
            json_build_object('kind', 'appointment.booked', 'appointment', id, 'practitioner', gen_random_uuid(),
                'patients', json_build_array(gen_random_uuid()), 'start', '2030-01-01T09:00:00Z',
                'end', '2030-01-01T09:30:00Z', 'version', 1),
            1, 'ready', at, 0, 12, 0, at, id::text, 1
        FROM (SELECT gen_random_uuid() AS id, now() - (\(messages) - n) * interval '1 millisecond' AS at
            FROM generate_series(1, \(messages)) AS n) AS booking
        """
    }
}
