import Letters
public import Notation
import Storage

/// The address an account's owner is written to.
public struct AccountEmail: Sendable {
    let account: ID<Account>
    public let address: Personal<String>
    /// When its owner showed that letters reach them there; nil until then. No two accounts have the same one verified.
    public let verifiedAt: Instant?
    /// What they read; nil for the clinic's own language.
    let language: LetterLanguage?
}

/// Whose verified address it is. The only look-up by an address.
struct VerifiedEmail: Query {
    static let sql: SQL = """
        SELECT account_id, address, verified_at, language FROM account_email WHERE address = $1 AND verified_at IS NOT NULL
        """
    let address: Personal<String>
    var bindings: [SQLValue] { [.text(address.revealed)] }
    static func row(_ columns: any Columns) throws -> AccountEmail { try AccountEmail(columns) }
}

struct EmailOfAccount: Query {
    static let sql: SQL = "SELECT account_id, address, verified_at, language FROM account_email WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
    static func row(_ columns: any Columns) throws -> AccountEmail { try AccountEmail(columns) }
}

extension AccountEmail {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            account: try columns.id(0), address: Personal(try columns.text(1)),
            verifiedAt: try columns.optional(2, columns.instant),
            language: try columns.optional(3) { try columns.choice($0) })
    }
}

/// Gives an account an address, or another one. Breaks `account_email_verified` when it is somebody else's.
struct StoreEmail: Command {
    static let sql: SQL = """
        INSERT INTO account_email (account_id, address, verified_at, language) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id) DO UPDATE SET
            address = excluded.address, verified_at = excluded.verified_at, language = excluded.language
        """
    let email: AccountEmail
    var bindings: [SQLValue] {
        [.id(email.account), .text(email.address.revealed), .instant(email.verifiedAt), .text(email.language?.rawValue)]
    }
}

extension ReadTransaction {
    /// Where an account's owner is written to; nil when nobody knows. Whoever signs in with an address has given it.
    func email(of account: Account) throws -> AccountEmail? {
        if let known = try first(EmailOfAccount(account: account.id)) { return known }
        return MailAddress(account.login.revealed).map {
            AccountEmail(account: account.id, address: $0.text, verifiedAt: nil, language: nil)
        }
    }
}

extension StorageFault {
    /// Another account has the address.
    var isEmailTaken: Bool {
        guard case .constraint(let name) = self else { return false }
        return name == "account_email_verified" || name == "account_email.address"
    }
}
