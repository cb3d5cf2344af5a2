import PostgresCluster

// What each statement costs the server, where somebody wants to know.
extension BenchRig {
    /// The server's settings, with those that make it count.
    func watching(_ settings: [String: String]) -> [String: String] {
        guard tellsStatements else { return settings }
        return settings.merging([
            "shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_planning": "on",
        ]) { $1 }
    }

    func watchStatements(_ cluster: PrivateCluster, _ database: String) async throws {
        if tellsStatements { try await cluster.psql("CREATE EXTENSION pg_stat_statements", database: database) }
    }

    /// The dearest statements in a database since the last time, by what they cost for each booking.
    func tellStatements(_ cluster: PrivateCluster, _ database: String, bookings: Int) async throws {
        guard tellsStatements else { return }
        let lines = try await cluster.psql(
            """
            SELECT format('%8s µs %8s calls  plan %6s µs  rows %8s  %s',
                round(((total_exec_time + total_plan_time) * 1000 / \(max(1, bookings)))::numeric, 1), calls,
                round((total_plan_time * 1000 / \(max(1, bookings)))::numeric, 1), rows,
                left(regexp_replace(query, '[[:space:]]+', ' ', 'g'), 150))
            FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
            ORDER BY total_exec_time + total_plan_time DESC LIMIT 24
            """, database: database)
        for line in lines { say("    \(line)") }
        try await cluster.psql("SELECT pg_stat_statements_reset()", database: database)
    }
}
