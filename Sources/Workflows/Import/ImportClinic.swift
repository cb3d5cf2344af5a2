import Notation
import Outbox
import People
import Scheduling
import Storage

/// What an import brought in, by kind.
public struct ImportSummary: Sendable {
    public let counts: [(kind: String, count: Int)]
}

extension Clinic {
    /// Takes a whole clinic, all or nothing. Throws `ImportProblems` with every mistake, each with its line and field.
    /// `progress` hears how many of how many records are written; it is called often and must be quick.
    public func importClinic(
        _ bytes: [UInt8], progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) async throws -> ImportSummary {
        let read = ImportedClinic(try ImportFile(bytes))
        let summary = try await withKeys { try await write(read, progress) }
        try await open()
        return summary
    }

    private func write(
        _ read: ImportedClinic, _ progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void
    ) async throws -> ImportSummary {
        try await database.write { [self] transaction in
            let story = try Story(transaction, clinic: self, call: Call(caller: .clinic, requestID: "import"))
            var checks = ImportChecks(read, story.directory, transaction)
            try checks.run()
            if !checks.clinic.problems.isEmpty { throw ImportProblems(problems: checks.clinic.problems.inOrder) }
            var importer = Importer(story: story, clinic: checks.clinic, claims: checks.claims, progress: progress)
            try importer.write()
            return ImportSummary(checks.clinic)
        }
    }
}

/// Writes a checked import.
private struct Importer {
    let story: Story
    let clinic: ImportedClinic
    /// Of each appointment.
    let claims: [[Claim]]
    let progress: @Sendable (Int, Int) -> Void
    var done = 0

    mutating func write() throws {
        let transaction = story.transaction
        // First of all: without them the import is run again, and nobody may have heard of its progress by then.
        let keys = try story.keys
        try write(clinic.locations) { try transaction.run(StoreLocation(location: $0)) }
        try write(clinic.resources) { try transaction.run(StoreResource(resource: $0)) }
        try write(clinic.visitTypes) { try transaction.run(StoreVisitType(visitType: $0)) }
        try write(clinic.hours) { try transaction.run(StoreWorkingHours(hours: $0)) }
        try write(clinic.exceptions) { try transaction.run(StoreException(exception: try keys.seal($0))) }
        try write(clinic.holidays) { try transaction.run(StoreHoliday(holiday: $0)) }
        try write(clinic.patients) { try transaction.run(StorePatient($0, keys)) }
        // Other nodes read all of it anew: too much has changed to tell them one by one.
        try transaction.run(AdvanceImportRevision())
        let directory = try story.newDirectory()
        for (one, claims) in zip(clinic.appointments, claims) {
            try write(one.value, claims, directory)
            advance()
        }
    }

    private mutating func write<Value>(_ placed: [ImportedClinic.Placed<Value>], _ store: (Value) throws -> Int) throws {
        for one in placed {
            guard try store(one.value) == 1 else { throw StorageFault.statement("an import wrote over \(Value.self)") }
            advance()
        }
    }

    private func write(_ value: ImportedAppointment, _ claims: [Claim], _ directory: Directory) throws {
        guard let visitType = directory.visitTypes[value.visitType], let practitioner = directory.resources[value.practitioner]
        else { throw StorageFault.statement("an imported appointment refers to nothing") }
        let appointment = Appointment(
            id: value.id, state: value.state, visitType: value.visitType, practitioner: value.practitioner, room: value.room,
            device: value.device, patients: value.patients, location: practitioner.location,
            visit: visitType.visit(at: value.start), createdAt: story.now, updatedAt: story.now)
        try story.transaction.post(
            InsertAppointment(appointment: try story.sealed(appointment), content: Array(repeating: 0, count: 32)))
        for patient in appointment.patients {
            try story.transaction.post(
                InsertAppointmentPatient(patient: patient, start: appointment.visit.from, appointment: appointment.id))
        }
        for claim in claims {
            try story.transaction.post(InsertClaim(claim: claim), orElse: StorageFault.constraint("claim_overlap"))
        }
        try story.auditChange(of: appointment.id.of(), "appointment.imported")
        if appointment.state == .booked { try story.scheduleFollowUps(of: appointment) }
    }

    private mutating func advance() {
        done += 1
        progress(done, clinic.count)
    }
}

extension ImportSummary {
    fileprivate init(_ clinic: ImportedClinic) {
        counts = [
            ("locations", clinic.locations.count), ("practitioners, rooms and devices", clinic.resources.count),
            ("visit types", clinic.visitTypes.count), ("working hours", clinic.hours.count),
            ("exceptions", clinic.exceptions.count), ("holidays", clinic.holidays.count), ("patients", clinic.patients.count),
            ("appointments", clinic.appointments.count),
        ]
    }
}

extension [FieldProblem] {
    /// As somebody reads the file: from the top.
    fileprivate var inOrder: [FieldProblem] { sorted { ($0.line, $0.pointer) < ($1.line, $1.pointer) } }
}
