import Identity
import Notation
import People
import Storage

struct SessionByID: Query {
    static let sql: SQL = """
        SELECT id, account_id, role, subject_id, device, turn, turned_at, created_at, expires_at, ended_at, issuer FROM session
        WHERE id = $1
        """
    let id: ID<Session>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<SessionRecord> { Sealed(kept: try SessionRecord(columns)) }
}

/// Those that can be continued, oldest first.
struct OpenSessions: Query {
    static let sql: SQL = """
        SELECT id, account_id, role, subject_id, device, turn, turned_at, created_at, expires_at, ended_at, issuer FROM session
        WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY id LIMIT 1000
        """
    let account: ID<Account>
    let now: Instant
    var bindings: [SQLValue] { [.id(account), .instant(now)] }
    static func row(_ columns: any Columns) throws -> Sealed<SessionRecord> { Sealed(kept: try SessionRecord(columns)) }
}

/// Sessions that ended after a moment: their access tokens may not have expired yet.
struct EndedSince: Query {
    static let sql: SQL = "SELECT id, ended_at FROM session WHERE ended_at > $1"
    let at: Instant
    var bindings: [SQLValue] { [.instant(at)] }
    static func row(_ columns: any Columns) throws -> (id: ID<Session>, at: Instant) {
        (id: try columns.id(0), at: try columns.instant(1))
    }
}

extension SessionRecord {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), account: try columns.id(1),
            caller: Caller(role: try columns.choice(2), subject: try columns.id(3)),
            device: try columns.optional(4, columns.text).map { Personal($0) }, turn: try columns.int(5),
            turnedAt: try columns.instant(6), createdAt: try columns.instant(7), expiresAt: try columns.instant(8),
            endedAt: try columns.optional(9, columns.instant), issuer: try columns.optional(10, columns.text))
    }
}

struct InsertSession: Command {
    static let sql: SQL = """
        INSERT INTO session (id, account_id, role, subject_id, device, turn, turned_at, created_at, expires_at, issuer)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """
    let session: Sealed<SessionRecord>
    var bindings: [SQLValue] {
        let session = session.kept
        return [
            .id(session.id), .id(session.account), .text(session.caller.role.rawValue), .id(session.caller.subject),
            .text(session.device?.revealed), .integer(session.turn), .instant(session.turnedAt), .instant(session.createdAt),
            .instant(session.expiresAt), .text(session.issuer),
        ]
    }
}

/// Changes nothing when somebody else was faster.
struct TurnSession: Command {
    static let sql: SQL = """
        UPDATE session SET turn = turn + 1, turned_at = $3, expires_at = $4 WHERE id = $1 AND turn = $2 AND ended_at IS NULL
        """
    let id: ID<Session>
    let turn: Int
    let at: Instant
    let expiresAt: Instant
    var bindings: [SQLValue] { [.id(id), .integer(turn), .instant(at), .instant(expiresAt)] }
}

struct ChangeSessionRole: Command {
    static let sql: SQL = "UPDATE session SET role = $2, subject_id = $3 WHERE id = $1 AND ended_at IS NULL"
    let id: ID<Session>
    let caller: Caller
    var bindings: [SQLValue] { [.id(id), .text(caller.role.rawValue), .id(caller.subject)] }
}

struct EndSession: Command {
    static let sql: SQL = "UPDATE session SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL"
    let id: ID<Session>
    let at: Instant
    let reason: SessionEnd
    var bindings: [SQLValue] { [.id(id), .instant(at), .text(reason.rawValue)] }
}

/// Ends all sessions of an account but one, and says which.
struct EndSessions: Query {
    static let sql: SQL = """
        UPDATE session SET ended_at = $3, end_reason = $4 WHERE account_id = $1 AND id <> $2 AND ended_at IS NULL RETURNING id
        """
    let account: ID<Account>
    /// Nobody's spares none.
    let sparing: ID<Session>
    let at: Instant
    let reason: SessionEnd
    var bindings: [SQLValue] { [.id(account), .id(sparing), .instant(at), .text(reason.rawValue)] }
    static func row(_ columns: any Columns) throws -> ID<Session> { try columns.id(0) }
}

struct ForgetOldSessions: Command {
    static let sql: SQL = "DELETE FROM session WHERE expires_at < $1"
    let before: Instant
    var bindings: [SQLValue] { [.instant(before)] }
}
