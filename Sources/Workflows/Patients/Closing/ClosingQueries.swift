import Notation
import People
import Scheduling
import Storage

struct RecordState: Query {
    static let sql: SQL = "SELECT closed_at, erased_at, birth_date FROM patient WHERE id = $1"
    let id: ID<Patient>
    var bindings: [SQLValue] { [.id(id)] }

    struct Row: Sendable {
        let closedAt: Instant?
        let erasedAt: Instant?
        /// As it lies in the database.
        let birthDate: String?
    }

    static func row(_ columns: any Columns) throws -> Row {
        Row(
            closedAt: try columns.optional(0, columns.instant), erasedAt: try columns.optional(1, columns.instant),
            birthDate: try columns.optional(2, columns.text))
    }
}

/// The same, and nobody else changes it, or books for it, until this transaction has ended.
struct RecordStateToChange: Query {
    static let sql = SQL(sqlite: RecordState.sql.sqlite, postgres: RecordState.sql.postgres + " FOR UPDATE")
    let id: ID<Patient>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> RecordState.Row { try RecordState.row(columns) }
}

/// When a patient's last visit began. One that nobody has written down as missed counts.
struct LastVisit: Query {
    static let sql: SQL = """
        SELECT appointment_patient.start_at FROM appointment_patient
        JOIN appointment ON appointment.id = appointment_patient.appointment_id
        WHERE appointment_patient.patient_id = $1 AND appointment.state NOT IN ('pending', 'cancelled', 'noshow', 'entered-in-error')
        ORDER BY appointment_patient.start_at DESC LIMIT 1
        """
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
    static func row(_ columns: any Columns) throws -> Instant { try columns.instant(0) }
}

/// What a patient has ahead: bookings, and holds that are not over.
struct AheadOfRecord: Query {
    static let sql: SQL = """
        SELECT appointment.id FROM appointment_patient
        JOIN appointment ON appointment.id = appointment_patient.appointment_id
        WHERE appointment_patient.patient_id = $1 AND appointment_patient.start_at >= $2
            AND (appointment.state = 'booked' OR appointment.state = 'pending' AND appointment.held_until > $2)
        ORDER BY appointment_patient.start_at, appointment.id
        """
    let patient: ID<Patient>
    let now: Instant
    var bindings: [SQLValue] { [.id(patient), .instant(now)] }
    static func row(_ columns: any Columns) throws -> ID<Appointment> { try columns.id(0) }
}

/// Changes nothing where it is as it should be already.
struct SetClosed: Command {
    static let sql: SQL = """
        UPDATE patient SET closed_at = $2 WHERE id = $1 AND erased_at IS NULL
            AND CASE WHEN closed_at IS NULL THEN 1 ELSE 0 END = CAST($3 AS bigint)
        """
    let id: ID<Patient>
    /// Nil opens it again.
    let at: Instant?
    var bindings: [SQLValue] { [.id(id), .instant(at), .integer(at == nil ? 0 : 1)] }
}

struct ClosureOf: Query {
    static let sql: SQL = "SELECT id, reason, closed_by, accounts FROM patient_closure WHERE id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
    static func row(_ columns: any Columns) throws -> Sealed<RecordClosure> {
        Sealed(
            kept: RecordClosure(
                patient: try columns.id(0), reason: Personal(try columns.text(1)), by: try columns.text(2),
                accounts: try columns.texts(3)))
    }
}

struct InsertClosure: Command {
    static let sql: SQL = "INSERT INTO patient_closure (id, reason, closed_by, accounts) VALUES ($1, $2, $3, $4)"
    let closure: Sealed<RecordClosure>
    var bindings: [SQLValue] {
        let kept = closure.kept
        return [.id(kept.patient), .text(kept.reason.revealed), .text(kept.by), .texts(kept.accounts)]
    }
}

struct DeleteClosure: Command {
    static let sql: SQL = "DELETE FROM patient_closure WHERE id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
}

struct LegalHoldOf: Query {
    static let sql: SQL = "SELECT id, reason, placed_by, placed_at FROM legal_hold WHERE id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
    static func row(_ columns: any Columns) throws -> Sealed<LegalHold> {
        Sealed(
            kept: LegalHold(
                patient: try columns.id(0), reason: Personal(try columns.text(1)), by: try columns.text(2),
                at: try columns.instant(3)))
    }
}

struct InsertLegalHold: Command {
    static let sql: SQL = "INSERT INTO legal_hold (id, reason, placed_by, placed_at) VALUES ($1, $2, $3, $4)"
    let hold: Sealed<LegalHold>
    var bindings: [SQLValue] {
        let kept = hold.kept
        return [.id(kept.patient), .text(kept.reason.revealed), .text(kept.by), .instant(kept.at)]
    }
}

struct DeleteLegalHold: Command {
    static let sql: SQL = "DELETE FROM legal_hold WHERE id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
}

/// Closed records that are there still, after one.
struct ClosedRecords: Query {
    static let sql: SQL = """
        SELECT id FROM patient WHERE closed_at IS NOT NULL AND erased_at IS NULL AND id > $1 ORDER BY id LIMIT $2
        """
    let after: ID<Patient>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> ID<Patient> { try columns.id(0) }
}
