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
    /// What was sent and not answered for, the last eight; none once it is known what stands there.
    var tried: [String] = []
    /// Over which version of ours what they had made of it was written again.
    var putBack: Int?
}

/// How a system outside does that the clinic keeps in step with (MC-2).
public struct SyncState: Sendable, Equatable {
    /// `records`: what we tell them. `records-in`: what they tell us.
    public let system: String
    public let lastSuccess: Instant?
    public let lastFailure: Instant?
    /// In a row, since the last success.
    public let failures: Int
    /// Why: says nothing about a person.
    public let lastError: String?
    /// Since when nothing succeeds; nil when the last time did.
    public let failingSince: Instant?
    /// When a human was told; nil unless it fails for long.
    public let alertedAt: Instant?
    /// Until when what they have changed is heard; nil for what we tell them.
    public let position: Instant?
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
    fileprivate static let text = """
        SELECT appointment_id, their_id, their_version, our_version, tried, put_back FROM records_link WHERE appointment_id = $1
        """
    static let sql = SQL(text)
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> RecordsLink {
        RecordsLink(
            appointment: try columns.id(0),
            theirs: RecordsVersion(id: try columns.text(1), version: try columns.text(2)), ourVersion: try columns.int(3),
            tried: (try columns.optional(4, columns.text) ?? "").split(separator: "|").map(String.init),
            putBack: try columns.optional(5, columns.int))
    }
}

/// The same, and nobody else changes it until this transaction has ended.
struct LinkToChange: Query {
    static let sql = SQL(sqlite: LinkOfAppointment.text, postgres: LinkOfAppointment.text + " FOR UPDATE")
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> RecordsLink { try LinkOfAppointment.row(columns) }
}

/// That something was sent and nobody has answered for it.
struct NoteTried: Command {
    static let sql: SQL = "UPDATE records_link SET tried = $2 WHERE appointment_id = $1"
    let appointment: ID<Appointment>
    let tried: [String]
    var bindings: [SQLValue] { [.id(appointment), .text(tried.joined(separator: "|"))] }
}

/// What stands there says what we would: it is the version to go on from.
struct AdoptVersion: Command {
    static let sql: SQL = "UPDATE records_link SET their_version = $2, tried = NULL, updated_at = $3 WHERE appointment_id = $1"
    let appointment: ID<Appointment>
    let version: String
    let now: Instant
    var bindings: [SQLValue] { [.id(appointment), .text(version), .instant(now)] }
}

/// Ours has to be written over theirs once more.
struct PutBack: Command {
    static let sql: SQL = """
        UPDATE records_link SET their_version = $2, our_version = $3 - 1, put_back = $3, tried = NULL, updated_at = $4
        WHERE appointment_id = $1
        """
    let appointment: ID<Appointment>
    let version: String
    let ourVersion: Int
    let now: Instant
    var bindings: [SQLValue] { [.id(appointment), .text(version), .integer(ourVersion), .instant(now)] }
}

/// What is newer stays: two who deliver at once do not take it back.
struct StoreRecordsLink: Command {
    static let sql: SQL = """
        INSERT INTO records_link (appointment_id, their_id, their_version, our_version, updated_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (appointment_id) DO UPDATE SET their_id = excluded.their_id, their_version = excluded.their_version,
            our_version = excluded.our_version, updated_at = excluded.updated_at, tried = NULL
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
    static let sql = SQL(
        """
        SELECT listed.start_at, listed.id, listed.state, listed.version, listed.updated_at,
            (SELECT our_version FROM records_link WHERE appointment_id = listed.id)
        FROM \(AppointmentPlace.listed("state, version, updated_at"))
        ORDER BY listed.start_at, listed.id
        """)
    let after: AppointmentPlace
    let limit: Int
    var bindings: [SQLValue] { after.bindings(limit) }

    struct Row: Sendable {
        let place: AppointmentPlace
        let state: AppointmentState
        let version: Int
        let since: Instant
        /// Nil where they have none.
        let there: Int?
        var isBehind: Bool { there.map { $0 < version } ?? state.belongsInRecords }
    }

    static func row(_ columns: any Columns) throws -> Row {
        Row(
            place: try AppointmentPlace(columns), state: try columns.choice(2),
            version: try columns.int(3), since: try columns.instant(4), there: try columns.optional(5, columns.int))
    }
}

extension AppointmentState {
    /// What is only held, or was cancelled before they heard of it, is none of theirs.
    var belongsInRecords: Bool { self != .pending && self != .cancelled && self != .enteredInError }
}

/// How the systems outside do.
struct SyncStates: Query {
    fileprivate static let text = """
        SELECT system, last_success_at, last_failure_at, failures, last_error, failing_since, alerted_at, position FROM sync_state
        """
    static let sql = SQL(text + " ORDER BY system")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> SyncState {
        SyncState(
            system: try columns.text(0), lastSuccess: try columns.optional(1, columns.instant),
            lastFailure: try columns.optional(2, columns.instant), failures: try columns.int(3),
            lastError: try columns.optional(4, columns.text), failingSince: try columns.optional(5, columns.instant),
            alertedAt: try columns.optional(6, columns.instant), position: try columns.optional(7, columns.instant))
    }
}

/// Of one; nobody else notes anything of it until this transaction has ended.
struct SyncStateOf: Query {
    static let sql = SQL(
        sqlite: SyncStates.text + " WHERE system = $1", postgres: SyncStates.text + " WHERE system = $1 FOR UPDATE")
    let system: String
    var bindings: [SQLValue] { [.text(system)] }
    static func row(_ columns: any Columns) throws -> SyncState { try SyncStates.row(columns) }
}

struct NoteAlerted: Command {
    static let sql: SQL = "UPDATE sync_state SET alerted_at = $2 WHERE system = $1"
    let system: String
    let at: Instant
    var bindings: [SQLValue] { [.text(system), .instant(at)] }
}

/// Until when what changed there is heard. Two who hear at once do not take it back; who has to hear again says so.
struct NotePosition: Command {
    static let sql: SQL = """
        INSERT INTO sync_state (system, failures, position) VALUES ($1, 0, $2)
        ON CONFLICT (system) DO UPDATE SET position = excluded.position
        WHERE $3 = 1 OR sync_state.position IS NULL OR sync_state.position < excluded.position
        """
    let system: String
    let position: Instant
    var isAgain = false
    var bindings: [SQLValue] { [.text(system), .instant(position), .integer(isAgain ? 1 : 0)] }
}

struct NoteSyncSuccess: Command {
    static let sql: SQL = """
        INSERT INTO sync_state (system, last_success_at, failures) VALUES ($1, $2, 0)
        ON CONFLICT (system) DO UPDATE SET last_success_at = excluded.last_success_at, failures = 0, failing_since = NULL,
            alerted_at = NULL
        """
    let system: String
    let now: Instant
    var bindings: [SQLValue] { [.text(system), .instant(now)] }
}

struct NoteSyncFailure: Command {
    static let sql: SQL = """
        INSERT INTO sync_state (system, last_failure_at, failures, last_error, failing_since) VALUES ($1, $2, 1, $3, $2)
        ON CONFLICT (system) DO UPDATE SET last_failure_at = excluded.last_failure_at, failures = sync_state.failures + 1,
            last_error = excluded.last_error, failing_since = coalesce(sync_state.failing_since, excluded.failing_since)
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
