public import Notation
public import People
public import Scheduling
import Storage

/// Everything a clinic has about a patient, at one moment, for the patient.
public struct RecordExport: Sendable {
    public let patient: Patient
    /// Oldest first.
    public let appointments: [Appointment]
    /// What they were told.
    public let notices: [Notice]
    /// What of that went out to them, and what became of it.
    public let messages: [Message]
    /// How they want to be reached.
    public let preferences: ContactPreferences
    /// Where they get notices.
    public let devices: [PatientDevice]
    /// What was done with their record and their appointments, and by whom.
    public let entries: [AuditEntry]
    /// What they sign in with.
    public let accounts: [Account]
    /// What they asked to have corrected, what came of it, and what they say to that.
    public let corrections: [Correction]
    /// What they were charged and credited.
    public let invoices: [Invoice]
    /// What they wait for or waited for, and what they were offered.
    public let waitlist: [WaitlistPlace]
    public let offers: [WaitlistOffer]
    public let at: Instant
}

extension Clinic {
    /// Collects everything about a patient. It is written down that somebody has before they are handed it (45 CFR 164.524). Throws
    /// `.patientUnknown` for whoever may not, and in the same words when there is none.
    public func exportRecord(of id: ID<Patient>, call: Call) async throws -> RecordExport {
        let sealed = try await disclose("export.patient", id, to: call) { look in
            look.trail.concerns([id])
            let patient = try look.looking.first(PatientByID(id: id))
            guard try look.permits(.exportRecord(id), patients: [id]), let patient else { throw Refusal.patientUnknown }
            return patient
        }
        let audit = AuditExport(self, in: .everything, by: call.by)
        return RecordExport(
            patient: try await opened(sealed), appointments: try await opened(try await audit.appointments(of: id)),
            notices: try await allNotices(of: id.of()), messages: try await allMessages(of: id),
            preferences: try await database.read { try $0.preferences(of: id) }, devices: try await allDevices(of: id),
            entries: try await audit.entries(about: id).map { $0.asToldTo(id) },
            accounts: try await accounts(of: id.of()), corrections: try await allCorrections(of: id),
            invoices: try await allInvoices(of: id),
            waitlist: try await allPlaces(of: id), offers: try await allOffers(of: id), at: surroundings.clock.now)
    }

    private func allNotices(of owner: ID<Caller>) async throws -> [Notice] {
        var (found, after): ([Notice], ID<Notice>) = ([], ID(high: 0, low: 0))
        while true {
            let page = try await database.read { [after] in
                try $0.fetch(NoticesOf(recipient: owner, after: after, limit: 500))
            }
            found += page
            guard page.count == 500, let last = page.last else { return found }
            after = last.id
        }
    }

    private func allCorrections(of id: ID<Patient>) async throws -> [Correction] {
        var (found, after): ([Correction], ID<Correction>) = ([], ID(high: 0, low: 0))
        while true {
            let page = try await database.read { [after] in
                try $0.fetch(CorrectionsOfPatient(patient: id, after: after, limit: 500))
            }
            found += try await opened(page)
            guard page.count == 500, let last = page.last else { return found }
            after = last.kept.id
        }
    }

    private func allInvoices(of id: ID<Patient>) async throws -> [Invoice] {
        var found: [Invoice] = []
        while true {
            let page = try await database.read { [after = found.last?.number ?? 0] in
                try $0.fetch(InvoicesOfPatient(patient: id, after: after, limit: 500))
            }
            found += page
            if page.count < 500 { return found }
        }
    }

    private func allPlaces(of id: ID<Patient>) async throws -> [WaitlistPlace] {
        var (found, after): ([WaitlistPlace], ID<WaitlistEntry>) = ([], ID(high: 0, low: 0))
        while true {
            let page = try await database.read { [after] in
                try $0.fetch(PlacesOfPatient(patient: id, after: after, limit: 500))
            }
            found += page
            guard page.count == 500, let last = page.last else { return found }
            after = last.id
        }
    }

    private func allOffers(of id: ID<Patient>) async throws -> [WaitlistOffer] {
        var (found, after): ([WaitlistOffer], ID<WaitlistOffer>) = ([], ID(high: 0, low: 0))
        while true {
            let page = try await database.read { [after] in
                try $0.fetch(OffersOfPatient(patient: id, after: after, limit: 500))
            }
            found += page
            guard page.count == 500, let last = page.last else { return found }
            after = last.id
        }
    }

    private func accounts(of owner: ID<Caller>) async throws -> [Account] {
        let sealed = try await database.read { transaction in
            let ids = try transaction.fetch(AccountsOfSubject(subject: owner))
            return try transaction.fetch(each: ids.map { AccountByID(id: $0) }).compactMap(\.first)
        }
        return try await opened(sealed)
    }
}

/// The accounts somebody signs in with as the patient or practitioner they are.
struct AccountsOfSubject: Query {
    static let sql: SQL = "SELECT account_id FROM account_role WHERE subject_id = $1 ORDER BY account_id"
    let subject: ID<Caller>
    var bindings: [SQLValue] { [.id(subject)] }
    static func row(_ columns: any Columns) throws -> ID<Account> { try columns.id(0) }
}

extension AuditEntry {
    /// As a patient reads it who shares appointments with others: not who those are, nor why staff have set a rule aside.
    fileprivate func asToldTo(_ patient: ID<Patient>) -> AuditEntry {
        let principal = Caller(role: .patient, subject: patient.of()).principal
        // Whoever books or moves says why only where a rule may be in the way.
        let isOverride = ["appointment.booked", "appointment.held", "appointment.rescheduled"].contains(act)
        let isAnother = by.hasPrefix("\(Role.patient.rawValue):") && by != principal
        return AuditEntry(
            id: id, subject: subject, at: at, by: isAnother ? "another patient" : by, act: act, fromState: fromState,
            toState: toState, reason: isOverride ? nil : reason, overridden: overridden, requestID: requestID,
            circumstances: circumstances.map { known in
                Circumstances(
                    role: known.role, purpose: known.purpose, address: isAnother ? nil : known.address,
                    operation: known.operation,
                    outcome: known.outcome, patients: [patient], query: nil)
            })
    }
}

extension RecordExport {
    public func write(to json: inout JSONWriter) {
        let reader = Caller(role: .patient, subject: patient.id.of())
        json.object { json in
            json.member("exportedAt", at)
            json.name("patient")
            patient.write(to: &json)
            json.member("logins", accounts.map(\.login.revealed))
            json.name("appointments")
            json.array(of: appointments) { $1.write(to: &$0, for: reader) }
            json.name("notices")
            json.array(of: notices) { $1.write(to: &$0) }
            json.name("messages")
            json.array(of: messages) { $1.write(to: &$0) }
            json.name("preferences")
            preferences.write(to: &json)
            json.name("devices")
            json.array(of: devices) { $1.write(to: &$0) }
            json.name("corrections")
            json.array(of: corrections) { $1.write(to: &$0, now: at) }
            json.name("invoices")
            json.array(of: invoices) { $1.write(to: &$0) }
            json.name("waitlist")
            json.array(of: waitlist) { $1.write(to: &$0) }
            json.name("offers")
            json.array(of: offers) { $1.write(to: &$0, isExplained: false) }
            json.name("audit")
            json.array(of: entries) { $1.write(to: &$0, namingSubject: true) }
        }
    }
}
