import Notation
import People
import Scheduling
import Storage

/// What one request turns out to be about, gathered on the way for the record it leaves.
struct Trail {
    /// Nil while it is about nobody.
    private(set) var subject: ID<AuditSubject>?
    /// Whose data was read, written or asked for.
    private(set) var patients: [ID<Patient>] = []
    /// What a list was asked for with.
    var query: String?
    /// What it was permitted for; nil until something was.
    private(set) var purpose: Purpose?
    private(set) var objection: Objection?

    mutating func isAbout<Subject>(_ subject: ID<Subject>, _ patients: [ID<Patient>] = []) {
        self.subject = subject.of()
        self.patients = patients
    }

    mutating func concerns(_ patients: some Sequence<ID<Patient>>) {
        var seen = Set(self.patients)
        self.patients += patients.filter { seen.insert($0).inserted }
    }

    mutating func note(_ decision: Decision) {
        switch decision {
        case .permitted(let purpose):
            // Broken glass is what is remembered, also where an act before it needed none.
            if self.purpose != .brokenGlass { self.purpose = purpose }
        case .refused(let objection): self.objection = objection
        }
    }

    func circumstances(of call: Call, outcome: String) -> AuditEntry.Circumstances {
        AuditEntry.Circumstances(
            role: call.caller.role, purpose: purpose ?? call.purpose ?? call.caller.role.usualPurpose, address: call.address,
            operation: call.operation, outcome: outcome, patients: patients, query: query)
    }

    /// How a record says what came of a request that was refused: the objection, or that there is nothing.
    func outcome(of refusal: Refusal) -> String {
        objection?.rawValue ?? (refusal == .notPermitted ? refusal.rawValue : "unknown")
    }
}

/// Whoever decides about permission: in a transaction, for a call, leaving a trail.
protocol Deciding: AnyObject {
    var looking: any ReadTransaction { get }
    var call: Call { get }
    var now: Instant { get }
    var trail: Trail { get set }
}

extension Deciding {
    /// Whether the caller may. What ties them to the patients is looked up in this transaction, and only where it counts.
    func permits(_ act: Act, patients: [ID<Patient>] = [], at place: ID<Location>? = nil) throws -> Bool {
        let caller = call.caller
        let grounds = caller.role.grounds(for: act)
        var relationship: Relationship = []
        if grounds.contains(.place), let place, caller.places.contains(place.of()) { relationship.insert(.samePlace) }
        var decision = caller.decide(act, relationship, for: call.purpose)
        if !decision.isPermitted, grounds.contains(.care), try isInCare(patients) {
            relationship.insert(.careTeam)
            decision = caller.decide(act, relationship, for: call.purpose)
        }
        if !decision.isPermitted, grounds.contains(.emergency), try glassIsBroken(for: patients) {
            relationship.insert(.brokenGlass)
            decision = caller.decide(act, relationship, for: call.purpose)
        }
        trail.note(decision)
        return decision.isPermitted
    }

    func require(_ act: Act, patients: [ID<Patient>] = [], at place: ID<Location>? = nil) throws {
        if try !permits(act, patients: patients, at: place) { throw Refusal.notPermitted }
    }

    /// The same for what is done with an appointment.
    func permits(_ act: Act, with appointment: Appointment) throws -> Bool {
        try permits(act, patients: appointment.patients.map { $0.of() }, at: appointment.location)
    }

    private func isInCare(_ patients: [ID<Patient>]) throws -> Bool {
        try patients.contains { patient in
            try looking.first(CareGiven(patient: patient, practitioner: call.caller.subject.of(), since: now - CareGiven.window))
                != nil
        }
    }

    private func glassIsBroken(for patients: [ID<Patient>]) throws -> Bool {
        try patients.contains { patient in
            try looking.first(BrokenGlass(principal: call.caller.principal, patient: patient, now: now)) != nil
        }
    }
}

/// Whether a practitioner has an appointment with a patient, or had one within the window: then the patient is in their care. One that
/// was cancelled, or should never have been written, gives none; nor does a time that is only held.
struct CareGiven: Query {
    static let window: Span = .days(2 * 365)
    static let sql: SQL = """
        SELECT 1 FROM appointment_patient JOIN appointment ON appointment.id = appointment_patient.appointment_id
        WHERE appointment_patient.patient_id = $1 AND appointment_patient.start_at >= $3 AND appointment.practitioner_id = $2
            AND appointment.state NOT IN ('pending', 'cancelled', 'entered-in-error') LIMIT 1
        """
    let patient: ID<Patient>
    let practitioner: ID<Resource>
    let since: Instant
    var bindings: [SQLValue] { [.id(patient), .id(practitioner), .instant(since)] }
    static func row(_ columns: any Columns) throws -> Bool { true }
}
