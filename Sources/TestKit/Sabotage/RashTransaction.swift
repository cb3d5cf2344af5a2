public import Storage

extension TamperedDatabase {
    /// The planted bug of a server that does not wait for the standby with what it refuses: it neither records that it did, nor
    /// writes anything else that would have to arrive there.
    public static func rash(_ inner: any Database) -> TamperedDatabase { TamperedDatabase(inner) { RashTransaction($0) } }
}

final class RashTransaction: PassingTransaction {
    /// Known by its words, because the command itself is the clinic's own affair.
    override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        let text = Asked.sql.postgres
        if text.contains("pg_logical_emit_message") || text.hasPrefix("INSERT INTO audit") { return }
        try super.post(command, orElse: fault)
    }
}
