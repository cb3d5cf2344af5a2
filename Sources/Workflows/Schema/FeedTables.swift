import Storage

/// How far what changed in systems outside is heard, since when one fails, and what was put back there; and the tax on invoices.
enum FeedTables {
    private static let states = ["position", "failing_since", "alerted_at"]

    static let up: [SQL] =
        states.map { SQL(table: "ALTER TABLE sync_state ADD COLUMN \($0) {instant}") } + [
            // `tried`: what was last sent and not answered for. `put_back`: over which version of ours theirs was written again.
            SQL(table: "ALTER TABLE records_link ADD COLUMN tried {text}"),
            SQL(table: "ALTER TABLE records_link ADD COLUMN put_back {number}"),
            SQL(table: "ALTER TABLE invoice ADD COLUMN tax_rate {number}"),
            SQL(table: "ALTER TABLE invoice ADD COLUMN tax {number}"),
        ]

    static let down: [SQL] =
        [
            "ALTER TABLE invoice DROP COLUMN tax", "ALTER TABLE invoice DROP COLUMN tax_rate",
            "ALTER TABLE records_link DROP COLUMN put_back", "ALTER TABLE records_link DROP COLUMN tried",
        ]
        + states.reversed().map { SQL("ALTER TABLE sync_state DROP COLUMN \($0)") }
}
