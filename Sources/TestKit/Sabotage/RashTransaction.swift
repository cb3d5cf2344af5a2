public import Storage

extension TamperedDatabase {
    /// The planted bug of a server that does not wait for the standby with what it refuses without writing anything.
    public static func rash(_ inner: any Database) -> TamperedDatabase { TamperedDatabase(inner) { RashTransaction($0) } }
}

final class RashTransaction: PassingTransaction {
    /// Known by its words, because the command itself is the clinic's own affair.
    override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        if Asked.sql.postgres.contains("pg_logical_emit_message") { return }
        try super.post(command, orElse: fault)
    }
}
