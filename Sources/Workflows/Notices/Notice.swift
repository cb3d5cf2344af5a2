public import Notation
public import People
public import Scheduling
import Storage

/// What one person is told about an appointment. It lies in the mailbox, and goes to a patient by the channels they can be reached by
/// (`Message`); it holds identifiers and times, and whoever shows it puts the words and names in.
public struct Notice: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case confirmation, cancellation, expiry, move, reminder
        /// Somebody broke the glass.
        case emergency
        /// A request for correction was decided.
        case correction
        /// The practitioner runs late today.
        case delay
        /// A payment came too late for its hold, and in time for the visit: the time was booked anew.
        case honoured = "payment-honoured"
        /// Money goes back, or does not.
        case refund
        /// A time somebody waits for is held for them.
        case offer
    }

    public let id: ID<Notice>
    public let recipient: ID<Caller>
    public let recipientRole: Role
    public let kind: Kind
    /// Nil where it is about none.
    public let appointment: ID<Appointment>?
    public let at: Instant
    /// `{"start": …, "minutesBefore": …, "minutes": …}`
    public let payload: String
}

struct InsertNotice: Insertion {
    static let rank = 8
    var touches: [Touch]? { [] }
    static let sql: SQL = """
        INSERT INTO notice (id, recipient_id, recipient_role, kind, appointment_id, at, payload)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """
    let notice: Notice
    var bindings: [SQLValue] {
        [
            .id(notice.id), .id(notice.recipient), .text(notice.recipientRole.rawValue), .text(notice.kind.rawValue),
            .id(notice.appointment ?? Notice.none), .instant(notice.at), .json(notice.payload),
        ]
    }
}

struct NoticesOf: Query {
    static let sql: SQL = """
        SELECT id, recipient_id, recipient_role, kind, appointment_id, at, payload FROM notice
        WHERE recipient_id = $1 AND id > $2 ORDER BY id LIMIT $3
        """
    let recipient: ID<Caller>
    let after: ID<Notice>
    let limit: Int
    var bindings: [SQLValue] { [.id(recipient), .id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Notice { try Notice(columns) }
}

struct NoticeByID: Query {
    static let sql: SQL = "SELECT id, recipient_id, recipient_role, kind, appointment_id, at, payload FROM notice WHERE id = $1"
    let id: ID<Notice>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Notice { try Notice(columns) }
}

struct NoticesAfter: Query {
    static let sql: SQL = """
        SELECT id, recipient_id, recipient_role, kind, appointment_id, at, payload FROM notice
        WHERE id > $1 ORDER BY id LIMIT $2
        """
    let after: ID<Notice>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Notice { try Notice(columns) }
}

extension Notice {
    /// Whom it says something about: its reader, or the patient the glass was broken for.
    var patients: [ID<Patient>] {
        if recipientRole == .patient { return [recipient.of()] }
        guard kind == .emergency, let named = (try? JSON(parsing: payload))?["patient"]?.string, let patient = ID<Patient>(named)
        else { return [] }
        return [patient]
    }

    /// What stands in the column where it is about no appointment: the column is older than such notices.
    fileprivate static let none = ID<Appointment>(high: 0, low: 0)

    private static func appointment(_ id: ID<Appointment>) -> ID<Appointment>? { id == none ? nil : id }

    init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), recipient: try columns.id(1), recipientRole: try columns.choice(2),
            kind: try columns.choice(3), appointment: try Notice.appointment(columns.id(4)), at: try columns.instant(5),
            payload: try columns.json(6))
    }
}
