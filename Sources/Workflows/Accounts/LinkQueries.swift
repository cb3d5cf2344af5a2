import Identity
import Notation
import Storage

/// As whom an identity provider knows an account.
struct AccountLink: Sendable {
    let account: ID<Account>
    let issuer: String
    /// The provider's own name for them, which never changes; with some it is an address.
    var subject: Personal<String>
}

/// Whom a provider means, by the digest of the subject; or as it is, where an earlier version has written it and it has not been sealed
/// yet.
struct LinkBySubject: Query {
    static let sql: SQL = """
        SELECT account_id FROM account_link WHERE issuer = $1 AND subject_index = $2
        UNION ALL SELECT account_id FROM account_link WHERE issuer = $1 AND subject = $3 AND subject_index IS NULL
        """
    let issuer: String
    let subject: Personal<String>
    let digest: [UInt8]
    var bindings: [SQLValue] { [.text(issuer), .bytes(digest), .text(subject.revealed)] }
    static func row(_ columns: any Columns) throws -> ID<Account> { try columns.id(0) }

    init(_ subject: Personal<String>, at issuer: String, _ keys: FieldKeys) {
        (self.issuer, self.subject, digest) = (issuer, subject, keys.digest(ofSubject: subject, at: issuer))
    }
}

/// Whether a provider knows an account.
struct LinkOfAccount: Query {
    static let sql: SQL = "SELECT 1 FROM account_link WHERE account_id = $1 AND issuer = $2"
    let account: ID<Account>
    let issuer: String
    var bindings: [SQLValue] { [.id(account), .text(issuer)] }
    static func row(_ columns: any Columns) throws -> Bool { true }
}

/// Breaks `account_link_subject` or `account_link_once` when either is linked already.
struct InsertLink: Command {
    static let sql: SQL = """
        INSERT INTO account_link (issuer, subject, account_id, linked_at, subject_index) VALUES ($1, $2, $3, $4, $5)
        """
    let link: Sealed<AccountLink>
    let digest: [UInt8]
    let at: Instant
    var bindings: [SQLValue] {
        let link = link.kept
        return [.text(link.issuer), .text(link.subject.revealed), .id(link.account), .instant(at), .bytes(digest)]
    }

    init(_ link: AccountLink, at: Instant, _ keys: FieldKeys) throws {
        (self.link, self.at) = (try keys.seal(link), at)
        digest = keys.digest(ofSubject: link.subject, at: link.issuer)
    }
}

struct RemoveLinks: Command {
    static let sql: SQL = "DELETE FROM account_link WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}

/// Links in the order of accounts and issuers, after one, for whoever seals them anew.
struct SealedLinks: Query {
    static let sql: SQL = """
        SELECT account_id, issuer, subject FROM account_link WHERE (account_id, issuer) > ($1, $2)
        ORDER BY account_id, issuer LIMIT $3
        """
    let account: ID<Account>
    let issuer: String
    let limit: Int
    var bindings: [SQLValue] { [.id(account), .text(issuer), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Sealed<AccountLink> {
        Sealed(
            kept: AccountLink(
                account: try columns.id(0), issuer: try columns.text(1), subject: Personal(try columns.text(2))))
    }
}

/// Puts a newly sealed subject, and its digest, in the place of what was read.
struct ReplaceSealedLink: Command {
    static let sql: SQL = """
        UPDATE account_link SET subject = $4, subject_index = $5 WHERE account_id = $1 AND issuer = $2 AND subject = $3
        """
    let old: Sealed<AccountLink>
    let new: Sealed<AccountLink>
    let digest: [UInt8]
    var bindings: [SQLValue] {
        let (old, new) = (old.kept, new.kept)
        return [
            .id(old.account), .text(old.issuer), .text(old.subject.revealed), .text(new.subject.revealed), .bytes(digest),
        ]
    }
}
