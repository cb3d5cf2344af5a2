import Storage

/// What the source has under some keys at one moment, and how the target is made to have the same.
struct Changes: Sendable {
    struct Item: Sendable {
        /// In the order of the tables.
        let table: Int
        let key: RowKey
        /// Nil where the source has none.
        let row: [SQLValue]?
    }

    /// A row the target would not take yet.
    struct Refused: Sendable {
        let table: String
        let key: RowKey
        let rule: String
    }

    let tables: [MovedTable]
    let items: [Item]

    /// Reads the keys' rows, all at the moment of the transaction. `keys` may repeat themselves.
    init(_ tables: [MovedTable], reading keys: [(table: String, key: String)], in transaction: any ReadTransaction) throws {
        self.tables = tables
        let byTable = Dictionary(grouping: keys, by: \.table)
        if let unknown = byTable.keys.first(where: { name in !tables.contains { $0.name == name } }) {
            throw MoveFault.schemaDiffers("\(unknown) has come to one side while the move was under way")
        }
        items = try tables.enumerated().flatMap { number, table -> [Item] in
            let wanted = try Set(byTable[table.name, default: []].map(\.key)).sorted().map { try table.key($0) }
            let rows = try transaction.rows(wanted, of: table)
            return wanted.map { Item(table: number, key: $0, row: rows[$0]) }
        }
    }

    init(_ tables: [MovedTable], page rows: [[SQLValue]], of number: Int) {
        self.tables = tables
        items = rows.map { Item(table: number, key: tables[number].key(of: $0), row: $0) }
    }

    // MARK: Making it so

    fileprivate enum Deed {
        case insert([SQLValue])
        case update([SQLValue])
        case delete
    }

    fileprivate struct Step {
        let table: Int
        let key: RowKey
        let deed: Deed
        var rule = ""

        var isDeletion: Bool { if case .delete = deed { true } else { false } }
    }

    /// Makes the target have what the source had, and reads it back. What its rules refuse, because the row it depends on or
    /// gets in the way of is further on in the log, is returned.
    ///
    /// Rows are inserted, updated or deleted, whichever it takes, and never replaced: the schema's triggers judge an insert
    /// that turns into an update as an insert.
    func apply(in transaction: any WriteTransaction) throws -> [Refused] {
        let steps = try steps(transaction)
        let refused = try together(steps, transaction) ? [] : try oneByOne(steps, transaction)
        try readBack(but: Set(refused.map { Place(table: $0.table, key: $0.key) }), transaction)
        return refused.map { Refused(table: tables[$0.table].name, key: $0.key, rule: $0.rule) }
    }

    private struct Place: Hashable {
        let table: Int
        let key: RowKey
    }

    /// Children are deleted before parents, parents written before children, and updates make room for inserts.
    private func steps(_ transaction: any ReadTransaction) throws -> [Step] {
        var deletions: [Step] = []
        var others: [Step] = []
        for (number, table) in tables.enumerated() {
            let items = items.filter { $0.table == number }
            let there = try transaction.rows(items.map(\.key), of: table)
            var inserts: [Step] = []
            for item in items {
                switch (item.row, there[item.key]) {
                case (nil, nil): break
                case (nil, _?): deletions.insert(Step(table: number, key: item.key, deed: .delete), at: 0)
                case (let row?, nil): inserts.append(Step(table: number, key: item.key, deed: .insert(row)))
                case (let row?, let old?):
                    if Digest(of: row) != Digest(of: old) {
                        others.append(Step(table: number, key: item.key, deed: .update(row)))
                    }
                }
            }
            others += inserts
        }
        return deletions + others
    }

    /// False when a rule of the schema refused any of it: then nothing was done.
    private func together(_ steps: [Step], _ transaction: any WriteTransaction) throws -> Bool {
        do {
            try transaction.savepoint {
                var rest = steps[...]
                while let first = rest.first {
                    let run = rest.prefix { $0.table == first.table && $0.isAlike(first) }
                    try perform(Array(run), transaction)
                    rest = rest.dropFirst(run.count)
                }
            }
            return true
        } catch StorageFault.constraint {
            return false
        }
    }

    private func perform(_ run: [Step], _ transaction: any WriteTransaction) throws {
        let table = tables[run[0].table]
        switch run[0].deed {
        case .delete:
            for some in run.parts(of: MovedTable.keysTogether) {
                // A part is filled up by repeating a key, and one alone has a text of its own.
                try transaction.post(table.delete(some.map(\.key)))
            }
        case .update: for step in run { try perform(step, transaction) }
        case .insert:
            let rows = run.compactMap { step in if case .insert(let row) = step.deed { row } else { nil } }
            for some in rows.parts(of: table.rowsTogether) {
                if some.count == table.rowsTogether {
                    try transaction.post(table.insert(some))
                } else {
                    for few in some.parts(of: 8) {
                        if few.count == 8 {
                            try transaction.post(table.insert(few))
                        } else {
                            for row in few { try transaction.post(table.insert([row])) }
                        }
                    }
                }
            }
        }
    }

    private func perform(_ step: Step, _ transaction: any WriteTransaction) throws {
        let table = tables[step.table]
        switch step.deed {
        case .delete: try transaction.post(table.delete([step.key]))
        case .insert(let row): try transaction.post(table.insert([row]))
        case .update(let row): if let update = table.update(row) { try transaction.post(update) }
        }
    }

    /// In small parts, and the parts that were refused each for itself, again and again while that helps; then those that stand
    /// in each other's way all at once.
    private func oneByOne(_ steps: [Step], _ transaction: any WriteTransaction) throws -> [Step] {
        var left = try steps.parts(of: 50).flatMap { part in try together(part, transaction) ? [] : part }
        while !left.isEmpty {
            var refused: [Step] = []
            for var step in left {
                do { try transaction.savepoint { try perform(step, transaction) } } catch StorageFault.constraint(let rule) {
                    step.rule = rule
                    refused.append(step)
                }
            }
            if refused.count == left.count { return try exchanged(refused, transaction) ? [] : refused }
            left = refused
        }
        return []
    }

    /// Two rows that exchange a value only one may have: both go, and both come again.
    private func exchanged(_ steps: [Step], _ transaction: any WriteTransaction) throws -> Bool {
        do {
            try transaction.savepoint {
                for step in steps.reversed() {
                    if case .insert = step.deed { continue }
                    try transaction.run(tables[step.table].delete([step.key]))
                }
                for step in steps {
                    switch step.deed {
                    case .delete: break
                    case .insert(let row), .update(let row): try transaction.run(tables[step.table].insert([row]))
                    }
                }
            }
            return true
        } catch StorageFault.constraint {
            return false
        }
    }

    /// Throws when the target does not say back what it was told.
    private func readBack(but refused: Set<Place>, _ transaction: any ReadTransaction) throws {
        for (number, table) in tables.enumerated() {
            let items = items.filter { $0.table == number && !refused.contains(Place(table: number, key: $0.key)) }
            let there = try transaction.rows(items.map(\.key), of: table)
            for item in items where item.row.map({ Digest(of: $0) }) != there[item.key].map({ Digest(of: $0) }) {
                throw MoveFault.differs(table: table.name)
            }
        }
    }
}

extension Changes.Step {
    fileprivate func isAlike(_ other: Self) -> Bool {
        switch (deed, other.deed) {
        case (.insert, .insert), (.update, .update), (.delete, .delete): true
        default: false
        }
    }
}

extension Array {
    /// In pieces of `size`, the last one shorter.
    fileprivate func parts(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
