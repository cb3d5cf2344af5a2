import Letters
public import Notation
import Storage

/// The address an account's owner is written to.
public struct AccountEmail: Sendable {
    let account: ID<Account>
    public internal(set) var address: Personal<String>
    /// When its owner showed that letters reach them there; nil until then. No two accounts have the same one verified.
    public let verifiedAt: Instant?
    /// What they read; nil for the clinic's own language.
    let language: WrittenLanguage?
}

/// Whose verified address it is, by its digest; or as it is, where an earlier version has written it and it has not been sealed yet. The
/// only look-up by an address.
struct VerifiedEmail: Query {
    static let sql: SQL = """
        SELECT account_id FROM account_email WHERE address_index = $1 AND verified_at IS NOT NULL
        UNION ALL SELECT account_id FROM account_email WHERE address = $2 AND address_index IS NULL AND verified_at IS NOT NULL
        """
    let address: Personal<String>
    let digest: [UInt8]
    var bindings: [SQLValue] { [.bytes(digest), .text(address.revealed)] }
    static func row(_ columns: any Columns) throws -> ID<Account> { try columns.id(0) }

    init(_ address: Personal<String>, _ keys: FieldKeys) {
        (self.address, digest) = (address, keys.digest(ofAddress: address))
    }
}

struct EmailOfAccount: Query {
    static let sql: SQL = "SELECT account_id, address, verified_at, language FROM account_email WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
    static func row(_ columns: any Columns) throws -> Sealed<AccountEmail> {
        Sealed(
            kept: AccountEmail(
                account: try columns.id(0), address: Personal(try columns.text(1)),
                verifiedAt: try columns.optional(2, columns.instant),
                language: try columns.optional(3) { try columns.choice($0) }))
    }
}

/// Gives an account an address, or another one. Breaks `account_email_address` when it is somebody else's.
struct StoreEmail: Command {
    static let sql: SQL = """
        INSERT INTO account_email (account_id, address, verified_at, language, address_index) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account_id) DO UPDATE SET address = excluded.address, verified_at = excluded.verified_at,
            language = excluded.language, address_index = excluded.address_index
        """
    let email: Sealed<AccountEmail>
    let digest: [UInt8]
    var bindings: [SQLValue] {
        let email = email.kept
        return [
            .id(email.account), .text(email.address.revealed), .instant(email.verifiedAt), .text(email.language?.rawValue),
            .bytes(digest),
        ]
    }

    init(_ email: AccountEmail, _ keys: FieldKeys) throws {
        (self.email, digest) = (try keys.seal(email), keys.digest(ofAddress: email.address))
    }
}

extension ReadTransaction {
    /// Where an account's owner is written to; nil when nobody knows. Whoever signs in with an address has given it.
    func email(of account: Account, _ keys: FieldKeys) throws -> AccountEmail? {
        if let known = try first(EmailOfAccount(account: account.id)) { return try keys.open(known) }
        return MailAddress(account.login.revealed).map {
            AccountEmail(account: account.id, address: $0.text, verifiedAt: nil, language: nil)
        }
    }
}

extension StorageFault {
    /// Another account has the address.
    var isEmailTaken: Bool {
        guard case .constraint(let name) = self else { return false }
        return name == "account_email_address" || name == "account_email.address_index"
    }
}
