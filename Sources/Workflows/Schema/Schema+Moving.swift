/// What a move to another server has to know about the tables, beyond what the databases say themselves.
extension Schema {
    /// Tables the migrations put rows into.
    public static let seededTables: Set<String> = ["revision"]

    /// Columns that mean something only within one server: they are filled where a row is written, and not copied.
    public static let ownColumns: [(table: String, column: String)] = [(table: "event", column: "position")]
}
