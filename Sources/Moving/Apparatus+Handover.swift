import Storage

// What a server needs beside the rows themselves, before it works on them.
extension Apparatus {
    /// Takes statistics: the tables were empty a moment ago, and plans would rest on that.
    func study(_ transaction: any WriteTransaction) throws {
        for table in catalog.tables.sorted() {
            try transaction.execute(SQL(sqlite: "SELECT 1", postgres: "ANALYZE \(MovedTable.quoted(table))"))
        }
    }

    /// Where the server counts a column up by itself, it goes on behind the largest number that came.
    var countOn: [SQL] {
        catalog.columns.filter(\.isCounted).map { column in
            let (table, name) = (MovedTable.quoted(column.table), MovedTable.quoted(column.name))
            return SQL(
                sqlite: "SELECT 1",
                postgres: """
                    SELECT setval(pg_get_serial_sequence('\(table)', '\(column.name)'), greatest(max(\(name)), 1), max(\(name)) IS NOT NULL)
                    FROM \(table)
                    """)
        }
    }
}
