import Notation
import Scheduling
import Storage

/// The columns of an appointment in the order `Appointment(columns)` reads them.
private let appointmentColumns = """
    id, state, visit_type_id, practitioner_id, room_id, device_id, patients, location_id, start_at, end_at, held_until,
    cancelled_by, cancelled_at, cancellation_reason, override_reason, created_at, updated_at, version
    """

extension Appointment: Sealable {
    static let table = "appointment"
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> Appointment {
        guard let overrideReason else { return self }
        var copy = self
        copy.overrideReason = try exchange("override_reason", overrideReason)
        return copy
    }
}

extension Sealed where Value == Appointment {
    init(_ columns: any Columns) throws { self.init(kept: try Appointment(columns)) }
}

extension Appointment {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), state: try columns.choice(1), visitType: try columns.id(2),
            practitioner: try columns.id(3), room: try columns.optional(4) { try columns.id($0) },
            device: try columns.optional(5) { try columns.id($0) }, patients: try columns.ids(6),
            location: try columns.id(7), visit: TimeRange(from: try columns.instant(8), to: try columns.instant(9)),
            heldUntil: try columns.optional(10, columns.instant),
            cancellation: try columns.optional(12, columns.instant).map { at in
                Cancellation(by: try columns.text(11), at: at, reason: try columns.choice(13))
            },
            overrideReason: try columns.optional(14, columns.text).map { Personal($0) },
            createdAt: try columns.instant(15), updatedAt: try columns.instant(16), version: try columns.int(17))
    }
}

struct AppointmentByID: Query {
    static let sql = SQL("SELECT \(appointmentColumns) FROM appointment WHERE id = $1")
    let id: ID<Appointment>
    var rests: [Touch]? { [.appointment(id)] }
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Appointment> { try Sealed(columns) }
}

/// An appointment that is going to be changed: nobody else changes it before this transaction ends.
struct AppointmentToChange: Query {
    static let sql = SQL(
        sqlite: AppointmentByID.sql.sqlite, postgres: AppointmentByID.sql.postgres + " FOR NO KEY UPDATE")
    let id: ID<Appointment>
    var rests: [Touch]? { [.appointment(id)] }
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Appointment> { try Sealed(columns) }
}

/// What a client asked for under an identifier of its own choice, as a digest: the same again is a repeat, anything
/// else is a collision.
struct AppointmentContent: Query {
    static let sql: SQL = "SELECT content FROM appointment WHERE id = $1"
    let id: ID<Appointment>
    var rests: [Touch]? { [.appointment(id)] }
    var guess: [[UInt8]]? { [] }
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> [UInt8] { try columns.bytes(0) }
}

struct InsertAppointment: Insertion {
    static let rank = 1
    var touches: [Touch]? { [.appointment(appointment.kept.id), .day(of: appointment.kept.practitioner)] }
    static let sql: SQL = """
        INSERT INTO appointment (id, state, visit_type_id, practitioner_id, room_id, device_id, location_id, patients,
            start_at, end_at, held_until, override_reason, content, created_at, updated_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15)
        """
    let appointment: Sealed<Appointment>
    let content: [UInt8]
    var bindings: [SQLValue] {
        let appointment = appointment.kept
        return [
            .id(appointment.id), .text(appointment.state.rawValue), .id(appointment.visitType), .id(appointment.practitioner),
            .id(appointment.room), .id(appointment.device), .id(appointment.location), .ids(appointment.patients),
            .instant(appointment.visit.from), .instant(appointment.visit.to), .instant(appointment.heldUntil),
            .text(appointment.overrideReason?.revealed), .bytes(content), .instant(appointment.createdAt),
            .integer(appointment.version),
        ]
    }
}

/// Replaces version n by version n + 1. No row changed means somebody else was first.
struct UpdateAppointment: Command {
    static let sql: SQL = """
        UPDATE appointment SET state = $2, room_id = $3, device_id = $4, start_at = $5, end_at = $6, held_until = $7,
            cancelled_by = $8, cancelled_at = $9, cancellation_reason = $10, override_reason = $11, updated_at = $12,
            version = $13, practitioner_id = $14, location_id = $15
        WHERE id = $1 AND version = $13 - 1
        """
    let appointment: Sealed<Appointment>
    var bindings: [SQLValue] {
        let appointment = appointment.kept
        return [
            .id(appointment.id), .text(appointment.state.rawValue), .id(appointment.room), .id(appointment.device),
            .instant(appointment.visit.from), .instant(appointment.visit.to), .instant(appointment.heldUntil),
            .text(appointment.cancellation?.by), .instant(appointment.cancellation?.at),
            .text(appointment.cancellation?.reason.rawValue), .text(appointment.overrideReason?.revealed),
            .instant(appointment.updatedAt), .integer(appointment.version), .id(appointment.practitioner),
            .id(appointment.location),
        ]
    }
}

