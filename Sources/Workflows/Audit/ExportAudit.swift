public import Notation
public import Scheduling
public import People
public import Storage

/// Writes the audit trail out, for whoever asks what was done with their data (45 CFR 164.528) or in a stretch of time. One line of
/// JSON for each record, with what it is about.
public struct AuditExport: Sendable {
    private let database: any Database
    private let range: TimeRange

    private static let atOnce = 500

    public init(_ database: any Database, in range: TimeRange) {
        self.database = database.doing(.analytics)
        self.range = range
    }

    /// What concerns one patient: their own record and each of their appointments; in order of time. Returns how many records.
    ///
    /// - Parameter line: gets the bytes of one line, without its end.
    public func ofPatient(_ patient: ID<Patient>, _ line: ([UInt8]) throws -> Void) async throws -> Int {
        var entries = try await entries(of: patient.of())
        for appointment in try await appointments(of: patient) { entries += try await self.entries(of: appointment.of()) }
        entries.sort { ($0.at, $0.id) < ($1.at, $1.id) }
        for entry in entries { try line(entry.line) }
        return entries.count
    }

    /// Everything, by what it is about and then by time: the order in which it is kept.
    public func everything(_ line: ([UInt8]) throws -> Void) async throws -> Int {
        var (subject, id) = (ID<AuditSubject>(high: 0, low: 0), ID<AuditEntry>(high: 0, low: 0))
        var count = 0
        while true {
            let page = try await database.read { [range, subject, id] in
                try $0.fetch(AuditBetween(subject: subject, id: id, range: range, limit: Self.atOnce))
            }
            for entry in page { try line(entry.line) }
            count += page.count
            guard page.count == Self.atOnce, let last = page.last else { return count }
            (subject, id) = (last.subject, last.id)
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
    private func appointments(of patient: ID<Patient>) async throws -> [ID<Appointment>] {
        var found: [ID<Appointment>] = []
        var after: Cursor?
        while true {
            let rows = AppointmentPage(range: .everything, request: PageRequest(after: after, limit: Self.atOnce))
            let page = try await database.read { try $0.fetch(AppointmentsOfPatient(patient: patient.of(), page: rows)) }
            found += page.map(\.id)
            guard page.count >= Self.atOnce, let last = page.last else { return found }
            after = Cursor(at: last.visit.from, id: last.id.of())
        }
    }
}

extension TimeRange {
    fileprivate static let everything = TimeRange(
        from: Instant("0001-01-01T00:00:00Z")!, to: Instant("9999-12-31T23:59:59Z")!)
}

extension AuditEntry {
    fileprivate var line: [UInt8] {
        var json = JSONWriter(reserving: 512)
        write(to: &json, namingSubject: true)
        return json.bytes
    }
}
