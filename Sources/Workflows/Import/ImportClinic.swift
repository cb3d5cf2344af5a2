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
        let read = ImportedClinic(try ImportFile.records(of: bytes))
        let summary = try await database.write { [self] transaction in
            let story = try Story(transaction, clinic: self, call: Call(caller: .clinic, requestID: "import"))
            var importer = Importer(story: story, clinic: read, progress: progress)
            return try importer.run()
        }
        try await open()
        return summary
    }
}

/// One import while it is being written.
private struct Importer {
    let story: Story
    var clinic: ImportedClinic
    let progress: @Sendable (Int, Int) -> Void
    private var done = 0
    private var knownPatients: Set<ID<Patient>> = []

    init(story: Story, clinic: ImportedClinic, progress: @escaping @Sendable (Int, Int) -> Void) {
        self.story = story
        self.clinic = clinic
        self.progress = progress
    }

    mutating func run() throws -> ImportSummary {
        refuseRepeats()
        checkReferences()
        if !clinic.problems.isEmpty { throw ImportProblems(problems: clinic.problems.inOrder) }
        try writeDirectory()
        let directory = try story.newDirectory()
        try writePatients()
        try writeAppointments(directory)
        if !clinic.problems.isEmpty { throw ImportProblems(problems: clinic.problems.inOrder) }
        return summary()
    }

    // MARK: Check

    /// An identifier may stand once in the file, and may not be in the database yet.
    private mutating func refuseRepeats() {
        let directory = story.directory
        refuse(clinic.locations, id: { $0.id.of() }) { directory.locations[$0.of()] != nil }
        refuse(clinic.resources, id: { $0.id.of() }) { directory.resources[$0.of()] != nil }
        refuse(clinic.visitTypes, id: { $0.id.of() }) { directory.visitTypes[$0.of()] != nil }
        refuse(clinic.hours, id: { $0.id.of() }) { _ in false }
        refuse(clinic.exceptions, id: { $0.id.of() }) { _ in false }
        refuse(clinic.holidays, id: { $0.id.of() }) { _ in false }
        refuse(clinic.patients, id: { $0.id.of() }) { _ in false }
        refuse(clinic.appointments, id: { $0.id.of() }) { _ in false }
    }

    private mutating func refuse<Value>(
        _ placed: [ImportedClinic.Placed<Value>], id: (Value) -> ID<AuditSubject>, isKnown: (ID<AuditSubject>) -> Bool
    ) {
        var seen: Set<ID<AuditSubject>> = []
        for one in placed {
            if !seen.insert(id(one.value)).inserted { clinic.reject(one, "id", "stands twice in this file") }
            if isKnown(id(one.value)) { clinic.reject(one, "id", "is in the database already") }
        }
    }

    private mutating func checkReferences() {
        let known = story.directory
        let locations = Set(clinic.locations.map(\.value.id)).union(known.locations.keys)
        var kinds = known.resources.mapValues(\.kind)
        for resource in clinic.resources { kinds[resource.value.id] = resource.value.kind }
        let visitTypes = Set(clinic.visitTypes.map(\.value.id)).union(known.visitTypes.keys)
        for one in clinic.resources where !locations.contains(one.value.location) { clinic.reject(one, "location", "is not known") }
        for one in clinic.holidays where !locations.contains(one.value.location) { clinic.reject(one, "location", "is not known") }
        for one in clinic.hours where kinds[one.value.resource] == nil { clinic.reject(one, "resource", "is not known") }
        for one in clinic.exceptions where kinds[one.value.resource] == nil { clinic.reject(one, "resource", "is not known") }
        for one in clinic.visitTypes where one.value.practitioners.contains(where: { kinds[$0] != .practitioner }) {
            clinic.reject(one, "practitioners", "names somebody who is not a practitioner")
        }
        for one in clinic.appointments {
            let value = one.value
            if !visitTypes.contains(value.visitType) { clinic.reject(one, "visitType", "is not known") }
            if kinds[value.practitioner] != .practitioner { clinic.reject(one, "practitioner", "is not known") }
            if let room = value.room, kinds[room] != .room { clinic.reject(one, "room", "is not known") }
            if let device = value.device, kinds[device] != .device { clinic.reject(one, "device", "is not known") }
            if Set(value.patients).count != value.patients.count { clinic.reject(one, "patients", "names somebody twice") }
        }
    }

    // MARK: Write

    private mutating func writeDirectory() throws {
        let transaction = story.transaction
        for one in clinic.locations { try step { try transaction.run(StoreLocation(location: one.value)) } }
        for one in clinic.resources { try step { try transaction.run(StoreResource(resource: one.value)) } }
        for one in clinic.visitTypes { try step { try transaction.run(StoreVisitType(visitType: one.value)) } }
        for one in clinic.hours { try step(one) { try transaction.run(StoreWorkingHours(hours: one.value)) } }
        for one in clinic.exceptions { try step(one) { try transaction.run(StoreException(exception: one.value)) } }
        for one in clinic.holidays { try step(one) { try transaction.run(StoreHoliday(holiday: one.value)) } }
    }

