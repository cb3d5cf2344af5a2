import Notation
import Partners
import Scheduling
import Storage

/// One request of the system that is being replaced, as it stands there and as it was decided here.
struct LegacyRow: Sendable, Equatable {
    enum Origin: String, Sendable, CaseIterable {
        case theirs
        /// It was asked for from here.
        case ours
    }

    let theirID: String
    let requestID: String
    /// Their number of the change it was last seen with.
    var change: Int
    var state: LegacyState
    /// Nil where nobody here is called so.
    var practitioner: ID<Resource>?
    var visitType: ID<VisitType>?
    var patient: ID<Participant>?
    var visit: TimeRange
    var origin: Origin
    /// What it is here.
    var appointment: ID<Appointment>?
    /// What would have been said here: `booked`, or the refusal. Nil for what was there before anybody compared.
    var decision: String?
    /// In what both differ; nil when they agree.
    var difference: String?
    var decidedAt: Instant?
    /// Why it cannot be taken over.
    var refusal: String?
    var updatedAt: Instant

    /// What it takes of people's time, when nobody here would have given it a place.
    func roughClaims() -> [(holder: ID<Resource>, lane: Int, range: TimeRange)] {
        // Nobody looks further back than two days.
        let range = TimeRange(from: visit.from, to: min(visit.to, visit.from + .days(2)))
        return [practitioner, patient?.of()].compactMap { $0 }.map { (holder: $0, lane: 0, range: range) }
    }

    var targetsSame: (LegacyRow) -> Bool {
        { $0.practitioner == practitioner && $0.visitType == visitType && $0.patient == patient && $0.visit == visit }
    }
}

/// In the order `LegacyRow(columns)` reads them.
private let rowColumns = """
    their_id, request_id, change, state, practitioner_id, visit_type_id, patient_id, start_at, end_at, origin, appointment_id,
    decision, difference, decided_at, refusal, updated_at
    """

extension LegacyRow {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            theirID: try columns.text(0), requestID: try columns.text(1), change: try columns.int(2),
            state: try columns.choice(3), practitioner: try columns.optional(4) { try columns.id($0) },
            visitType: try columns.optional(5) { try columns.id($0) }, patient: try columns.optional(6) { try columns.id($0) },
            visit: TimeRange(from: try columns.instant(7), to: try columns.instant(8)), origin: try columns.choice(9),
            appointment: try columns.optional(10) { try columns.id($0) }, decision: try columns.optional(11, columns.text),
            difference: try columns.optional(12, columns.text), decidedAt: try columns.optional(13, columns.instant),
            refusal: try columns.optional(14, columns.text), updatedAt: try columns.instant(15))
    }
}

struct LegacyRowByID: Query {
    static let sql = SQL("SELECT \(rowColumns) FROM legacy_booking WHERE their_id = $1")
    let id: String
    var bindings: [SQLValue] { [.text(id)] }
    static func row(_ columns: any Columns) throws -> LegacyRow { try LegacyRow(columns) }
}

/// One that is going to be changed: nobody else changes it before this transaction ends.
struct LegacyRowToChange: Query {
    static let sql = SQL(
        sqlite: "SELECT \(rowColumns) FROM legacy_booking WHERE their_id = $1",
        postgres: "SELECT \(rowColumns) FROM legacy_booking WHERE their_id = $1 FOR NO KEY UPDATE")
    let id: String
    var bindings: [SQLValue] { [.text(id)] }
    static func row(_ columns: any Columns) throws -> LegacyRow { try LegacyRow(columns) }
}

struct LegacyRowsOfAppointment: Query {
    static let sql = SQL("SELECT \(rowColumns) FROM legacy_booking WHERE appointment_id = $1")
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> LegacyRow { try LegacyRow(columns) }
}

struct StoreLegacyRow: Command {
    static let sql: SQL = """
        INSERT INTO legacy_booking (their_id, request_id, change, state, practitioner_id, visit_type_id, patient_id, start_at, end_at,
            origin, appointment_id, decision, difference, decided_at, refusal, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        ON CONFLICT (their_id) DO UPDATE SET change = excluded.change, state = excluded.state,
            practitioner_id = excluded.practitioner_id, visit_type_id = excluded.visit_type_id, patient_id = excluded.patient_id,
            start_at = excluded.start_at, end_at = excluded.end_at, origin = excluded.origin,
            appointment_id = excluded.appointment_id, decision = excluded.decision, difference = excluded.difference,
            decided_at = excluded.decided_at, refusal = excluded.refusal, updated_at = excluded.updated_at
        WHERE legacy_booking.change <= excluded.change
        """
    let row: LegacyRow
    var bindings: [SQLValue] {
        [
            .text(row.theirID), .text(row.requestID), .integer(row.change), .text(row.state.rawValue), .id(row.practitioner),
            .id(row.visitType), .id(row.patient), .instant(row.visit.from), .instant(row.visit.to), .text(row.origin.rawValue),
            .id(row.appointment), .text(row.decision), .text(row.difference), .instant(row.decidedAt), .text(row.refusal),
            .instant(row.updatedAt),
        ]
    }
}

// MARK: Their time

