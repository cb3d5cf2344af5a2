import Notation
import Scheduling
import Storage

struct EveryPlace: Query {
    static let sql: SQL = "SELECT id, lanes, lanes_offered FROM resource ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> (ID<Resource>, Snapshot.Place) {
        (try columns.id(0), Snapshot.Place(lanes: try columns.int(1), lanesOffered: try columns.int(2)))
    }
}

struct EveryVisit: Query {
    static let sql: SQL = """
        SELECT id, duration_minutes, buffer_before_minutes, buffer_after_minutes, hold_minutes FROM visit_type ORDER BY id
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> (ID<VisitType>, Snapshot.Visit) {
        let visit = Snapshot.Visit(
            minutes: try columns.int(1), before: try columns.int(2), after: try columns.int(3), holdMinutes: try columns.int(4))
        return (try columns.id(0), visit)
    }
}

struct EveryClaim: Query {
    static let sql: SQL = "SELECT holder_id, lane, from_at, to_at, appointment_id FROM claim"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Snapshot.Claim {
        Snapshot.Claim(
            holder: try columns.id(0), lane: try columns.int(1),
            range: TimeRange(from: try columns.instant(2), to: try columns.instant(3)), appointment: try columns.id(4))
    }
}

struct EveryBooking: Query {
    static let sql: SQL = """
        SELECT id, state, visit_type_id, practitioner_id, room_id, device_id, patients, start_at, end_at, held_until,
            override_reason, version
        FROM appointment ORDER BY id
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Snapshot.Booking {
        Snapshot.Booking(
            id: try columns.id(0), state: try columns.text(1), visitType: try columns.id(2), practitioner: try columns.id(3),
            room: try columns.optional(4) { try columns.id($0) }, device: try columns.optional(5) { try columns.id($0) },
            patients: try JSON(parsing: try columns.json(6)).identifiers,
            range: TimeRange(from: try columns.instant(7), to: try columns.instant(8)),
            heldUntil: try columns.optional(9, columns.instant), isOverride: !columns.isNull(10), version: try columns.int(11))
    }
}

struct EveryListing: Query {
    static let sql: SQL = "SELECT patient_id, start_at, appointment_id FROM appointment_patient"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Snapshot.Listing {
        Snapshot.Listing(patient: try columns.id(0), start: try columns.instant(1), appointment: try columns.id(2))
    }
}

struct EveryEvent: Query {
    static let sql: SQL = "SELECT kind, appointment_id, at, payload FROM event ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Snapshot.Event {
        Snapshot.Event(
            kind: try columns.text(0), appointment: try columns.id(1), at: try columns.instant(2), payload: try columns.json(3))
    }
}

struct EveryAudit: Query {
    static let sql: SQL = """
        SELECT subject_id, at, by, act, from_state, to_state, request_id FROM audit
        WHERE act LIKE 'appointment.%' ORDER BY subject_id, id
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Snapshot.Audit {
        Snapshot.Audit(
            subject: try columns.id(0), at: try columns.instant(1), by: try columns.text(2), act: try columns.text(3),
            from: try columns.optional(4, columns.text), to: try columns.optional(5, columns.text), request: try columns.text(6))
    }
}

struct EveryMessage: Query {
    static let sql: SQL = "SELECT topic, state, payload, available_at, subject FROM outbox ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Snapshot.Message {
        Snapshot.Message(
            topic: try columns.text(0), state: try columns.text(1), payload: try columns.json(2),
            availableAt: try columns.instant(3), subject: try columns.optional(4) { try columns.id($0) })
    }
}

struct EveryNotice: Query {
    static let sql: SQL = "SELECT recipient_id, recipient_role, kind, appointment_id, at, payload FROM notice ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Snapshot.Notice {
        Snapshot.Notice(
            recipient: try columns.id(0), role: try columns.text(1), kind: try columns.text(2), appointment: try columns.id(3),
            at: try columns.instant(4), payload: try columns.json(5))
    }
}

struct EveryOffer: Query {
    static let sql: SQL = """
        SELECT id, chain_id, patient_id, appointment_id, practitioner_id, start_at, state, offered_at, until_at, ended_at
        FROM waitlist_offer ORDER BY id
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Snapshot.Offer {
        Snapshot.Offer(
            id: try columns.id(0), chain: try columns.id(1), patient: try columns.optional(2) { try columns.id($0) },
            appointment: try columns.optional(3) { try columns.id($0) }, practitioner: try columns.id(4),
            start: try columns.instant(5), state: try columns.text(6), at: try columns.instant(7),
            until: try columns.optional(8, columns.instant), endedAt: try columns.optional(9, columns.instant))
    }
}

struct EveryWaiting: Query {
    static let sql: SQL = "SELECT id, state, missed_offers, version FROM waitlist_entry ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String {
        "\(try columns.id(0, Appointment.self)) \(try columns.text(1)) \(try columns.int(2)) \(try columns.int(3))"
    }
}

struct EveryAnswer: Query {
    static let sql: SQL = "SELECT principal, key, body FROM idempotency ORDER BY principal, key"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Snapshot.Answer {
        Snapshot.Answer(principal: try columns.text(0), key: try columns.text(1), body: try columns.bytes(2))
    }
}

extension JSON {
    /// A list of identifiers; whatever is none makes the list shorter, and the checks that count notice.
    var identifiers: [ID<Resource>] { (array ?? []).compactMap { $0.string.flatMap { ID($0) } } }
}
