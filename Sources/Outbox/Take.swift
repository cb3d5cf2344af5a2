public import Notation
public import Storage

/// What is due and stands behind nobody, for a transaction that is going to end it. PostgreSQL locks the rows until then
/// and passes over what another worker has locked; SQLite has one writer and needs no locks.
public struct TakeDue: Query {
    public static let sql = SQL(sqlite: text(due.sqlite), postgres: text(due.postgres))
    private static let due = Outlook.due(at: "$1", "$2", limit: ClaimDue.window("$3", "$4"))
    private static func text(_ due: String) -> String {
        "SELECT \(ClaimDue.columns) FROM \(due) WHERE \(ClaimDue.isFirst) LIMIT $3"
    }

    public var bindings: [SQLValue] { [.instant(now), .json(outlook.json), .integer(limit), .integer(limit * 4)] }
    let now: Instant
    let outlook: Outlook
    let limit: Int

    public static func row(_ columns: any Columns) throws -> Claimed { try Claimed(columns, attempt: 1) }
}

/// The same message once more, unless somebody else has it or is done with it.
public struct TakeAgain: Query {
    public static let sql = SQL(sqlite: text, postgres: "\(text) FOR UPDATE SKIP LOCKED")
    private static let text = "SELECT id FROM outbox WHERE id = $1 AND state = 'ready' AND attempt = $2"
    public var bindings: [SQLValue] { [.id(claimed.delivery.id), .integer(claimed.delivery.attempt - 1)] }
    let claimed: Claimed

    public static func row(_ columns: any Columns) throws -> ID<OutboxMessage> { try columns.id(0) }
}
