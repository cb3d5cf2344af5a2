import Identity
import Notation
import Storage

/// Whom a provider means.
struct LinkBySubject: Query {
    static let sql: SQL = "SELECT account_id FROM account_link WHERE issuer = $1 AND subject = $2"
    let issuer: String
    let subject: String
    var bindings: [SQLValue] { [.text(issuer), .text(subject)] }
    static func row(_ columns: any Columns) throws -> ID<Account> { try columns.id(0) }
}

/// As whom a provider knows an account.
struct LinkOfAccount: Query {
    static let sql: SQL = "SELECT subject FROM account_link WHERE account_id = $1 AND issuer = $2"
    let account: ID<Account>
    let issuer: String
    var bindings: [SQLValue] { [.id(account), .text(issuer)] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

struct InsertLink: Command {
    static let sql: SQL = "INSERT INTO account_link (issuer, subject, account_id, linked_at) VALUES ($1, $2, $3, $4)"
    let issuer: String
    let subject: String
    let account: ID<Account>
    let at: Instant
    var bindings: [SQLValue] { [.text(issuer), .text(subject), .id(account), .instant(at)] }
}

struct RemoveLinks: Command {
    static let sql: SQL = "DELETE FROM account_link WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}
