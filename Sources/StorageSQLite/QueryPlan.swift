extension SQLiteConnection {
    /// How SQLite would find the rows: one line a step, `SEARCH visit USING INDEX …` or `SCAN visit`.
    package func queryPlan(of sql: String) throws -> [String] {
        try texts("EXPLAIN QUERY PLAN \(sql)", column: 3)
    }
}
