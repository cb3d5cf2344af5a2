import Notation
import Scheduling
import Sealing
import Storage

/// A record that waits for its seal.
struct InsertUnsealed: Insertion {
    static let rank = 6
    var touches: [Touch]? { [] }
    static let sql: SQL = "INSERT INTO audit_unsealed (id, subject_id) VALUES ($1, $2)"
    let entry: AuditEntry
    var bindings: [SQLValue] { [.id(entry.id), .id(entry.subject)] }
}

/// The records that wait, after one, and what became of them: nothing, where somebody has deleted the record.
struct UnsealedRecords: Query {
    static let sql = SQL(
        """
        SELECT audit_unsealed.subject_id, audit_unsealed.id, \(auditColumns)
        FROM audit_unsealed LEFT JOIN audit ON audit.subject_id = audit_unsealed.subject_id AND audit.id = audit_unsealed.id
        WHERE audit_unsealed.id > $1 ORDER BY audit_unsealed.id LIMIT $2
        """)
    let after: ID<AuditEntry>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Waiting {
        Waiting(
            subject: try columns.id(0), id: try columns.id(1),
            entry: columns.isNull(2) ? nil : try AuditEntry(columns, subject: try columns.id(0), firstColumn: 2))
    }

    struct Waiting: Sendable {
        let subject: ID<AuditSubject>
        let id: ID<AuditEntry>
        let entry: AuditEntry?
    }
}

struct DeleteUnsealed: Deletion {
    static let rank = 12
    static let sql: SQL = "DELETE FROM audit_unsealed WHERE id = $1"
    let id: ID<AuditEntry>
    var bindings: [SQLValue] { [.id(id)] }
}

/// Those from one to another, where nobody can have added one between them meanwhile.
struct DeleteUnsealedRange: Command {
    static let sql: SQL = "DELETE FROM audit_unsealed WHERE id >= $1 AND id <= $2"
    let first: ID<AuditEntry>
    let last: ID<AuditEntry>
    var bindings: [SQLValue] { [.id(first), .id(last)] }
}

struct AuditRecord: Query {
    static let sql = SQL("SELECT \(auditColumns) FROM audit WHERE subject_id = $1 AND id = $2")
    let subject: ID<AuditSubject>
    let id: ID<AuditEntry>
    var bindings: [SQLValue] { [.id(subject), .id(id)] }
    static func row(_ columns: any Columns) throws -> AuditEntry {
        try AuditEntry(columns, subject: ID(high: 0, low: 0), firstColumn: 0)
    }
}

/// The seals after one, with what they seal.
struct SealsAfter: Query {
    static let sql: SQL = """
        SELECT number, at, count, members, root, link, public_key, signature FROM audit_seal
        WHERE number > $1 ORDER BY number LIMIT $2
        """
    let number: Int
    let limit: Int
    var bindings: [SQLValue] { [.integer(number), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> (seal: Seal, records: [SealedRecord]) {
        (
            seal: Seal(
                number: try columns.int(0), at: try columns.instant(1), count: try columns.int(2), root: try columns.bytes(4),
                link: try columns.bytes(5), publicKey: try columns.bytes(6), signature: try columns.bytes(7)),
            records: SealedRecord.list(try columns.bytes(3))
        )
    }
}

/// The last seal, without what it seals.
struct LastSeal: Query {
    static let sql: SQL = """
        SELECT number, at, count, root, link, public_key, signature FROM audit_seal WHERE number > 0 ORDER BY number DESC LIMIT 1
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Seal {
        Seal(
            number: try columns.int(0), at: try columns.instant(1), count: try columns.int(2), root: try columns.bytes(3),
            link: try columns.bytes(4), publicKey: try columns.bytes(5), signature: try columns.bytes(6))
    }
}

struct InsertSeal: Insertion {
    static let rank = 11
    static let sql: SQL = """
        INSERT INTO audit_seal (number, at, count, members, root, link, public_key, signature)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """
    let seal: Seal
    let records: [SealedRecord]
    var bindings: [SQLValue] {
        var members = CanonicalBytes(reserving: records.count * SealedRecord.byteCount)
        for record in records { record.write(to: &members) }
        return [
            .integer(seal.number), .instant(seal.at), .integer(seal.count), .bytes(members.bytes), .bytes(seal.root),
            .bytes(seal.link), .bytes(seal.publicKey), .bytes(seal.signature),
        ]
    }
}

/// How many records there are, how many of them are sealed, how many wait. Reads everything.
struct AuditCounts: Query {
    static let sql: SQL = """
        SELECT (SELECT count(*) FROM audit), (SELECT CAST(coalesce(sum(count), 0) AS bigint) FROM audit_seal),
            (SELECT count(*) FROM audit_unsealed)
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> (records: Int, sealed: Int, waiting: Int) {
        (records: try columns.int(0), sealed: try columns.int(1), waiting: try columns.int(2))
    }
}

/// The records after one, in the order they are kept in.
struct AuditAfter: Query {
    static let sql: SQL = "SELECT subject_id, id FROM audit WHERE (subject_id, id) > ($1, $2) ORDER BY subject_id, id LIMIT $3"
    let subject: ID<AuditSubject>
    let id: ID<AuditEntry>
    let limit: Int
    var bindings: [SQLValue] { [.id(subject), .id(id), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> (subject: ID<AuditSubject>, id: ID<AuditEntry>) {
        (subject: try columns.id(0), id: try columns.id(1))
    }
}

struct IsUnsealed: Query {
    static let sql: SQL = "SELECT 1 FROM audit_unsealed WHERE id = $1"
    let id: ID<AuditEntry>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Bool { true }
}

/// Records of lists, by time, after one.
struct AuditOfLists: Query {
    static let sql = SQL(
        """
        SELECT subject_id, \(toldAuditColumns) FROM audit
        WHERE query IS NOT NULL AND at < $3 AND (at, id) > ($1, $2) ORDER BY at, id LIMIT $4
        """)
    let after: Cursor
    let before: Instant
    let limit: Int
    var bindings: [SQLValue] { [.instant(after.at), .id(after.id), .instant(before), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> AuditEntry { try AuditBetween.row(columns) }
}

/// The records of a stretch of time after one, in the order they are kept in.
struct AuditBetween: Query {
    static let sql = SQL(
        """
        SELECT subject_id, \(toldAuditColumns) FROM audit
        WHERE (subject_id, id) > ($1, $2) AND at >= $3 AND at < $4 ORDER BY subject_id, id LIMIT $5
        """)
    let subject: ID<AuditSubject>
    let id: ID<AuditEntry>
    let range: TimeRange
    let limit: Int
    var bindings: [SQLValue] { [.id(subject), .id(id), .instant(range.from), .instant(range.to), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> AuditEntry {
        try AuditEntry(columns, subject: try columns.id(0), firstColumn: 1)
    }
}
