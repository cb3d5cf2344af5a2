import Notation
import Secrecy
import Storage

struct StoredAttempt: Query {
    static let sql: SQL = """
        SELECT fingerprint, status, etag, location, content_type, body, operation, expires_at FROM idempotency
        WHERE principal = $1 AND key = $2
        """
    let principal: String
    let key: String
    var bindings: [SQLValue] { [.text(principal), .text(key)] }
    var rests: [Touch]? { [.attempt(principal, key)] }
    // Most keys are new, and the primary key knows those that are not.
    var guess: [Row]? { [] }

    struct Row: Sendable {
        let fingerprint: [UInt8]
        let operation: String
        let answer: SealedAnswer
        let expiresAt: Instant
    }

    static func row(_ columns: any Columns) throws -> Row {
        Row(
            fingerprint: try columns.bytes(0), operation: try columns.text(6),
            answer: SealedAnswer(
                kept: StoredAnswer(
                    status: try columns.int(1), contentType: try columns.text(4), etag: try columns.optional(2, columns.text),
                    location: try columns.optional(3, columns.text), body: try columns.bytes(5))),
            expiresAt: try columns.instant(7))
    }
}

struct StoreAttempt: Insertion {
    static let rank = 9
    var touches: [Touch]? { [.attempt(principal, attempt.key)] }
    static let sql: SQL = """
        INSERT INTO idempotency (principal, key, operation, fingerprint, status, etag, location, content_type, body, expires_at, subject_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """
    let principal: String
    let attempt: Attempt
    let answer: SealedAnswer
    let expiresAt: Instant
    /// What it speaks of: goes with it when that is erased.
    let subject: ID<AuditSubject>?
    var bindings: [SQLValue] {
        let answer = answer.kept
        return [
            .text(principal), .text(attempt.key), .text(attempt.operation), .bytes(attempt.fingerprint),
            .integer(answer.status), .text(answer.etag), .text(answer.location), .text(answer.contentType),
            .bytes(answer.body), .instant(expiresAt), .id(subject),
        ]
    }
}

struct ForgetAttempt: Command {
    static let sql: SQL = "DELETE FROM idempotency WHERE principal = $1 AND key = $2"
    var touches: [Touch]? { [.attempt(principal, key)] }
    let principal: String
    let key: String
    var bindings: [SQLValue] { [.text(principal), .text(key)] }
}

/// Forgets answers past their time, at most `limit` at once so that nobody waits behind it.
struct ForgetExpiredAttempts: Command {
    static let sql: SQL = """
        DELETE FROM idempotency WHERE (key, principal) IN
            (SELECT key, principal FROM idempotency WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)
        """
    let before: Instant
    let limit: Int
    var bindings: [SQLValue] { [.instant(before), .integer(limit)] }
}

/// Makes a commit that changes nothing wait for the standby, as a change's commit does. A leader that was replaced while it
/// slept, and answers from what it last saw, cannot end such a transaction: nobody waits for it any more.
struct Vouch: Command {
    static let sql = SQL(sqlite: "SELECT 1", postgres: "SELECT pg_logical_emit_message(true, 'mediconnect', '')")
    var touches: [Touch]? { [] }
    var bindings: [SQLValue] { [] }
}
