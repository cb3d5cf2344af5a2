import Notation
import Scheduling
import Storage

/// What a holder has that touches a stretch of time. No claim is longer than two days, so the search starts two days before.
struct LiveClaims: Query {
    static let sql = SQL(
        sqlite: "\(all) AND from_at > $2 AND from_at < $3 AND to_at > $4",
        postgres: "\(all) AND from_at >= \(lastBefore) AND from_at < $3 AND to_at > $4")
    private static let all = """
        SELECT appointment_id, holder_id, lane, from_at, to_at FROM claim WHERE holder_id = $1
        """

    /// Within a lane claims do not overlap, so of those that begin before the range only the last of each lane may reach
    /// into it. Without this a full calendar has two days of claims looked at for one.
    private static let lastBefore = """
        (SELECT coalesce(min(last.from_at), $4)
        FROM generate_series(0, coalesce((SELECT lanes FROM resource WHERE id = $1), 1) - 1) AS place (lane)
        CROSS JOIN LATERAL (SELECT from_at FROM claim WHERE holder_id = $1 AND lane = place.lane
            AND from_at > $2 AND from_at <= $4 ORDER BY from_at DESC LIMIT 1) AS last)
        """
    let holder: ID<Resource>
    let range: TimeRange
    /// A claim that is taken in vain is refused by the schema.
    var isTakenForFree = false
    var guess: [Claim]? { isTakenForFree ? [] : nil }

    var bindings: [SQLValue] {
        [.id(holder), .instant(range.from - .days(2)), .instant(range.to), .instant(range.from)]
    }
    static func row(_ columns: any Columns) throws -> Claim { try Claim(columns) }

    var rests: [Touch]? { [.claims(of: holder)] }

    func absorb(_ change: any Command, into claims: inout [Claim]) -> Bool {
        guard let claim = (change as? InsertClaim)?.claim else { return false }
        if claim.range.from < range.to, claim.range.to > range.from { claims.append(claim) }
        return true
    }
}

extension Claim {
    init(_ columns: any Columns) throws {
        self.init(
            appointment: try columns.id(0), holder: try columns.id(1), lane: try columns.int(2),
            range: TimeRange(from: try columns.instant(3), to: try columns.instant(4)))
    }
}

/// Takes a claim; no row, or the constraint `claim_overlap`, means somebody has it. Never waits for another transaction.
struct InsertClaim: Insertion {
    static let rank = 3
    var touches: [Touch]? { [.claims(of: claim.holder)] }
    static let sql = SQL(
        sqlite: "INSERT INTO claim (holder_id, lane, from_at, to_at, appointment_id) VALUES ($1, $2, $3, $4, $5)",
        postgres: """
            INSERT INTO claim (holder_id, lane, from_at, to_at, appointment_id) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
            """)
    let claim: Claim
    var bindings: [SQLValue] {
        [.id(claim.holder), .integer(claim.lane), .instant(claim.range.from), .instant(claim.range.to), .id(claim.appointment)]
    }
}

struct ClaimsOfAppointment: Query {
    static let sql: SQL = "SELECT appointment_id, holder_id, lane, from_at, to_at FROM claim WHERE appointment_id = $1"
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> Claim { try Claim(columns) }
}

struct DeleteClaims: Command {
    static let sql: SQL = "DELETE FROM claim WHERE appointment_id = $1"
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
}

/// Keeps others from counting the days of a practitioner until this transaction ends: no constraint knows how many people
/// a day takes, and two transactions that count before either writes would both find the last place. Only asked for
/// practitioners whose days have a maximum. SQLite has one writer.
struct HoldDays: Query {
    static let sql = SQL(
        sqlite: "SELECT 1 WHERE $1 IS NOT NULL",
        postgres: "SELECT pg_advisory_xact_lock(7462, hashtext(CAST($1 AS uuid)::text)) IS NOT NULL")
    let practitioner: ID<Resource>
    var bindings: [SQLValue] { [.id(practitioner)] }
    static func row(_ columns: any Columns) throws -> Bool { true }
    var rests: [Touch]? { [] }
}

/// How many appointments of a practitioner hold their time between two instants.
struct AppointmentCount: Query {
    static let sql: SQL = """
        SELECT count(*) FROM appointment
        WHERE practitioner_id = $1 AND start_at >= $2 AND start_at < $3 AND id <> $4
            AND state NOT IN ('cancelled', 'entered-in-error')
        """
    let practitioner: ID<Resource>
    let day: TimeRange
    let except: ID<Appointment>?
    var bindings: [SQLValue] {
        [.id(practitioner), .instant(day.from), .instant(day.to), .id(except ?? ID(high: 0, low: 0))]
    }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }

    var rests: [Touch]? { [.day(of: practitioner)] }

    func absorb(_ change: any Command, into counts: inout [Int]) -> Bool {
        guard let booked = (change as? InsertAppointment)?.appointment.kept, counts.count == 1 else { return false }
        if booked.visit.from >= day.from, booked.visit.from < day.to, booked.id != except { counts[0] += 1 }
        return true
    }
}

/// A holder's claims that start after an instant: what the availability index is built from.
struct ClaimsFrom: Query {
    static let sql: SQL = """
        SELECT appointment_id, holder_id, lane, from_at, to_at FROM claim
        WHERE holder_id = $1 AND from_at > $2
        """
    let holder: ID<Resource>
    let from: Instant
    var bindings: [SQLValue] { [.id(holder), .instant(from)] }
    static func row(_ columns: any Columns) throws -> Claim { try Claim(columns) }
}

