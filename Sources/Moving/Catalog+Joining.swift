extension Catalog {
    /// The tables both sides have, whoever is referred to before who refers. Throws where the two differ.
    func joined(with other: Catalog, leavingOut: Set<MoveSettings.Column>) throws -> [MovedTable] {
        if steps != other.steps {
            throw MoveFault.schemaDiffers("the source is at version \(steps.last ?? 0), the target at \(other.steps.last ?? 0)")
        }
        if let table = tables.symmetricDifference(other.tables).min() {
            throw MoveFault.schemaDiffers("only the \(tables.contains(table) ? "source" : "target") has a table \(table)")
        }
        return try parentsFirst().map { try join($0, other, leavingOut) }
    }

    private func join(_ table: String, _ other: Catalog, _ leavingOut: Set<MoveSettings.Column>) throws -> MovedTable {
        func wanted(_ columns: [Column]) -> [Column] {
            columns.filter { !leavingOut.contains(.init(table: table, name: $0.name)) }
        }
        let (ours, theirs) = (wanted(columns(of: table)), wanted(other.columns(of: table)))
        if let name = Set(ours.map(\.name)).symmetricDifference(theirs.map(\.name)).min() {
            let side = ours.contains { $0.name == name } ? "source" : "target"
            throw MoveFault.schemaDiffers("only the \(side) has a column \(table).\(name)")
        }
        let joined = try ours.map { column in
            let its = theirs.first { $0.name == column.name }!
            let kind = try kind(of: column)
            let other = try other.kind(of: its)
            return MovedTable.Column(name: column.name, kind: try Self.common(kind, other, isPostgres, other: its, column))
        }
        let key = Self.key(of: ours)
        guard !key.isEmpty else { throw MoveFault.noKey(table: table) }
        guard key == Self.key(of: theirs) else { throw MoveFault.schemaDiffers("the primary keys of \(table)") }
        return MovedTable(name: table, columns: joined, key: key.map { name in joined.firstIndex { $0.name == name }! })
    }

    private static func key(of columns: [Column]) -> [String] {
        columns.filter { $0.keyPlace != nil }.sorted { $0.keyPlace! < $1.keyPlace! }.map(\.name)
    }

    private func kind(of column: Column) throws -> ColumnKind {
        guard let kind = isPostgres ? ColumnKind(postgres: column.type) : ColumnKind(sqlite: column.type) else {
            throw MoveFault.columnUnknown(table: column.table, column: column.name, type: column.type)
        }
        return kind
    }

    /// The more telling of two kinds; they have to be the same in SQLite's eyes.
    private static func common(
        _ ours: ColumnKind, _ theirs: ColumnKind, _ oursIsPostgres: Bool, other: Column, _ column: Column
    ) throws -> ColumnKind {
        if ours == theirs { return ours }
        if ours == theirs.sqlite { return theirs }
        if theirs == ours.sqlite { return ours }
        throw MoveFault.schemaDiffers("\(column.table).\(column.name) is \(column.type) and \(other.type)")
    }

    /// Alphabetical where nobody refers to anybody. A circle is cut where it is first met.
    private func parentsFirst() -> [String] {
        var order: [String] = []
        var seen: Set<String> = []
        func visit(_ table: String) {
            guard seen.insert(table).inserted else { return }
            for reference in references where reference.child == table { visit(reference.parent) }
            order.append(table)
        }
        for table in tables.sorted() { visit(table) }
        return order
    }
}
