import Storage

extension Crossing {
    /// Compares every row on both sides, page by page, while the clinic works, and follows the log between two pages.
    ///
    /// The target has everything but what is in the log, and the log is read at the same moment as the page: so a key that is
    /// not in the log has to be the same on both sides. Every later change is compared when it is followed.
    mutating func compareAll() async throws {
        try await followUntilFew()
        let positions = try await positions(of: \.comparedTo)
        for table in tables {
            guard var position = positions[table.name] else { throw MoveFault.schemaDiffers("\(table.name) is new") }
            while let last = position.comparedTo {
                let ((rows, end), logged) = try await page(of: table, after: last, position.until) {
                    try $0.fetch(LoggedKeys(table: table.name))
                }
                position.until = end
                position.compared += rows.count
                position.total = max(position.total, position.compared)
                position.comparedTo = rows.count < settings.pageRows ? nil : rows.last.map { table.key(of: $0).text }
                try await compare(rows, of: table, but: Set(logged), position)
                progress(
                    MoveProgress(phase: .comparing, table: table.name, done: position.compared, total: position.total))
                report.followed += try await follow().entries
            }
        }
        try await setStage(.following)
    }

    private func compare(
        _ rows: [[SQLValue]], of table: MovedTable, but logged: Set<String>, _ position: TablePosition
    ) async throws {
        let wanted = Dictionary(rows.map { (table.key(of: $0), Digest(of: $0)) }) { first, _ in first }
        let there = try await target.read { transaction in
            let deferred = Set(try transaction.fetch(DeferredKeys()).filter { $0.table == table.name }.map(\.key))
            let keys = wanted.keys.filter { !logged.contains($0.text) && !deferred.contains($0.text) }
            let rows = try transaction.rows(Array(keys), of: table)
            return keys.allSatisfy { key in rows[key].map { Digest(of: $0) } == wanted[key] }
        }
        guard there else { throw MoveFault.differs(table: table.name) }
        try await target.write(as: run) { try $0.post(UpdatePosition(position: position)) }
    }

    /// While nobody writes: the number of rows of every table, and the checksums of as many as there is time for.
    func compareInPause(within deadline: ContinuousClock.Instant) async throws -> [MoveReport.Table] {
        let (ours, theirs) = (try await counts(source), try await counts(target))
        for (table, (our, their)) in zip(tables, zip(ours, theirs)) where our != their {
            throw MoveFault.differs(table: table.name)
        }
        var found = zip(tables, ours).map { MoveReport.Table(name: $0.name, rows: $1, checksum: nil) }
        var left = settings.rowsCheckedInPause
        for index in found.indices.sorted(by: { found[$0].rows < found[$1].rows }) {
            left -= found[index].rows
            guard left >= 0, ContinuousClock.now < deadline else { break }
            let (our, their) = (try await digest(of: tables[index], source), try await digest(of: tables[index], target))
            guard our == their else { throw MoveFault.differs(table: found[index].name) }
            found[index].checksum = our
            progress(MoveProgress(phase: .pausing, table: found[index].name, done: index + 1, total: found.count))
        }
        return found
    }

    private func counts(_ side: Side) async throws -> [Int] {
        try await side.read { [tables] transaction in try tables.map { try transaction.first($0.count)?.number(0) ?? 0 } }
    }

    private func digest(of table: MovedTable, _ side: Side) async throws -> Digest {
        try await side.read { [limit = settings.pageRows] transaction in
            var digest = Digest()
            var last: RowKey?
            while true {
                let rows = try transaction.fetch(table.page(after: last, limit: limit))
                for row in rows { digest.add(row) }
                guard rows.count == limit, let end = rows.last else { return digest }
                last = table.key(of: end)
            }
        }
    }
}
