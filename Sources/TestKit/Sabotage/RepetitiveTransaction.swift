import Storage

/// A transaction that is told that a time was never offered to anybody.
final class RepetitiveTransaction: PassingTransaction {
    /// Known by its words, because the query itself is the clinic's own affair.
    override func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] {
        Asked.sql.sqlite.hasPrefix("SELECT patient_id, chain_id, entry_id FROM waitlist_offer") ? [] : try super.fetch(query)
    }
}
