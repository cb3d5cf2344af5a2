import Notation
import People
import Scheduling
import Storage

// What goes when somebody is erased, table by table.

/// Every appointment a patient ever had.
struct AllAppointmentsOf: Query {
    static let sql: SQL = "SELECT DISTINCT appointment_id FROM appointment_patient WHERE patient_id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
    static func row(_ columns: any Columns) throws -> ID<Appointment> { try columns.id(0) }
}

/// Puts a word in place of the name, and nothing in place of all else. Changes nothing where that was done.
struct ErasePatient: Command {
    static let sql: SQL = """
        UPDATE patient SET name = $2, birth_date = NULL, email = NULL, phone = NULL, record_number = NULL, email_index = NULL,
            phone_index = NULL, record_number_index = NULL, erased_at = $3, version = version + 1
        WHERE id = $1 AND closed_at IS NOT NULL AND erased_at IS NULL
        """
    let id: ID<Patient>
    let sealedName: String
    let at: Instant
    var bindings: [SQLValue] { [.id(id), .text(sealedName), .instant(at)] }
}

/// What staff wrote into an appointment, and the digest of what was asked for.
struct EraseWords: Command {
    static let sql = SQL(
        sqlite: "UPDATE appointment SET override_reason = NULL, content = x'' WHERE id = $1",
        postgres: "UPDATE appointment SET override_reason = NULL, content = '' WHERE id = $1")
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
}

/// What somebody would have paid with. What was paid stays as numbers.
struct ErasePayerSecret: Command {
    static let sql: SQL = "UPDATE payment SET payer_secret = NULL WHERE appointment_id = $1"
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
}

struct EraseReasons: Command {
    static let sql: SQL = "DELETE FROM audit_reason WHERE subject_id = $1"
    let subject: ID<AuditSubject>
    var bindings: [SQLValue] { [.id(subject)] }
}

struct EraseAnswers: Command {
    static let sql: SQL = "DELETE FROM idempotency WHERE subject_id = $1"
    let subject: ID<AuditSubject>
    var bindings: [SQLValue] { [.id(subject)] }
}

struct EraseNotices: Command {
    static let sql: SQL = "DELETE FROM notice WHERE recipient_id = $1"
    let recipient: ID<Caller>
    var bindings: [SQLValue] { [.id(recipient)] }
}

struct EraseCorrections: Command {
    static let sql: SQL = "DELETE FROM correction WHERE patient_id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
}

struct EraseHolds: Command {
    static let sql: SQL = "DELETE FROM patient_hold WHERE patient_id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
}

/// Who broke the glass, and when, stays; what was written about the patient does not.
struct EraseEmergencies: Command {
    static let sql: SQL = "UPDATE emergency_access SET reason = '', note = NULL WHERE patient_id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
}

struct EraseSessions: Command {
    static let sql: SQL = "DELETE FROM session WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}

/// Of an account that is something else besides.
struct EraseRoleSessions: Command {
    static let sql: SQL = "DELETE FROM session WHERE account_id = $1 AND role = 'patient'"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}

struct EraseSecondFactor: Command {
    static let sql: SQL = "DELETE FROM second_factor WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}

struct EraseRecoveryCodes: Command {
    static let sql: SQL = "DELETE FROM recovery_code WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}

struct EraseEmail: Command {
    static let sql: SQL = "DELETE FROM account_email WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}

struct EraseLetters: Command {
    static let sql: SQL = "DELETE FROM letter WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}

struct EraseLinks: Command {
    static let sql: SQL = "DELETE FROM account_link WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}

struct ErasePlaces: Command {
    static let sql: SQL = "DELETE FROM account_place WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}

struct EraseRoles: Command {
    static let sql: SQL = "DELETE FROM account_role WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}

struct EraseAccount: Command {
    static let sql: SQL = "DELETE FROM account WHERE id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}