struct InsertAppointmentPatient: Insertion {
    static let rank = 2
    var touches: [Touch]? { [.patient(patient)] }
    static let sql: SQL = "INSERT INTO appointment_patient (patient_id, start_at, appointment_id) VALUES ($1, $2, $3)"
    let patient: ID<Participant>
    let start: Instant
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(patient), .instant(start), .id(appointment)] }
}

struct MoveAppointmentPatient: Command {
    static let sql: SQL = """
        UPDATE appointment_patient SET start_at = $4 WHERE patient_id = $1 AND start_at = $2 AND appointment_id = $3
        """
    let patient: ID<Participant>
    let from: Instant
    let appointment: ID<Appointment>
    let to: Instant
    var bindings: [SQLValue] { [.id(patient), .instant(from), .id(appointment), .instant(to)] }
}

/// Holds nobody confirmed, the longest overdue first.
struct OverdueHolds: Query {
    static let sql: SQL = """
        SELECT id, held_until FROM appointment WHERE state = 'pending' AND held_until < $1 ORDER BY held_until LIMIT $2
        """
    let before: Instant
    let limit: Int
    var bindings: [SQLValue] { [.instant(before), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> (id: ID<Appointment>, heldUntil: Instant) {
        (id: try columns.id(0), heldUntil: try columns.instant(1))
    }
}

// MARK: Lists, by cursor: everything after (start, id), so page 1,000 costs what page 1 costs.

struct AppointmentsOfPatient: Query {
    static let sql = SQL(
        """
        SELECT \(appointmentColumns) FROM appointment JOIN (
            SELECT start_at AS listed_at, appointment_id FROM appointment_patient
            WHERE patient_id = $1 AND start_at >= $2 AND start_at < $3 AND (start_at, appointment_id) > ($4, $5)
            ORDER BY start_at, appointment_id LIMIT $6
        ) AS listed ON appointment.id = listed.appointment_id
        ORDER BY listed.listed_at, listed.appointment_id
        """)
    let patient: ID<Participant>
    let page: AppointmentPage
    var bindings: [SQLValue] { [.id(patient)] + page.bindings }
    static func row(_ columns: any Columns) throws -> Sealed<Appointment> { try Sealed(columns) }
}

struct AppointmentsOfPractitioner: Query {
    static let sql = SQL(
        """
        SELECT \(appointmentColumns) FROM appointment
        WHERE practitioner_id = $1 AND start_at >= $2 AND start_at < $3 AND (start_at, id) > ($4, $5)
        ORDER BY start_at, id LIMIT $6
        """)
    let practitioner: ID<Resource>
    let page: AppointmentPage
    var bindings: [SQLValue] { [.id(practitioner)] + page.bindings }
    static func row(_ columns: any Columns) throws -> Sealed<Appointment> { try Sealed(columns) }
}

struct AppointmentsOfPlace: Query {
    static let sql = SQL(
        """
        SELECT \(appointmentColumns) FROM appointment
        WHERE location_id = $1 AND start_at >= $2 AND start_at < $3 AND (start_at, id) > ($4, $5)
        ORDER BY start_at, id LIMIT $6
        """)
    let place: ID<Location>
    let page: AppointmentPage
    var bindings: [SQLValue] { [.id(place)] + page.bindings }
    static func row(_ columns: any Columns) throws -> Sealed<Appointment> { try Sealed(columns) }
}

struct AppointmentsOfDay: Query {
    static let sql = SQL(
        """
        SELECT \(appointmentColumns) FROM appointment
        WHERE start_at >= $1 AND start_at < $2 AND (start_at, id) > ($3, $4)
        ORDER BY start_at, id LIMIT $5
        """)
    let page: AppointmentPage
    var bindings: [SQLValue] { page.bindings }
    static func row(_ columns: any Columns) throws -> Sealed<Appointment> { try Sealed(columns) }
}
