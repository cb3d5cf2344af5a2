import Notation
import People
import Storage

/// Whether a caller has broken the glass for a patient, and the time is not over.
struct BrokenGlass: Query {
    static let sql: SQL = """
        SELECT id FROM emergency_access WHERE principal = $1 AND patient_id = $2 AND ends_at > $3 ORDER BY ends_at DESC LIMIT 1
        """
    let principal: String
    let patient: ID<Patient>
    let now: Instant
    var bindings: [SQLValue] { [.text(principal), .id(patient), .instant(now)] }
    static func row(_ columns: any Columns) throws -> ID<EmergencyAccess> { try columns.id(0) }
}

/// In the order `EmergencyAccess(columns)` reads them.
private let emergencyColumns = """
    id, principal, patient_id, reason, begun_at, ends_at, reviewed_by, reviewed_at, verdict, note
    """

struct EmergencyByID: Query {
    static let sql = SQL("SELECT \(emergencyColumns) FROM emergency_access WHERE id = $1")
    let id: ID<EmergencyAccess>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<EmergencyAccess> { Sealed(kept: try EmergencyAccess(columns)) }
}

/// One that is going to be changed: nobody else changes it before this transaction ends.
struct EmergencyToChange: Query {
    static let sql = SQL(sqlite: EmergencyByID.sql.sqlite, postgres: EmergencyByID.sql.postgres + " FOR NO KEY UPDATE")
    let id: ID<EmergencyAccess>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<EmergencyAccess> { Sealed(kept: try EmergencyAccess(columns)) }
}

struct EmergenciesAfter: Query {
    static let sql = SQL("SELECT \(emergencyColumns) FROM emergency_access WHERE id > $1 ORDER BY id LIMIT $2")
    let after: ID<EmergencyAccess>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Sealed<EmergencyAccess> { Sealed(kept: try EmergencyAccess(columns)) }
}

struct UnreviewedEmergencies: Query {
    static let sql = SQL(
        "SELECT \(emergencyColumns) FROM emergency_access WHERE reviewed_at IS NULL AND id > $1 ORDER BY id LIMIT $2")
    let after: ID<EmergencyAccess>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Sealed<EmergencyAccess> { Sealed(kept: try EmergencyAccess(columns)) }
}

extension EmergencyAccess {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), principal: try columns.text(1), patient: try columns.id(2),
            reason: Personal(try columns.text(3)), begunAt: try columns.instant(4), endsAt: try columns.instant(5),
            review: try columns.optional(7, columns.instant).map { at in
                Review(
                    by: try columns.text(6), at: at, verdict: try columns.choice(8),
                    note: try columns.optional(9, columns.text).map { Personal($0) })
            })
    }
}

struct InsertEmergency: Command {
    static let sql: SQL = """
        INSERT INTO emergency_access (id, principal, patient_id, reason, begun_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6)
        """
    let access: Sealed<EmergencyAccess>
    var bindings: [SQLValue] {
        let access = access.kept
        return [
            .id(access.id), .text(access.principal), .id(access.patient), .text(access.reason.revealed),
            .instant(access.begunAt), .instant(access.endsAt),
        ]
    }
}

/// Changes nothing where somebody else was first.
struct ReviewEmergency: Command {
    static let sql: SQL = """
        UPDATE emergency_access SET reviewed_by = $2, reviewed_at = $3, verdict = $4, note = $5
        WHERE id = $1 AND reviewed_at IS NULL
        """
    /// With its review.
    let access: Sealed<EmergencyAccess>
    var bindings: [SQLValue] {
        let (access, review) = (access.kept, access.kept.review)
        return [
            .id(access.id), .text(review?.by), .instant(review?.at), .text(review?.verdict.rawValue),
            .text(review?.note?.revealed),
        ]
    }
}

struct EndEmergency: Command {
    static let sql: SQL = "UPDATE emergency_access SET ends_at = $2 WHERE id = $1 AND ends_at > $2"
    let id: ID<EmergencyAccess>
    let at: Instant
    var bindings: [SQLValue] { [.id(id), .instant(at)] }
}

/// Who has a role with an account that can be used: whom the clinic tells what concerns the role.
struct SubjectsOfRole: Query {
    static let sql: SQL = """
        SELECT subject_id FROM account_role
        WHERE role = $1 AND (SELECT state FROM account WHERE account.id = account_role.account_id) = 'active' ORDER BY subject_id
        """
    let role: Role
    var bindings: [SQLValue] { [.text(role.rawValue)] }
    static func row(_ columns: any Columns) throws -> ID<Caller> { try columns.id(0) }
}
