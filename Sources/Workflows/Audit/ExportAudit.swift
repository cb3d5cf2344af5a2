public import Notation
public import Scheduling
public import People
import Storage

/// How a record is written out.
public enum AuditForm: String, Sendable, CaseIterable {
    /// The program's own words.
    case own
    /// FHIR R4 AuditEvent, as IHE's Basic Audit Log Patterns want it.
    case fhir
}

/// Writes the audit trail out, for whoever asks what was done with their data (45 CFR 164.528) or in a stretch of time. One line of
/// JSON for each record, with what it is about.
public struct AuditExport: Sendable {
    private let clinic: Clinic
    private let database: any Database
    private let surroundings: Surroundings
    private let range: TimeRange
    private let by: String

    private static let atOnce = 500

    /// - Parameter by: who writes it out, for the record an export leaves itself.
    public init(_ clinic: Clinic, in range: TimeRange, by: String) {
        self.clinic = clinic
        database = clinic.database.doing(.analytics)
        surroundings = clinic.surroundings
        self.range = range
        self.by = by
    }

    /// What concerns one patient: their own record, each of their appointments, and each list they were shown in; in order of time.
    /// Returns how many records.
    ///
    /// - Parameter line: gets the bytes of one line, without its end.
    public func ofPatient(
        _ patient: ID<Patient>, as form: AuditForm = .own, _ line: ([UInt8]) throws -> Void
    ) async throws -> Int {
        let entries = try await entries(about: patient)
        try await recordExport(about: patient.of(), [patient], for: .patientRequest)
        for entry in entries { try line(entry.line(form)) }
        return entries.count
    }

    /// The same as values, and without a record of its own.
    func entries(about patient: ID<Patient>) async throws -> [AuditEntry] {
        var entries = try await entries(of: patient.of(AuditSubject.self))
        for appointment in try await appointments(of: patient) { entries += try await self.entries(of: appointment.kept.id.of()) }
        let known = Set(entries.map(\.id))
        entries += try await lists(showing: patient).filter { !known.contains($0.id) }
        entries.sort { ($0.at, $0.id) < ($1.at, $1.id) }
        return try await clinic.opened(entries.map { Sealed(kept: $0) })
    }

    /// Everything, by what it is about and then by time: the order in which it is kept.
    public func everything(as form: AuditForm = .own, _ line: ([UInt8]) throws -> Void) async throws -> Int {
        try await recordExport(about: AuditSubject.everybody, [], for: .operations)
        var (subject, id) = (ID<AuditSubject>(high: 0, low: 0), ID<AuditEntry>(high: 0, low: 0))
        var count = 0
        while true {
            let page = try await database.read { [range, subject, id] in
                try $0.fetch(AuditBetween(subject: subject, id: id, range: range, limit: Self.atOnce))
            }
            for entry in try await clinic.opened(page.map { Sealed(kept: $0) }) { try line(entry.line(form)) }
            count += page.count
            guard page.count == Self.atOnce, let last = page.last else { return count }
            (subject, id) = (last.subject, last.id)
        }
    }

    /// Nothing is written out that is not on record as written out.
    private func recordExport(about subject: ID<AuditSubject>, _ patients: [ID<Patient>], for purpose: Purpose) async throws {
        let entry = AuditEntry(
            id: surroundings.identifiers.next(AuditEntry.self), subject: subject, at: surroundings.clock.now, by: by,
            act: "export.audit", fromState: nil, toState: nil, reason: nil, overridden: [], requestID: "command-line",
            circumstances: AuditEntry.Circumstances(
                role: .admin, purpose: purpose, address: nil, operation: "auditExport", outcome: AuditEntry.Circumstances.done,
                patients: patients, query: "from=\(range.from)&to=\(range.to)"))
        let sealed = try await clinic.sealed(entry)
        try await database.write { transaction in
            try transaction.run(InsertAudit(entry: sealed))
            try transaction.run(InsertUnsealed(entry: entry))
        }
    }

    private func lists(showing patient: ID<Patient>) async throws -> [AuditEntry] {
        var (found, after): ([AuditEntry], Cursor) = ([], Cursor(at: range.from, id: ID(high: 0, low: 0)))
        while true {
            let page = try await database.read { [after, range] in
                try $0.fetch(AuditOfLists(after: after, before: range.to, limit: Self.atOnce))
            }
            found += page.filter { $0.circumstances?.patients.contains(patient) ?? false }
            guard page.count == Self.atOnce, let last = page.last else { return found }
            after = Cursor(at: last.at, id: last.id.of())
        }
    }

    private func entries(of subject: ID<AuditSubject>) async throws -> [AuditEntry] {
        var entries: [AuditEntry] = []
        var after = ID<AuditEntry>(high: 0, low: 0)
        while true {
            let page = try await database.read { [after] in
                try $0.fetch(AuditOf(subject: subject, after: after, limit: Self.atOnce))
            }
            entries += page.filter { range.from <= $0.at && $0.at < range.to }.map { entry in
                var entry = entry
                entry.subject = subject
                return entry
            }
            guard page.count == Self.atOnce, let last = page.last else { return entries }
            after = last.id
        }
    }

    /// All there ever were: what was done to an old one may be new.
    func appointments(of patient: ID<Patient>) async throws -> [Sealed<Appointment>] {
        var found: [Sealed<Appointment>] = []
        var after: Cursor?
        while true {
            let rows = AppointmentPage(range: .everything, request: PageRequest(after: after, limit: Self.atOnce))
            let page = try await database.read { try $0.fetch(AppointmentsOfPatient(patient: patient.of(), page: rows)) }
            found += page
            guard page.count >= Self.atOnce, let last = page.last else { return found }
            after = Cursor(at: last.kept.visit.from, id: last.kept.id.of())
        }
    }
}

extension TimeRange {
    static let everything = TimeRange(
        from: Instant("0001-01-01T00:00:00Z")!, to: Instant("9999-12-31T23:59:59Z")!)
}

extension AuditEntry {
    fileprivate func line(_ form: AuditForm) -> [UInt8] {
        var json = JSONWriter(reserving: 1024)
        switch form {
        case .own: write(to: &json, namingSubject: true)
        case .fhir: writeAuditEvent(to: &json)
        }
        return json.bytes
    }
}
