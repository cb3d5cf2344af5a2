import Identity
import Letters
import Notation
import Storage

/// A letter to an account's owner, as it is known before it is written: neither words nor code are kept.
struct LetterRecord: Sendable {
    let id: ID<AccountLetter>
    let account: ID<Account>
    let kind: LetterKind
    /// Where it goes when that is not the account's own address: the one it is to have, or the one it had.
    var address: Personal<String>?
    let createdAt: Instant
    let expiresAt: Instant
    let usedAt: Instant?
    /// What the account was like when it was asked for; see `Accounts.likeness`.
    let likeness: [UInt8]

    func isOpen(at now: Instant) -> Bool { usedAt == nil && now < expiresAt }
}

extension LetterKind {
    /// How long what it asks for can be done. Whoever reads the letter of a new password has an account that works: ten minutes, in which
    /// somebody who asked is still there (ASVS 6.5.5). The others open nothing that anybody has yet, or give back what was taken, and wait
    /// for people who read their letters once a day or after a week away (`docs/guides/accounts.md`).
    var lasting: Span {
        switch self {
        case .invitation, .emailChanged: .days(7)
        case .verification, .emailChange, .passwordChanged: .days(1)
        case .passwordReset: .minutes(10)
        }
    }

    /// Whether another password or another address makes it worthless. Not for what undoes a change of address: whoever took the account
    /// over changes both, as often as they like, and the owner still gets it back.
    var needsLikeness: Bool {
        switch self {
        case .invitation, .verification, .passwordReset, .emailChange: true
        case .passwordChanged, .emailChanged: false
        }
    }
}

struct InsertLetter: Command {
    static let sql: SQL = """
        INSERT INTO letter (id, account_id, kind, address, created_at, expires_at, likeness) VALUES ($1, $2, $3, $4, $5, $6, $7)
        """
    let letter: Sealed<LetterRecord>
    var bindings: [SQLValue] {
        let letter = letter.kept
        return [
            .id(letter.id), .id(letter.account), .text(letter.kind.rawValue), .text(letter.address?.revealed),
            .instant(letter.createdAt), .instant(letter.expiresAt), .bytes(letter.likeness),
        ]
    }
}

struct LetterByID: Query {
    static let sql: SQL = """
        SELECT id, account_id, kind, address, created_at, expires_at, used_at, likeness FROM letter WHERE id = $1
        """
    let id: ID<AccountLetter>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<LetterRecord> {
        Sealed(
            kept: LetterRecord(
                id: try columns.id(0), account: try columns.id(1), kind: try columns.choice(2),
                address: try columns.optional(3, columns.text).map { Personal($0) }, createdAt: try columns.instant(4),
                expiresAt: try columns.instant(5), usedAt: try columns.optional(6, columns.instant),
                likeness: try columns.bytes(7)))
    }
}

/// When an account was last sent letters of a kind, so many at most.
struct LettersSince: Query {
    static let sql: SQL = """
        SELECT created_at FROM letter WHERE account_id = $1 AND kind = $2 AND created_at > $3 LIMIT $4
        """
    let account: ID<Account>
    let kind: LetterKind
    let since: Instant
    let limit: Int
    var bindings: [SQLValue] { [.id(account), .text(kind.rawValue), .instant(since), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Instant { try columns.instant(0) }
}

/// Changes nothing when it was used before, or its time has passed: of many who come at once, one has used it.
struct UseLetter: Command {
    static let sql: SQL = "UPDATE letter SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $2"
    let id: ID<AccountLetter>
    let at: Instant
    var bindings: [SQLValue] { [.id(id), .instant(at)] }
}

/// Ends the time of every letter of an account.
struct VoidLetters: Command {
    static let sql: SQL = """
        UPDATE letter SET expires_at = CASE WHEN expires_at > $2 THEN $2 ELSE expires_at END
        WHERE account_id = $1 AND used_at IS NULL
        """
    let account: ID<Account>
    let at: Instant
    var bindings: [SQLValue] { [.id(account), .instant(at)] }
}

struct ForgetOldLetters: Command {
    static let sql: SQL = "DELETE FROM letter WHERE expires_at < $1"
    let before: Instant
    var bindings: [SQLValue] { [.instant(before)] }
}
