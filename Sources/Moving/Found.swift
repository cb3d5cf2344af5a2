import Storage

/// A question about a table that was found in the schema: its first column spells the kinds of the others.
struct Found: Query {
    static let sql: SQL = "SELECT ''"
    let ownText: SQL?
    let bindings: [SQLValue]

    init(_ text: SQL, _ bindings: [SQLValue] = []) {
        ownText = text
        self.bindings = bindings
    }

    static func row(_ columns: any Columns) throws -> [SQLValue] {
        var values: [SQLValue] = []
        for (index, letter) in try columns.text(0).enumerated() {
            guard let kind = ColumnKind(rawValue: letter) else { throw StorageFault.statement("no kind \(letter)") }
            values.append(try kind.value(index + 1, of: columns))
        }
        return values
    }
}

extension [SQLValue] {
    func number(_ index: Int) -> Int? { if case .integer(let number) = self[index] { Int(number) } else { nil } }
}
