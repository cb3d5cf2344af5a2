import Storage

/// A table both sides have, with the texts that read and change it. What a text takes is bound in the order of `columns`, or of
/// `key` where only a key is wanted.
struct MovedTable: Sendable {
    struct Column: Sendable, Equatable {
        let name: String
        let kind: ColumnKind
    }

    let name: String
    let columns: [Column]
    /// Places in `columns`, in the order of the primary key.
    let key: [Int]

    /// How many rows one statement takes. Small enough for SQLite's 32,766 parameters, large enough that a round trip
    /// hardly counts.
    var rowsTogether: Int { max(1, min(100, 20_000 / columns.count)) }
    static let keysTogether = 50

    func key(of row: [SQLValue]) -> RowKey { RowKey(key.map { row[$0] }) }
    func key(_ text: String) throws -> RowKey { try RowKey(text, as: key.map { columns[$0].kind }) }

    // MARK: Texts

    private var quoted: String { Self.quoted(name) }
    private var keyNames: [String] { key.map { Self.quoted(columns[$0].name) } }
    private var list: String { columns.map { Self.quoted($0.name) }.joined(separator: ", ") }
    private var shape: String { String(columns.map(\.kind.rawValue)) }

    static func quoted(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// The next rows in the order of the primary key, those under `end` with them.
    func page(after last: RowKey?, until end: RowKey? = nil, limit: Int) -> Found {
        let order = keyNames.joined(separator: ", ")
        var conditions: [String] = []
        for (bound, comparison) in [(last, ">"), (end, "<=")] where bound != nil {
            let first = conditions.count * key.count + 1
            let places = key.indices.map { "$\(first + $0)" }.joined(separator: ", ")
            conditions.append(key.count == 1 ? "\(order) \(comparison) \(places)" : "(\(order)) \(comparison) (\(places))")
        }
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        return Found(
            SQL("SELECT '\(shape)', \(list) FROM \(quoted)\(condition) ORDER BY \(order) LIMIT \(limit)"),
            (last?.values ?? []) + (end?.values ?? []))
    }

    /// The last row in the order of the primary key.
    var last: Found {
        let order = keyNames.map { "\($0) DESC" }.joined(separator: ", ")
        return Found(SQL("SELECT '\(shape)', \(list) FROM \(quoted) ORDER BY \(order) LIMIT 1"))
    }

    /// The rows under these keys, at most `keysTogether`. Always the same text: what is missing to the full number is asked
    /// for twice.
    func rows(under keys: [RowKey]) -> Found {
        let (condition, values) = under(keys)
        return Found(
            SQL(
                sqlite: "SELECT '\(shape)', \(list) FROM \(quoted) WHERE \(condition.sqlite)",
                postgres: "SELECT '\(shape)', \(list) FROM \(quoted) WHERE \(condition.postgres)"), values)
    }

    func delete(_ keys: [RowKey]) -> FoundChange {
        let (condition, values) = under(keys)
        return FoundChange(
            SQL(
                sqlite: "DELETE FROM \(quoted) WHERE \(condition.sqlite)",
                postgres: "DELETE FROM \(quoted) WHERE \(condition.postgres)"), values)
    }

    private func under(_ keys: [RowKey]) -> (SQL, [SQLValue]) {
        let count = keys.count == 1 ? 1 : Self.keysTogether
        let values = (0..<count).flatMap { keys[min($0, keys.count - 1)].values }
        let names = keyNames.joined(separator: ", ")
        let places = Self.places(rows: count, columns: key.count)
        let text = places.joined(separator: ", ")
        if key.count == 1 { return (SQL("\(names) IN (\(places.joined(separator: ", ")))"), values) }
        return (SQL(sqlite: "(\(names)) IN (VALUES \(text))", postgres: "(\(names)) IN (\(text))"), values)
    }

    func insert(_ rows: [[SQLValue]]) -> FoundChange {
        let places = Self.places(rows: rows.count, columns: columns.count).map { columns.count == 1 ? "(\($0))" : $0 }
        let values = places.joined(separator: ", ")
        return FoundChange(
            SQL(
                sqlite: "INSERT INTO \(quoted) (\(list)) VALUES \(values)",
                // A number the server would give itself has been given already.
                postgres: "INSERT INTO \(quoted) (\(list)) OVERRIDING SYSTEM VALUE VALUES \(values)"),
            rows.flatMap { $0 })
    }

    /// Nil when there is nothing beside the key.
    func update(_ row: [SQLValue]) -> FoundChange? {
        let others = columns.indices.filter { !key.contains($0) }
        guard !others.isEmpty else { return nil }
        let changes = others.enumerated().map { "\(Self.quoted(columns[$0.element].name)) = $\($0.offset + 1)" }
        let conditions = keyNames.enumerated().map { "\($0.element) = $\(others.count + $0.offset + 1)" }
        let text = changes.joined(separator: ", ") + " WHERE " + conditions.joined(separator: " AND ")
        return FoundChange(SQL("UPDATE \(quoted) SET \(text)"), others.map { row[$0] } + key.map { row[$0] })
    }

    var count: Found { Found(SQL("SELECT 'n', count(*) FROM \(quoted)")) }

    /// `($1, $2)`, `($3, $4)` …; without parentheses where there is one column.
    private static func places(rows: Int, columns: Int) -> [String] {
        (0..<rows).map { row in
            let numbers = (0..<columns).map { "$\(row * columns + $0 + 1)" }
            return columns == 1 ? numbers[0] : "(" + numbers.joined(separator: ", ") + ")"
        }
    }
}
