import Storage

/// A change of a table that was found in the schema.
struct FoundChange: Command {
    static let sql: SQL = "SELECT 1"
    let ownText: SQL?
    let bindings: [SQLValue]

    init(_ text: SQL, _ bindings: [SQLValue] = []) {
        ownText = text
        self.bindings = bindings
    }
}
