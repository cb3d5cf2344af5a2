import Storage

extension Crossing {
    /// Copies every table, a page and the position behind it in one transaction.
    ///
    /// The log is not followed meanwhile. So a row that nobody has touched since the log began was there all the time, beside
    /// every version of every other row that has been copied: no rule can refuse it. One that is refused has been touched, is
    /// in the log, and is left to that.
    mutating func copyAll() async throws {
        let positions = try await positions(of: \.copiedTo)
        for (number, table) in tables.enumerated() {
            guard var position = positions[table.name] else { throw MoveFault.schemaDiffers("\(table.name) is new") }
            while let last = position.copiedTo {
                let (rows, end) = try await page(of: table, after: last, position.until) { _ in }.page
                position.until = end
                position.copied += rows.count
                position.total = max(position.total, position.copied)
                position.copiedTo = rows.count < settings.pageRows ? nil : rows.last.map { table.key(of: $0).text }
                try await put(rows, of: number, position)
                report.copied += rows.count
                progress(
                    MoveProgress(phase: .copying, table: table.name, done: position.copied, total: position.total))
            }
        }
        try await target.write(as: run) { [theirs] in try theirs.study($0) }
        try await setStage(.comparing)
    }

    /// The next rows on the way to the end the table had at first, and whatever else is to be known of the same moment.
    func page<More: Sendable>(
        of table: MovedTable, after last: String, _ end: String?,
        _ more: @escaping @Sendable (any ReadTransaction) throws -> More
    ) async throws -> (page: (rows: [[SQLValue]], end: String), more: More) {
        let after = last.isEmpty ? nil : try table.key(last)
        let known = try end.flatMap { $0.isEmpty ? nil : try table.key($0) }
        return try await source.read { [limit = settings.pageRows] transaction in
            let end = try end == nil ? transaction.first(table.last).map { table.key(of: $0) } : known
            let rows = try end == nil ? [] : transaction.fetch(table.page(after: after, until: end, limit: limit))
            return ((rows, end?.text ?? ""), try more(transaction))
        }
    }

    private func put(_ rows: [[SQLValue]], of number: Int, _ position: TablePosition) async throws {
        let changes = Changes(tables, page: rows, of: number)
        try await target.writeWithPass(as: run) { transaction in
            let refused = try changes.apply(in: transaction)
            for row in refused { try transaction.run(Defer(table: row.table, key: row.key.text)) }
            try transaction.run(UpdatePosition(position: position))
        }
    }
}