    private mutating func writePatients() throws {
        let transaction = story.transaction
        for one in clinic.patients {
            if try transaction.first(PatientExists(id: one.value.id)) != nil {
                clinic.reject(one, "id", "is in the database already")
            } else {
                try step { try transaction.run(StorePatient(patient: one.value)) }
            }
        }
    }

    private mutating func writeAppointments(_ directory: Directory) throws {
        for one in clinic.appointments {
            let value = one.value
            if try story.transaction.first(AppointmentByID(id: value.id)) != nil {
                clinic.reject(one, "id", "is in the database already")
                continue
            }
            for patient in value.patients where !knownPatients.contains(patient.of()) {
                if try story.transaction.first(PatientExists(id: patient.of())) == nil {
                    clinic.reject(one, "patients", "names somebody who is not known")
                }
                knownPatients.insert(patient.of())
            }
            guard let visitType = directory.visitTypes[value.visitType],
                let practitioner = directory.resources[value.practitioner]
            else { continue }
            try write(one, visitType, at: practitioner.location, directory)
            advance()
        }
    }

    private mutating func write(
        _ one: ImportedClinic.Placed<ImportedAppointment>, _ visitType: VisitType, at location: ID<Location>, _ directory: Directory
    ) throws {
        let value = one.value
        let appointment = Appointment(
            id: value.id, state: value.state, visitType: value.visitType, practitioner: value.practitioner, room: value.room,
            device: value.device, patients: value.patients, location: location, visit: visitType.visit(at: value.start),
            createdAt: story.now, updatedAt: story.now)
        guard let claims = try claims(for: appointment, visitType, one, directory) else { return }
        try story.transaction.run(InsertAppointment(appointment: appointment, content: Array(repeating: 0, count: 32)))
        for patient in appointment.patients {
            try story.transaction.run(
                InsertAppointmentPatient(patient: patient, start: appointment.visit.from, appointment: appointment.id))
        }
        for claim in claims { try story.transaction.run(InsertClaim(claim: claim)) }
        try story.auditChange(of: appointment.id.of(), "appointment.imported")
        if appointment.state == .booked { try story.scheduleFollowUps(of: appointment) }
    }

    /// A lane for everything the appointment has; nil, and a problem with its line, when somebody else has it.
    private mutating func claims(
        for appointment: Appointment, _ visitType: VisitType, _ one: ImportedClinic.Placed<ImportedAppointment>, _ directory: Directory
    ) throws -> [Claim]? {
        guard appointment.state.holdsItsTime else { return [] }
        let occupied = visitType.occupied(at: appointment.visit.from)
        var claims: [Claim] = []
        var wanted = [(appointment.practitioner, occupied, "practitioner")]
        if let room = appointment.room { wanted.append((room, occupied, "room")) }
        if let device = appointment.device { wanted.append((device, occupied, "device")) }
        wanted += appointment.patients.map { ($0.of(), appointment.visit, "patients") }
        for (holder, range, field) in wanted {
            let taken = Set(try story.transaction.fetch(LiveClaims(holder: holder, range: range)).map(\.lane))
            guard let lane = (0..<(directory.resources[holder]?.lanes ?? 1)).first(where: { !taken.contains($0) }) else {
                clinic.reject(one, field, "has another appointment at this time, in this file or in the database")
                return nil
            }
            claims.append(Claim(appointment: appointment.id, holder: holder, lane: lane, range: range))
        }
        return claims
    }

    private mutating func step(_ write: () throws -> Int) throws {
        _ = try write()
        advance()
    }

    /// For records whose identifiers only the database knows.
    private mutating func step<Value>(_ one: ImportedClinic.Placed<Value>, _ write: () throws -> Int) throws {
        do { _ = try write() } catch StorageFault.constraint { clinic.reject(one, "id", "is in the database already") }
        advance()
    }

    private mutating func advance() {
        done += 1
        progress(done, clinic.count)
    }

    private func summary() -> ImportSummary {
        ImportSummary(counts: [
            ("locations", clinic.locations.count), ("practitioners, rooms and devices", clinic.resources.count),
            ("visit types", clinic.visitTypes.count), ("working hours", clinic.hours.count),
            ("exceptions", clinic.exceptions.count), ("holidays", clinic.holidays.count), ("patients", clinic.patients.count),
            ("appointments", clinic.appointments.count),
        ])
    }
}

extension [FieldProblem] {
    /// As somebody reads the file: from the top.
    fileprivate var inOrder: [FieldProblem] { sorted { ($0.line, $0.pointer) < ($1.line, $1.pointer) } }
}
