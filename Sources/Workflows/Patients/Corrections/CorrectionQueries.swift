import Notation
import People
import Storage

/// In the order `Sealed<Correction>(columns)` reads them.
private let correctionColumns = """
    id, patient_id, field, says, should_say, statement, state, asked_by, asked_at, due_at, extension_reason, decided_by, decided_at,
    basis, decision_reason, disagreement, disagreed_at, version
    """

extension Sealed where Value == Correction {
    fileprivate init(_ columns: any Columns) throws {
        func words(_ index: Int) throws -> Personal<String>? { try columns.optional(index, columns.text).map { Personal($0) } }
        let decision = try columns.optional(12, columns.instant).map { at in
            Correction.Decision(
                by: try columns.text(11), at: at, basis: try columns.optional(13) { try columns.choice($0) },
                reason: try words(14))
        }
        let disagreement = try columns.optional(16, columns.instant).map { at in
            Correction.Disagreement(statement: Personal(try columns.text(15)), at: at)
        }
        self.init(
            kept: Correction(
                id: try columns.id(0), patient: try columns.id(1), field: try columns.choice(2), says: try words(3),
                shouldSay: try words(4), statement: Personal(try columns.text(5)), state: try columns.choice(6),
                askedBy: try columns.text(7), askedAt: try columns.instant(8), dueAt: try columns.instant(9),
                extensionReason: try words(10), decision: decision, disagreement: disagreement, version: try columns.int(17)))
    }
}

/// The open request for a field, of which there is one at most.
struct OpenCorrection: Query {
    static let sql: SQL = "SELECT id FROM correction WHERE patient_id = $1 AND field = $2 AND state = 'open'"
    let patient: ID<Patient>
    let field: RecordField
    var bindings: [SQLValue] { [.id(patient), .text(field.rawValue)] }
    static func row(_ columns: any Columns) throws -> ID<Correction> { try columns.id(0) }
}

struct CorrectionByID: Query {
    static let sql = SQL("SELECT \(correctionColumns) FROM correction WHERE id = $1")
    let id: ID<Correction>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Correction> { try Sealed(columns) }
}

struct CorrectionsOfPatient: Query {
    static let sql = SQL("SELECT \(correctionColumns) FROM correction WHERE patient_id = $1 AND id > $2 ORDER BY id LIMIT $3")
    let patient: ID<Patient>
    let after: ID<Correction>
    let limit: Int
    var bindings: [SQLValue] { [.id(patient), .id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Sealed<Correction> { try Sealed(columns) }
}

struct CorrectionsAfter: Query {
    static let sql = SQL("SELECT \(correctionColumns) FROM correction WHERE id > $1 ORDER BY id LIMIT $2")
    let after: ID<Correction>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Sealed<Correction> { try Sealed(columns) }
}

/// Those nobody has decided, the most urgent first.
struct OpenCorrections: Query {
    static let sql = SQL(
        """
        SELECT \(correctionColumns) FROM correction WHERE state = 'open' AND (due_at, id) > ($1, $2) ORDER BY due_at, id LIMIT $3
        """)
    let after: Cursor
    let limit: Int
    var bindings: [SQLValue] { [.instant(after.at), .id(after.id), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Sealed<Correction> { try Sealed(columns) }
}

/// How many are open, and how many of those should have been decided.
struct CorrectionDepth: Query {
    static let sql: SQL = """
        SELECT count(*), count(CASE WHEN due_at <= $2 THEN 1 END) FROM correction WHERE state = 'open' AND due_at > $1
        """
    let now: Instant
    var bindings: [SQLValue] { [.instant(Instant(microseconds: 0)), .instant(now)] }
    static func row(_ columns: any Columns) throws -> (open: Int, overdue: Int) {
        (open: try columns.int(0), overdue: try columns.int(1))
    }
}

struct InsertCorrection: Command {
    static let sql: SQL = """
        INSERT INTO correction (id, patient_id, field, says, should_say, statement, state, asked_by, asked_at, due_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, 'open', $7, $8, $9, 1)
        """
    let correction: Sealed<Correction>
    var bindings: [SQLValue] {
        let kept = correction.kept
        return [
            .id(kept.id), .id(kept.patient), .text(kept.field.rawValue), .text(kept.says?.revealed),
            .text(kept.shouldSay?.revealed),
            .text(kept.statement.revealed), .text(kept.askedBy), .instant(kept.askedAt), .instant(kept.dueAt),
        ]
    }
}

/// Replaces version n by version n + 1. No row changed means somebody else was first.
struct UpdateCorrection: Command {
    static let sql: SQL = """
        UPDATE correction SET state = $2, due_at = $3, extension_reason = $4, decided_by = $5, decided_at = $6, basis = $7,
            decision_reason = $8, disagreement = $9, disagreed_at = $10, version = $11
        WHERE id = $1 AND version = $11 - 1
        """
    let correction: Sealed<Correction>
    var bindings: [SQLValue] {
        let kept = correction.kept
        return [
            .id(kept.id), .text(kept.state.rawValue), .instant(kept.dueAt), .text(kept.extensionReason?.revealed),
            .text(kept.decision?.by), .instant(kept.decision?.at), .text(kept.decision?.basis?.rawValue),
            .text(kept.decision?.reason?.revealed), .text(kept.disagreement?.statement.revealed),
            .instant(kept.disagreement?.at), .integer(kept.version),
        ]
    }
}
