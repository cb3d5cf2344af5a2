import Scheduling
public import Storage

extension TamperedDatabase {
    /// Hides from the deciding query what others have claimed: the guard in the clinic's rules is blind, and only the schema
    /// is left.
    public static func blinded(_ inner: any Database) -> TamperedDatabase { TamperedDatabase(inner) { BlindTransaction($0) } }
}

final class BlindTransaction: PassingTransaction {
    override func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] {
        Self.looksAtOthers(Asked.self) ? [] : try super.fetch(query)
    }

    override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        Self.looksAtOthers(Asked.self) ? nil : try super.first(query)
    }

    /// Every question for claims but the one for an appointment's own. Known by its row and its words, because the query
    /// itself is the clinic's own affair.
    static func looksAtOthers<Asked: Query>(_: Asked.Type) -> Bool {
        Asked.Row.self == Claim.self && !Asked.sql.sqlite.contains("WHERE appointment_id = $1")
    }
}

/// Hand-typed SQL that takes the schema's guard away: what is left is the primary key.
public enum Unguarded {
    public static let sql = SQL(
        sqlite: "DROP TRIGGER claim_insert; DROP TRIGGER claim_update;",
        postgres: "ALTER TABLE claim DROP CONSTRAINT claim_overlap")

    /// The same for the audit trail: from now on it can be rewritten, as only the database's owner can have it.
    public static let audit = SQL(
        sqlite: triggers.map { "DROP TRIGGER \($0.table)_\($0.what);" }.joined(separator: " "),
        postgres: triggers.map { "DROP TRIGGER \($0.table)_\($0.what) ON \($0.table);" }.joined(separator: " "))
    private static let triggers = ["audit", "audit_seal"].flatMap { table in
        ["update", "delete", "replace"].map { (table: table, what: $0) }
    }
}
