import PostgresCluster
public import Storage

/// How PostgreSQL finds the rows of a statement, as `EXPLAIN` tells it: for any values, not for some.
public struct PostgresPlan: Sendable {
    public let statement: String
    public let lines: [String]

    /// The plans of statements, each prepared as it stands: the server infers the types of its parameters, as it does for
    /// the engine. Reading a table from end to end and sorting are made as unattractive as the server lets them be, so what
    /// is left of them is what cannot be avoided. Which index it takes depends on what it has counted, so the tables should
    /// not be empty.
    ///
    /// - Parameter index: one that is missing for the time being.
    public static func all(
        of statements: [any Statement.Type], in url: String, without index: String? = nil
    ) async throws -> [PostgresPlan] {
        try await all(of: statements.map { ("\($0)", $0.sql.postgres) }, in: url, without: index)
    }

    private static func all(
        of texts: [(name: String, text: String)], in url: String, without index: String?
    ) async throws -> [PostgresPlan] {
        let manners = ["enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_hashjoin", "enable_mergejoin"]
        var script = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan;"
        script += manners.map { "SET LOCAL \($0) = off;" }.joined()
        if let index { script += "DROP INDEX \(index);" }
        for (number, statement) in texts.enumerated() {
            let nothing = Array(repeating: "NULL", count: parameters(of: statement.text))
            script += "PREPARE p\(number) AS \(statement.text);"
            script += "EXPLAIN (COSTS OFF) EXECUTE p\(number)\(nothing.isEmpty ? "" : "(\(nothing.joined(separator: ", ")))");"
            script += "SELECT '\(separator)';"
        }
        script += "ROLLBACK"
        let name = url.split(separator: "/").last.map(String.init) ?? "postgres"
        let output = try await PrivateCluster.shared.psql(script, database: name)
        let plans = output.split(separator: separator, omittingEmptySubsequences: false)
        return zip(texts, plans).map { PostgresPlan(statement: $0.name, lines: Array($1)) }
    }

    private static let separator = "--- the next one ---"

    private static func parameters(of text: String) -> Int {
        text.split(separator: "$").dropFirst().compactMap { Int($0.prefix { $0.isNumber }) }.max() ?? 0
    }

    /// Steps that read one of these tables, or an index of it, from end to end.
    public func endlessSteps(on tables: Set<String>) -> [String] {
        lines.indices.compactMap { place in
            let words = lines[place].split(separator: " ")
            guard let on = words.firstIndex(of: "on"), on + 1 < words.count, tables.contains(String(words[on + 1])) else {
                return nil
            }
            let step = words[..<on].joined(separator: " ")
            if step.contains("Seq Scan") { return lines[place] }
            return step.contains("Index") && step.contains("Scan") && !isBounded(place) ? lines[place] : nil
        }
    }

    /// Whether what stands under a step says where in the index it begins.
    private func isBounded(_ place: Int) -> Bool {
        let depth = indentation(lines[place])
        return lines[(place + 1)...].prefix { indentation($0) > depth }.contains { $0.contains("Index Cond:") }
    }

    private func indentation(_ line: String) -> Int { line.prefix { $0 == " " }.count }

    public var sorts: Bool { lines.contains { $0.contains("Sort Key:") } }

    /// Whether rows are found by this index, from a beginning given by these columns.
    public func finds(by index: String, _ columns: [String]) -> Bool {
        lines.indices.contains { place in
            guard lines[place].contains("Index"), lines[place].contains(" \(index)") else { return false }
            let below = lines[(place + 1)...].first { $0.contains("Index Cond:") } ?? ""
            return columns.allSatisfy { below.contains($0) }
        }
    }
}

extension PostgresPlan {
    /// A queue that has been in use for a while: most of it delivered, some of it waiting, some of that in order.
    public static let usedQueue = """
        INSERT INTO outbox (id, topic, dedupe_key, order_key, order_number, subject, payload, priority, state, available_at,
            attempt, max_attempts, lease, lease_until, created_at, finished_at)
        SELECT gen_random_uuid(), 'topic-' || n % 5, CASE WHEN n % 3 = 0 THEN 'key-' || n END,
            CASE WHEN n % 4 = 0 THEN 'order-' || n % 400 END, CASE WHEN n % 4 = 0 THEN n END, gen_random_uuid(), '{}', n % 4,
            CASE WHEN n % 100 = 0 THEN 'running' WHEN n % 10 = 1 THEN 'ready' WHEN n % 100 = 2 THEN 'dead' ELSE 'done' END,
            timestamptz '2026-03-02' + n * interval '1 minute', 1, 12, 1,
            CASE WHEN n % 100 = 0 THEN timestamptz '2026-03-02' + n * interval '1 minute' END, timestamptz '2026-03-02',
            CASE WHEN n % 100 <> 0 AND n % 10 <> 1 THEN timestamptz '2026-03-02' + n * interval '1 minute' END
        FROM generate_series(1, 20000) AS n;
        ANALYZE outbox;
        """
}