/// What the other system has of a holder's time and is no appointment here.
struct LegacyClaims: Query {
    static let sql: SQL = """
        SELECT their_id, holder_id, lane, from_at, to_at FROM legacy_claim
        WHERE holder_id = $1 AND from_at > $2 AND from_at < $3 AND to_at > $4
        """
    let holder: ID<Resource>
    let range: TimeRange
    var bindings: [SQLValue] {
        [.id(holder), .instant(range.from - .days(2) - .seconds(1)), .instant(range.to), .instant(range.from)]
    }
    static func row(_ columns: any Columns) throws -> (of: String, claim: Claim) {
        let claim = Claim(
            appointment: ID(high: 0, low: 0), holder: try columns.id(1), lane: try columns.int(2),
            range: TimeRange(from: try columns.instant(3), to: try columns.instant(4)))
        return (of: try columns.text(0), claim: claim)
    }
}

struct InsertLegacyClaim: Command {
    static let sql: SQL = """
        INSERT INTO legacy_claim (holder_id, from_at, their_id, to_at, lane) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
        """
    let of: String
    let holder: ID<Resource>
    let lane: Int
    let range: TimeRange
    var bindings: [SQLValue] { [.id(holder), .instant(range.from), .text(of), .instant(range.to), .integer(lane)] }
}

struct DeleteLegacyClaims: Command {
    static let sql: SQL = "DELETE FROM legacy_claim WHERE their_id = $1"
    let of: String
    var bindings: [SQLValue] { [.text(of)] }
}

/// How many of a practitioner's there start on a day and are no appointment here.
struct LegacyDayCount: Query {
    static let sql: SQL = """
        SELECT count(*) FROM legacy_booking WHERE practitioner_id = $1 AND start_at >= $2 AND start_at < $3
            AND state = 'booked' AND appointment_id IS NULL AND their_id <> $4
        """
    let practitioner: ID<Resource>
    let day: TimeRange
    let except: String
    var bindings: [SQLValue] { [.id(practitioner), .instant(day.from), .instant(day.to), .text(except)] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

// MARK: Taking over

/// What is booked there from an instant on and waits to be taken over, the earliest first.
struct WaitingLegacyRows: Query {
    static let sql = SQL(
        """
        SELECT \(rowColumns) FROM legacy_booking WHERE state = 'booked' AND origin = 'theirs' AND appointment_id IS NULL
            AND refusal IS NULL AND (start_at, their_id) > ($1, $2) ORDER BY start_at, their_id LIMIT $3
        """)
    let after: Instant
    let id: String
    let limit: Int
    var bindings: [SQLValue] { [.instant(after), .text(id), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> LegacyRow { try LegacyRow(columns) }
}

/// How many wait, counted to ten thousand.
struct HowManyLegacyRowsWait: Query {
    static let sql: SQL = """
        SELECT count(*) FROM (SELECT 1 AS one FROM legacy_booking WHERE state = 'booked' AND origin = 'theirs'
            AND appointment_id IS NULL AND refusal IS NULL AND start_at > $1 LIMIT 10000) AS waiting
        """
    let after: Instant
    var bindings: [SQLValue] { [.instant(after)] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

/// What cannot be taken over, from an instant on.
struct RefusedLegacyRows: Query {
    static let sql = SQL(
        """
        SELECT \(rowColumns) FROM legacy_booking WHERE state = 'booked' AND origin = 'theirs' AND appointment_id IS NULL
            AND refusal IS NOT NULL AND start_at > $1 ORDER BY start_at, their_id LIMIT $2
        """)
    let after: Instant
    let limit: Int
    var bindings: [SQLValue] { [.instant(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> LegacyRow { try LegacyRow(columns) }
}

/// They are tried once more.
struct ForgetLegacyRefusals: Command {
    static let sql: SQL = """
        UPDATE legacy_booking SET refusal = NULL WHERE state = 'booked' AND origin = 'theirs' AND appointment_id IS NULL
            AND refusal IS NOT NULL AND start_at > $1
        """
    let after: Instant
    var bindings: [SQLValue] { [.instant(after)] }
}

// MARK: Comparing

/// Of the last requests that were decided here as well, how many there are of each difference; nil is none.
struct ComparedLegacyRows: Query {
    static let sql: SQL = """
        SELECT difference, count(*), min(decided_at), max(decided_at) FROM (
            SELECT difference, decided_at FROM legacy_booking WHERE decided_at > $2
            ORDER BY decided_at DESC, their_id DESC LIMIT $1) AS compared
        GROUP BY difference
        """
    let last: Int
    var bindings: [SQLValue] { [.integer(last), .instant(Instant(microseconds: 0))] }
    struct Row: Sendable {
        let difference: String?
        let count: Int
        let oldest: Instant
        let newest: Instant
    }
    static func row(_ columns: any Columns) throws -> Row {
        Row(
            difference: try columns.optional(0, columns.text), count: try columns.int(1), oldest: try columns.instant(2),
            newest: try columns.instant(3))
    }
}

/// The last that differ, since an instant.
struct DifferingLegacyRows: Query {
    static let sql = SQL(
        """
        SELECT \(rowColumns) FROM legacy_booking WHERE decided_at >= $1 AND difference IS NOT NULL
        ORDER BY decided_at DESC, their_id DESC LIMIT $2
        """)
    let since: Instant
    let limit: Int
    var bindings: [SQLValue] { [.instant(since), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> LegacyRow { try LegacyRow(columns) }
}

// MARK: Forgetting

struct EraseLegacyRows: Command {
    static let sql: SQL = "UPDATE legacy_booking SET patient_id = NULL WHERE patient_id = $1"
    let patient: ID<Participant>
    var bindings: [SQLValue] { [.id(patient)] }
}

struct EraseLegacyClaims: Command {
    static let sql: SQL = "DELETE FROM legacy_claim WHERE holder_id = $1"
    let patient: ID<Participant>
    var bindings: [SQLValue] { [.id(patient)] }
}
