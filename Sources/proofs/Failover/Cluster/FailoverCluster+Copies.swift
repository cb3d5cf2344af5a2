import Processes

extension FailoverCluster {
    /// What the nodes show differently, or nil when the standbys show what the leader shows. They may be a moment behind, so they
    /// are asked until they do.
    func difference(within limit: Double = 20) async throws -> String? {
        let question = """
            SELECT count(*), md5(string_agg(md5(appointment::text), '' ORDER BY id)),
                (SELECT md5(string_agg(md5(claim::text), '' ORDER BY holder_id, from_at, lane)) FROM claim),
                (SELECT count(*) FROM audit), (SELECT count(*) FROM idempotency)
            FROM appointment
            """
        let start = ContinuousClock.now
        var copies: [[String]] = []
        repeat {
            copies = []
            for node in nodes { copies.append(try await query(question, at: url(of: node))) }
            if Set(copies).count == 1 { return nil }
            try await Task.sleep(for: .milliseconds(200))
        } while ContinuousClock.now - start < .seconds(limit)
        return "the three nodes show different things: \(copies.map { $0.joined() })"
    }
}
