import Notation
import Scheduling
import Storage

/// Keeps others from counting what a patient has until this transaction ends: two transactions that count before either writes would
/// both find the last place. Only asked where somebody counts. SQLite has one writer.
struct HoldPatient: Query {
    static let sql = SQL(
        sqlite: "SELECT 1 WHERE $1 IS NOT NULL",
        postgres: "SELECT pg_advisory_xact_lock(7463, hashtext(CAST($1 AS uuid)::text)) IS NOT NULL")
    let patient: ID<Participant>
    var bindings: [SQLValue] { [.id(patient)] }
    static func row(_ columns: any Columns) throws -> Bool { true }
    var rests: [Touch]? { [] }
}

/// The states of what a patient has ahead: bookings, and holds that are not over. A time that the clinic holds for them because they
/// wait for one is nothing they took.
struct AheadOfPatient: Query {
    static let sql: SQL = """
        SELECT appointment.state FROM appointment_patient
        JOIN appointment ON appointment.id = appointment_patient.appointment_id
        WHERE appointment_patient.patient_id = $1 AND appointment_patient.start_at > $2
            AND (appointment.state = 'booked' OR appointment.state = 'pending' AND appointment.held_until > $2
                AND NOT EXISTS (SELECT 1 FROM waitlist_offer WHERE waitlist_offer.appointment_id = appointment.id))
        """
    let patient: ID<Participant>
    let now: Instant

    /// Asked for a whole second, so that what is foreseen is what is asked a moment later.
    init(patient: ID<Participant>, now: Instant) {
        self.patient = patient
        self.now = Instant(secondsSince1970: now.secondsSince1970)
    }

    var bindings: [SQLValue] { [.id(patient), .instant(now)] }
    static func row(_ columns: any Columns) throws -> AppointmentState { try columns.choice(0) }
    var rests: [Touch]? { [.patient(patient)] }
}

/// How many of a patient's own holds came to nothing after an instant.
struct LapsedHolds: Query {
    static let sql: SQL = "SELECT count(*) FROM patient_hold WHERE patient_id = $1 AND lapsed_at > $2"
    let patient: ID<Participant>
    let since: Instant

    /// As above.
    init(patient: ID<Participant>, since: Instant) {
        self.patient = patient
        self.since = Instant(secondsSince1970: since.secondsSince1970)
    }

    var bindings: [SQLValue] { [.id(patient), .instant(since)] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
    /// A hold that is made has not lapsed yet.
    var rests: [Touch]? { [] }
}

/// A patient holds a time for themselves.
struct InsertPatientHold: Insertion {
    static let rank = 10
    var touches: [Touch]? { [] }
    static let sql: SQL = "INSERT INTO patient_hold (appointment_id, patient_id) VALUES ($1, $2)"
    let appointment: ID<Appointment>
    let patient: ID<Participant>
    var bindings: [SQLValue] { [.id(appointment), .id(patient)] }
}

/// A hold has come to nothing. Gives the patient whose own it was; nothing for one the clinic's staff made.
struct LapseHold: Query {
    static let sql: SQL = """
        UPDATE patient_hold SET lapsed_at = $2 WHERE appointment_id = $1 AND lapsed_at IS NULL RETURNING patient_id
        """
    let appointment: ID<Appointment>
    let now: Instant
    var bindings: [SQLValue] { [.id(appointment), .instant(now)] }
    static func row(_ columns: any Columns) throws -> ID<Participant> { try columns.id(0) }
}

/// A hold has become a booking.
struct ForgetHold: Command {
    static let sql: SQL = "DELETE FROM patient_hold WHERE appointment_id = $1"
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
}

/// Forgets holds that came to nothing before an instant, at most `limit` at once so that nobody waits behind it.
struct ForgetOldHolds: Command {
    static let sql: SQL = """
        DELETE FROM patient_hold WHERE appointment_id IN
            (SELECT appointment_id FROM patient_hold WHERE lapsed_at < $1 ORDER BY lapsed_at LIMIT $2)
        """
    let before: Instant
    let limit: Int
    var bindings: [SQLValue] { [.instant(before), .integer(limit)] }
}
