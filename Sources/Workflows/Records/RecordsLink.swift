public import Notation
import Outbox
import Partners
import Scheduling
import Storage

/// Which one of a hospital's records an appointment is, and which version of ours stands there.
struct RecordsLink: Sendable, Equatable {
    let appointment: ID<Appointment>
    var theirs: RecordsVersion
    var ourVersion: Int
}

/// How a system outside does that the clinic keeps in step with (MC-2).
public struct SyncState: Sendable, Equatable {
    /// `records`
    public let system: String
    public let lastSuccess: Instant?
    public let lastFailure: Instant?
    /// In a row, since the last success.
    public let failures: Int
    /// Why: says nothing about a person.
    public let lastError: String?
    /// Changes that are not there yet, counted to ten thousand.
    public internal(set) var waiting = 0
    /// When the oldest of them was made.
    public internal(set) var oldestWaiting: Instant?
}

extension OutboxMessage {
    /// That an appointment has another version. It carries none of it: whoever delivers takes what is there by then.
    static func recordsChange(_ appointment: ID<Appointment>, version: Int, _ id: ID<OutboxMessage>, _ now: Instant)
        -> OutboxMessage
    {
        OutboxMessage(
            id: id, topic: Topic.recordsChange, payload: #"{"appointment":"\#(appointment)","version":\#(version)}"#,
            createdAt: now, priority: .low, orderKey: recordsOrder(of: appointment), orderNumber: version, maxAttempts: 10_000)
    }

    static func recordsOrder(of appointment: ID<Appointment>) -> String { "records:\(appointment)" }
}

struct LinkOfAppointment: Query {
    static let sql: SQL =
        "SELECT appointment_id, their_id, their_version, our_version FROM records_link WHERE appointment_id = $1"
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> RecordsLink {
        RecordsLink(
            appointment: try columns.id(0),
            theirs: RecordsVersion(id: try columns.text(1), version: try columns.text(2)), ourVersion: try columns.int(3))
    }
}

/// What is newer stays: two who deliver at once do not take it back.
struct StoreRecordsLink: Command {
    static let sql: SQL = """
        INSERT INTO records_link (appointment_id, their_id, their_version, our_version, updated_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (appointment_id) DO UPDATE SET their_id = excluded.their_id, their_version = excluded.their_version,
            our_version = excluded.our_version, updated_at = excluded.updated_at
        WHERE records_link.our_version <= excluded.our_version
        """
    let link: RecordsLink
    let now: Instant
    var bindings: [SQLValue] {
        [
            .id(link.appointment), .text(link.theirs.id), .text(link.theirs.version), .integer(link.ourVersion), .instant(now),
        ]
    }
}

/// Appointments after a place, in order of their start, and whether what stands in the records is theirs as it is now.
struct RecordsInStep: Query {
    static let sql: SQL = """
        SELECT listed.start_at, listed.id, listed.state, listed.version, listed.updated_at,
            (SELECT our_version FROM records_link WHERE appointment_id = listed.id)
        FROM (SELECT id, state, version, updated_at, start_at FROM appointment
            WHERE start_at >= $1 AND (start_at, id) > ($1, $2) ORDER BY start_at, id LIMIT $3) AS listed
        ORDER BY listed.start_at, listed.id
        """
    let after: ClaimedAppointments.Place
    let limit: Int
    var bindings: [SQLValue] { [.instant(after.start), .id(after.id), .integer(limit)] }

    struct Row: Sendable {
        let place: ClaimedAppointments.Place
        let state: AppointmentState
        let version: Int
        let since: Instant
        /// Nil where they have none.
        let there: Int?
        var isBehind: Bool { there.map { $0 < version } ?? state.belongsInRecords }
    }

    static func row(_ columns: any Columns) throws -> Row {
        Row(
            place: ClaimedAppointments.Place(start: try columns.instant(0), id: try columns.id(1)), state: try columns.choice(2),
            version: try columns.int(3), since: try columns.instant(4), there: try columns.optional(5, columns.int))
    }
}

extension AppointmentState {
    /// What is only held, or was cancelled before they heard of it, is none of theirs.
    var belongsInRecords: Bool { self != .pending && self != .cancelled && self != .enteredInError }
}

/// How the systems outside do.
struct SyncStates: Query {
    static let sql: SQL = "SELECT system, last_success_at, last_failure_at, failures, last_error FROM sync_state ORDER BY system"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> SyncState {
        SyncState(
            system: try columns.text(0), lastSuccess: try columns.optional(1, columns.instant),
            lastFailure: try columns.optional(2, columns.instant), failures: try columns.int(3),
            lastError: try columns.optional(4, columns.text))
    }
}

struct NoteSyncSuccess: Command {
    static let sql: SQL = """
        INSERT INTO sync_state (system, last_success_at, failures) VALUES ($1, $2, 0)
        ON CONFLICT (system) DO UPDATE SET last_success_at = excluded.last_success_at, failures = 0
        """
    let system: String
    let now: Instant
    var bindings: [SQLValue] { [.text(system), .instant(now)] }
}

struct NoteSyncFailure: Command {
    static let sql: SQL = """
        INSERT INTO sync_state (system, last_failure_at, failures, last_error) VALUES ($1, $2, 1, $3)
        ON CONFLICT (system) DO UPDATE SET last_failure_at = excluded.last_failure_at, failures = sync_state.failures + 1,
            last_error = excluded.last_error
        """
    let system: String
    let now: Instant
    let error: String
    var bindings: [SQLValue] { [.text(system), .instant(now), .text(error)] }
}

/// How much of a topic is not delivered yet, due or not, and since when.
struct WaitingOfTopic: Query {
    static let sql: SQL = """
        SELECT count(*), min(created_at) FROM (
            SELECT created_at FROM outbox WHERE state = 'ready' AND topic = $1 LIMIT 10000) AS waiting
        """
    let topic: String
    var bindings: [SQLValue] { [.text(topic)] }
    static func row(_ columns: any Columns) throws -> (count: Int, oldest: Instant?) {
        (count: try columns.int(0), oldest: try columns.optional(1, columns.instant))
    }
}

/// What waits for another try is tried now.
struct HurryTopic: Command {
    static let sql: SQL = "UPDATE outbox SET available_at = $2 WHERE state = 'ready' AND topic = $1 AND available_at > $2"
    let topic: String
    let now: Instant
    var bindings: [SQLValue] { [.text(topic), .instant(now)] }
}
