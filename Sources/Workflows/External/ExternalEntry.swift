import Notation
import Outbox
import Partners
import Scheduling
import Storage

/// One time that somebody else's calendar was asked for. An appointment has one for each time it was given; at most one of them is `pending`
/// and at most one `confirmed`. All of them change under the lock of their appointment.
struct ExternalEntry: Sendable, Equatable {
    /// Names it there, too.
    let id: ID<ExternalEntry>
    let appointment: ID<Appointment>
    let provider: String
    let start: Instant
    var state: ExternalConfirmation.State
    /// How often it was asked for, counted before it is: 0 says that nobody there has heard of it.
    var attempts: Int
    var lastAnswer: String?
    let askedUntil: Instant
    let createdAt: Instant
    var updatedAt: Instant

    /// The same in every attempt.
    var requestKey: EffectKey { EffectKey(id, "request") }
    var cancelKey: EffectKey { EffectKey(id, "cancel") }

    var isSettled: Bool { state != .pending && state != .cancelling }

    /// Messages about it are delivered one after the other.
    var orderKey: String { "external:\(id)" }

    var confirmation: ExternalConfirmation {
        ExternalConfirmation(
            provider: provider, requestID: requestKey.text, state: state, attempts: attempts, lastAnswer: lastAnswer,
            askedUntil: askedUntil, updatedAt: updatedAt)
    }
}

extension OutboxMessage {
    /// Asks for it. The handler ends it when its time is over, so the number of attempts is none.
    static func request(_ entry: ExternalEntry, _ id: ID<OutboxMessage>, _ now: Instant) -> OutboxMessage {
        OutboxMessage(
            id: id, topic: Topic.schedulingRequest, payload: #"{"entry":"\#(entry.id)"}"#, createdAt: now, priority: .urgent,
            orderKey: entry.orderKey, maxAttempts: 1_000)
    }

    /// Gives it up there. A compensation is tried for as long as it takes.
    static func withdrawal(_ entry: ExternalEntry, _ id: ID<OutboxMessage>, _ now: Instant) -> OutboxMessage {
        OutboxMessage(
            id: id, topic: Topic.schedulingCancel, payload: #"{"entry":"\#(entry.id)"}"#, createdAt: now,
            orderKey: entry.orderKey, maxAttempts: 100_000)
    }
}

// MARK: Statements

/// In the order `ExternalEntry(columns)` reads them.
private let entryColumns = """
    id, appointment_id, provider, start_at, state, attempts, last_answer, asked_until, created_at, updated_at
    """

extension ExternalEntry {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), appointment: try columns.id(1), provider: try columns.text(2), start: try columns.instant(3),
            state: try columns.choice(4), attempts: try columns.int(5), lastAnswer: try columns.optional(6, columns.text),
            askedUntil: try columns.instant(7), createdAt: try columns.instant(8), updatedAt: try columns.instant(9))
    }
}

struct InsertExternalEntry: Insertion {
    static let rank = 14
    var touches: [Touch]? { [] }
    static let sql: SQL = """
        INSERT INTO external_entry (id, appointment_id, provider, start_at, state, attempts, asked_until, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
        """
    let entry: ExternalEntry
    var bindings: [SQLValue] {
        [
            .id(entry.id), .id(entry.appointment), .text(entry.provider), .instant(entry.start), .text(entry.state.rawValue),
            .integer(entry.attempts), .instant(entry.askedUntil), .instant(entry.createdAt),
        ]
    }
}

struct UpdateExternalEntry: Command {
    static let sql: SQL = """
        UPDATE external_entry SET state = $2, attempts = $3, last_answer = $4, updated_at = $5 WHERE id = $1
        """
    let entry: ExternalEntry
    var bindings: [SQLValue] {
        [
            .id(entry.id), .text(entry.state.rawValue), .integer(entry.attempts), .text(entry.lastAnswer),
            .instant(entry.updatedAt),
        ]
    }
}

struct ExternalEntryByID: Query {
    static let sql = SQL("SELECT \(entryColumns) FROM external_entry WHERE id = $1")
    let id: ID<ExternalEntry>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> ExternalEntry { try ExternalEntry(columns) }
}

/// All of an appointment's, in the order they were asked for.
struct ExternalEntriesOf: Query {
    static let sql = SQL("SELECT \(entryColumns) FROM external_entry WHERE appointment_id = $1 ORDER BY id")
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> ExternalEntry { try ExternalEntry(columns) }
}

/// What an appointment's time that it has now was asked for with.
struct LastExternalEntry: Query {
    static let sql = SQL("SELECT \(entryColumns) FROM external_entry WHERE appointment_id = $1 ORDER BY id DESC LIMIT 1")
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> ExternalEntry { try ExternalEntry(columns) }
}

/// What is neither here nor there, the longest untouched first.
struct UnsettledEntries: Query {
    static let sql = SQL(
        """
        SELECT \(entryColumns) FROM external_entry WHERE state IN ('pending', 'cancelling') AND updated_at < $1
        ORDER BY updated_at, id LIMIT $2
        """)
    let before: Instant
    let limit: Int
    var bindings: [SQLValue] { [.instant(before), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> ExternalEntry { try ExternalEntry(columns) }
}

/// Appointments after a place, in order of their start, with what another calendar has agreed to last of each.
struct AgreedElsewhere: Query {
    static let sql = SQL(
        """
        SELECT listed.start_at, listed.id, listed.state, listed.updated_at,
            (SELECT id FROM external_entry WHERE appointment_id = listed.id AND state = 'confirmed' ORDER BY id DESC LIMIT 1),
            (SELECT start_at FROM external_entry WHERE appointment_id = listed.id AND state = 'confirmed' ORDER BY id DESC LIMIT 1)
        FROM \(AppointmentPlace.listed("state, updated_at"))
        ORDER BY listed.start_at, listed.id
        """)
    let after: AppointmentPlace
    let limit: Int
    var bindings: [SQLValue] { after.bindings(limit) }

    struct Row: Sendable {
        let place: AppointmentPlace
        let state: AppointmentState
        let since: Instant
        let agreed: Agreed?

        /// What they believe in is not what stands here.
        var differs: Bool { agreed.map { !state.holdsItsTime || (state == .booked && $0.start != place.start) } ?? false }
    }

    struct Agreed: Sendable {
        let entry: ID<ExternalEntry>
        let start: Instant
    }

    static func row(_ columns: any Columns) throws -> Row {
        let entry: ID<ExternalEntry>? = try columns.optional(4) { try columns.id($0) }
        return Row(
            place: try AppointmentPlace(columns), state: try columns.choice(2),
            since: try columns.instant(3),
            agreed: try entry.map { Agreed(entry: $0, start: try columns.instant(5)) })
    }
}

/// Whether a message of this order is still on its way.
struct IsOnItsWay: Query {
    static let sql: SQL = "SELECT 1 FROM outbox WHERE order_key = $1 AND finished_at IS NULL LIMIT 1"
    let orderKey: String
    var bindings: [SQLValue] { [.text(orderKey)] }
    static func row(_ columns: any Columns) throws -> Bool { true }
}
