import Notation
import People
import Scheduling
import Sealing
import Secrecy
import Storage

struct InsertEvent: Insertion {
    static let rank = 4
    var touches: [Touch]? { [] }
    static let sql: SQL = """
        INSERT INTO event (id, kind, appointment_id, at, payload, touched) VALUES ($1, $2, $3, $4, $5, $6)
        """
    let event: AppointmentEvent
    /// For other nodes; nil when there are none.
    let touched: [TouchedTime]?
    var bindings: [SQLValue] {
        [
            .id(event.id), .text(event.kind.rawValue), .id(event.appointment), .instant(event.at), .json(event.payload),
            touched.map { .json(TouchedTime.text($0)) } ?? .null,
        ]
    }
}

struct InsertAudit: Insertion {
    static let rank = 5
    var touches: [Touch]? { [] }
    static let sql: SQL = """
        INSERT INTO audit (subject_id, id, at, by, act, from_state, to_state, reason, overridden, request_id, role, purpose, address,
            operation, outcome, patients, query)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        """
    let entry: Sealed<AuditEntry>
    var bindings: [SQLValue] {
        let entry = entry.kept
        return [
            .identifier(high: entry.subject.high, low: entry.subject.low), .id(entry.id), .instant(entry.at), .text(entry.by),
            .text(entry.act), .text(entry.fromState?.rawValue), .text(entry.toState?.rawValue),
            .text(entry.reason?.revealed), .text(entry.overridden.isEmpty ? nil : entry.overridden.joined(separator: " ")),
            .text(entry.requestID), .text(entry.circumstances?.role?.rawValue), .text(entry.circumstances?.purpose.rawValue),
            .text(entry.circumstances?.address), .text(entry.circumstances?.operation), .text(entry.circumstances?.outcome),
            entry.circumstances.map { .ids($0.patients) } ?? .null, .text(entry.circumstances?.query),
        ]
    }
}

/// The words of a record, apart from it: they speak of somebody and can be taken away, which no record can. The record keeps a digest of
/// them as they lie here.
struct InsertAuditReason: Insertion {
    static let rank = 13
    var touches: [Touch]? { [] }
    static let sql: SQL = "INSERT INTO audit_reason (subject_id, id, reason) VALUES ($1, $2, $3)"
    let subject: ID<AuditSubject>
    let id: ID<AuditEntry>
    let reason: String
    var bindings: [SQLValue] { [.id(subject), .id(id), .text(reason)] }
}

/// The words of a record as they lie there; none where there were none or they were erased.
struct ReasonRow: Query {
    static let sql: SQL = "SELECT reason FROM audit_reason WHERE subject_id = $1 AND id = $2"
    let subject: ID<AuditSubject>
    let id: ID<AuditEntry>
    var bindings: [SQLValue] { [.id(subject), .id(id)] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// Stands in a record for words that are kept apart.
enum ReasonDigest {
    static let prefix = "sha256:"

    static func text(of sealed: String) -> String {
        var bytes = CanonicalBytes()
        bytes.add("mediconnect audit reason 1")
        bytes.add(sealed)
        return prefix + Hexadecimal.text(bytes.digest)
    }
}

extension WriteTransaction {
    /// Writes a record down, and its words apart from it where they are somebody's.
    func post(record sealed: Sealed<AuditEntry>) throws {
        guard let reason = sealed.kept.reason?.revealed, FieldCipher.version(of: reason) != nil else {
            return try post(InsertAudit(entry: sealed))
        }
        var kept = sealed.kept
        kept.reason = Personal(ReasonDigest.text(of: reason))
        try post(InsertAudit(entry: Sealed(kept: kept)))
        try post(InsertAuditReason(subject: kept.subject, id: kept.id, reason: reason))
    }
}

/// The columns of a record but its subject, in the order `AuditEntry(columns)` reads them.
let auditColumns = """
    audit.id, audit.at, audit.by, audit.act, audit.from_state, audit.to_state, audit.reason, audit.overridden, audit.request_id,
    audit.role, audit.purpose, audit.address, audit.operation, audit.outcome, audit.patients, audit.query
    """

/// The same for who reads it: with the words, where they are there still.
let toldAuditColumns = auditColumns.replacing(
    "audit.reason",
    with: """
        CASE WHEN audit.reason LIKE 'sha256:%' THEN (SELECT audit_reason.reason FROM audit_reason
            WHERE audit_reason.subject_id = audit.subject_id AND audit_reason.id = audit.id) ELSE audit.reason END
        """)

/// The audit of one subject, oldest first, after a cursor.
struct AuditOf: Query {
    static let sql = SQL("SELECT \(toldAuditColumns) FROM audit WHERE subject_id = $1 AND id > $2 ORDER BY id LIMIT $3")
    let subject: ID<AuditSubject>
    let after: ID<AuditEntry>
    let limit: Int
    var bindings: [SQLValue] { [.id(subject), .id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> AuditEntry {
        try AuditEntry(columns, subject: ID(high: 0, low: 0), firstColumn: 0)
    }
}

extension AuditEntry {
    /// From its columns but the subject, in the order of the table.
    init(_ columns: any Columns, subject: ID<AuditSubject>, firstColumn: Int) throws {
        self.init(
            id: try columns.id(firstColumn), subject: subject, at: try columns.instant(firstColumn + 1),
            by: try columns.text(firstColumn + 2), act: try columns.text(firstColumn + 3),
            fromState: try columns.optional(firstColumn + 4) { try columns.choice($0) },
            toState: try columns.optional(firstColumn + 5) { try columns.choice($0) },
            reason: try columns.optional(firstColumn + 6, columns.text).map { Personal($0) },
            overridden: try columns.optional(firstColumn + 7, columns.text)?.split(separator: " ").map(String.init) ?? [],
            requestID: try columns.text(firstColumn + 8), circumstances: try Circumstances(columns, firstColumn: firstColumn + 9))
    }
}

extension AuditEntry.Circumstances {
    fileprivate init?(_ columns: any Columns, firstColumn first: Int) throws {
        if columns.isNull(first + 4) { return nil }
        self.init(
            role: try columns.optional(first) { try columns.choice($0) }, purpose: try columns.choice(first + 1),
            address: try columns.optional(first + 2, columns.text), operation: try columns.optional(first + 3, columns.text),
            outcome: try columns.text(first + 4), patients: try columns.ids(first + 5),
            query: try columns.optional(first + 6, columns.text))
    }
}