/// The starts of a practitioner's appointments that hold their time, from an instant on.
struct StartsFrom: Query {
    static let sql: SQL = """
        SELECT id, start_at FROM appointment
        WHERE practitioner_id = $1 AND start_at >= $2 AND state NOT IN ('cancelled', 'entered-in-error')
        """
    let practitioner: ID<Resource>
    let from: Instant
    var bindings: [SQLValue] { [.id(practitioner), .instant(from)] }
    static func row(_ columns: any Columns) throws -> (ID<Appointment>, Instant) { (try columns.id(0), try columns.instant(1)) }
}

/// The starts of a practitioner's appointments that hold their time, between two instants.
struct StartsIn: Query {
    static let sql: SQL = """
        SELECT id, start_at FROM appointment
        WHERE practitioner_id = $1 AND start_at >= $2 AND start_at < $3 AND state NOT IN ('cancelled', 'entered-in-error')
        """
    let practitioner: ID<Resource>
    let range: TimeRange
    var bindings: [SQLValue] { [.id(practitioner), .instant(range.from), .instant(range.to)] }
    static func row(_ columns: any Columns) throws -> (ID<Appointment>, Instant) { (try columns.id(0), try columns.instant(1)) }
}

/// A calendar in which everything is free and that remembers what it was asked.
private final class RehearsalCalendar: Calendar {
    private(set) var asked: [any Query] = []
    private let prospect: Prospect

    init(_ prospect: Prospect) { self.prospect = prospect }

    func claims(of holder: ID<Resource>, overlapping range: TimeRange) -> [Claim] {
        asked.append(prospect.claims(of: holder, in: range))
        return []
    }

    func appointments(of practitioner: ID<Resource>, startingIn day: TimeRange, besides moving: ID<Appointment>?) -> Int {
        asked.append(HoldDays(practitioner: practitioner))
        asked.append(AppointmentCount(practitioner: practitioner, day: day, except: moving))
        return 0
    }

    func load(of patient: ID<Participant>, at now: Instant, lapsedSince since: Instant?) -> PatientLoad {
        asked.append(HoldPatient(patient: patient))
        asked.append(AheadOfPatient(patient: patient, now: now))
        if let since { asked.append(LapsedHolds(patient: patient, since: since)) }
        return PatientLoad()
    }
}

extension Directory {
    /// What deciding a wish asks of a calendar, as long as everything is free.
    func questions(about wish: Wish, now: Instant, _ prospect: Prospect) -> [any Query] {
        let rehearsal = RehearsalCalendar(prospect)
        // A refusal is decided without asking more.
        _ = try? place(wish, in: rehearsal, now: now)
        return rehearsal.asked
    }
}

/// Who is probably free: resources where the index of this node says so, and patients, who seldom are in two places.
struct Prospect {
    let directory: Directory
    let board: AvailabilityBoard

    func claims(of holder: ID<Resource>, in range: TimeRange) -> LiveClaims {
        let isPatient = directory.resources[holder] == nil
        let isFree = isPatient || board.ask { $0.isUnclaimed(holder, in: range) } ?? false
        return LiveClaims(holder: holder, range: range, isTakenForFree: isFree)
    }
}

/// The calendar as one transaction sees it.
struct TransactionCalendar: Calendar {
    let transaction: any ReadTransaction
    /// For who writes what the schema can refuse.
    var prospect: Prospect?
    /// Whether what the system that is being replaced has takes time here (`Replacement.blocks`).
    var countsOthers = false
    /// One of theirs that is never in its own way.
    var except = ""

    func claims(of holder: ID<Resource>, overlapping range: TimeRange) throws -> [Claim] {
        let claims = try transaction.fetch(prospect?.claims(of: holder, in: range) ?? LiveClaims(holder: holder, range: range))
        guard countsOthers else { return claims }
        let theirs = try transaction.fetch(LegacyClaims(holder: holder, range: range))
        return claims + theirs.filter { $0.of != except }.map(\.claim)
    }

    func appointments(
        of practitioner: ID<Resource>, startingIn day: TimeRange, besides moving: ID<Appointment>?
    ) throws -> Int {
        // Looking needs no lock, and may not take one.
        if let transaction = transaction as? any WriteTransaction {
            _ = try transaction.first(HoldDays(practitioner: practitioner))
        }
        let count = try transaction.first(AppointmentCount(practitioner: practitioner, day: day, except: moving)) ?? 0
        guard countsOthers else { return count }
        return count + (try transaction.first(LegacyDayCount(practitioner: practitioner, day: day, except: except)) ?? 0)
    }

    func load(of patient: ID<Participant>, at now: Instant, lapsedSince since: Instant?) throws -> PatientLoad {
        // As above.
        if let transaction = transaction as? any WriteTransaction {
            _ = try transaction.first(HoldPatient(patient: patient))
        }
        let ahead = try transaction.fetch(AheadOfPatient(patient: patient, now: now))
        let lapses = try since.flatMap { try transaction.first(LapsedHolds(patient: patient, since: $0)) } ?? 0
        return PatientLoad(holds: ahead.count { $0 == .pending }, appointments: ahead.count, lapses: lapses)
    }
}
