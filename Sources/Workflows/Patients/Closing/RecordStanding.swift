public import Notation
public import People
import Scheduling
import Secrecy
import Storage

/// Why a record was closed, by whom, and what was closed with it.
struct RecordClosure: Sendable {
    let patient: ID<Patient>
    var reason: Personal<String>
    let by: String
    /// `<account>:<what it was>`: `active`, `locked`, or `role` where it goes on as something else.
    let accounts: [String]
}

/// Keeps a record from being erased, whatever the rules say, until it is lifted.
struct LegalHold: Sendable {
    let patient: ID<Patient>
    var reason: Personal<String>
    let by: String
    let at: Instant
}

extension RecordClosure: Sealable {
    static let table = "patient_closure"
    var sealedRow: [UInt8] { patient.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> RecordClosure
    {
        var copy = self
        copy.reason = try exchange("reason", reason)
        return copy
    }
}

extension LegalHold: Sealable {
    static let table = "legal_hold"
    var sealedRow: [UInt8] { patient.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> LegalHold {
        var copy = self
        copy.reason = try exchange("reason", reason)
        return copy
    }
}

/// Whether a patient's record is open, closed or erased, and what keeps it.
public struct RecordStanding: Sendable {
    public enum State: String, Sendable, CaseIterable { case open, closed, erased }

    public let patient: ID<Patient>
    public let closedAt: Instant?
    public let erasedAt: Instant?
    let closure: RecordClosure?
    let hold: LegalHold?
    /// When the last visit began that took place, or was to.
    public let lastVisit: Instant?
    /// The end of what the clinic's rules ask; nil where no rule keeps it.
    public let keptUntil: Instant?
    let graceDays: Int

    public var state: State { erasedAt != nil ? .erased : closedAt != nil ? .closed : .open }

    /// When servers and `erase-due` may erase it by themselves; nil while it is open, held, or gone.
    public var eraseAfter: Instant? {
        guard state == .closed, hold == nil, let closedAt else { return nil }
        return max(keptUntil ?? closedAt, closedAt + .days(graceDays))
    }

    /// Throws what forbids to erase it now, at somebody's request: nobody has to wait for the days of grace.
    func mayBeErased(at now: Instant) throws(Refusal) {
        if state == .open { throw .transitionNotAllowed }
        if hold != nil { throw .legalHold }
        if let keptUntil, now < keptUntil { throw .retentionRuns }
    }

    func isDue(at now: Instant) -> Bool { eraseAfter.map { $0 <= now } ?? false }
}

extension ReadTransaction {
    /// What is known of a record; nil where there is none. With `held`, nobody changes it, or books for it, until the transaction ends.
    func standing(of id: ID<Patient>, _ keys: FieldKeys, held: Bool = false) throws -> RecordStanding? {
        let row = held ? try first(RecordStateToChange(id: id)) : try first(RecordState(id: id))
        guard let row else { return nil }
        let rules = try retentionRules()
        let place = FieldPlace(table: Patient.table, column: "birth_date", row: id.bytes)
        let birthDate = try row.birthDate.flatMap { CalendarDay(try keys.cipher.open($0, at: place)) }
        let lastVisit = try first(LastVisit(patient: id))
        return RecordStanding(
            patient: id, closedAt: row.closedAt, erasedAt: row.erasedAt,
            closure: try first(ClosureOf(patient: id)).map { try keys.open($0) },
            hold: try first(LegalHoldOf(patient: id)).map { try keys.open($0) }, lastVisit: lastVisit,
            keptUntil: rules.keptUntil(lastVisit: lastVisit, birthDate: birthDate), graceDays: rules.graceDays)
    }
}

extension Clinic {
    /// How a record stands, for whoever closes records and whoever keeps closed ones.
    public func standing(of id: ID<Patient>, for call: Call) async throws -> RecordStanding {
        try await withKeys {
            let keys = try keys.ring()
            return try await disclose("read.retention", id, to: call) { look in
                look.trail.concerns([id])
                let standing = try look.looking.standing(of: id, keys)
                if try !look.permits(.keepClosedRecords) { try look.require(.closeRecords) }
                guard let standing else { throw Refusal.recordUnknown }
                return standing
            }
        }
    }
}
