import Notation
import People
import Scheduling

/// An import as values, each with its place in the file. Reading collects every mistake a record can tell about itself;
/// `ImportChecks` those between records.
struct ImportedClinic: Sendable {
    struct Placed<Value: Sendable>: Sendable {
        let value: Value
        let record: ImportRecord
    }

    private(set) var locations: [Placed<Location>] = []
    private(set) var resources: [Placed<Resource>] = []
    private(set) var visitTypes: [Placed<VisitType>] = []
    private(set) var hours: [Placed<WorkingHours>] = []
    private(set) var exceptions: [Placed<ScheduleException>] = []
    private(set) var holidays: [Placed<Holiday>] = []
    private(set) var patients: [Placed<Patient>] = []
    private(set) var appointments: [Placed<ImportedAppointment>] = []
    private(set) var problems: [FieldProblem]
    /// The identifiers of all records of a kind, also of those that cannot be read: who refers to one of them is not to blame.
    private(set) var named: [ImportKind: Set<ID<AuditSubject>>] = [:]

    var count: Int {
        locations.count + resources.count + visitTypes.count + hours.count + exceptions.count + holidays.count + patients.count
            + appointments.count
    }

    init(_ file: ImportFile) {
        problems = file.problems
        for record in file.records { read(record) }
    }

    private mutating func read(_ record: ImportRecord) {
        let fields = Fields(record.json, at: record.pointer)
        switch record.kind {
        case .location: take(Location(fields, id: fields.id("id")), fields, record, \.locations)
        case .practitioner: take(Resource(fields, id: fields.id("id"), kind: .practitioner), fields, record, \.resources)
        case .room: take(Resource(fields, id: fields.id("id"), kind: .room), fields, record, \.resources)
        case .device: take(Resource(fields, id: fields.id("id"), kind: .device), fields, record, \.resources)
        case .visitType: take(VisitType(fields, id: fields.id("id")), fields, record, \.visitTypes)
        case .workingHours:
            take(WorkingHours(fields, id: fields.id("id"), resource: fields.id("resource"), zone: ""), fields, record, \.hours)
        case .exception:
            take(ScheduleException(fields, id: fields.id("id"), resource: fields.id("resource")), fields, record, \.exceptions)
        case .holiday: take(Holiday(fields, id: fields.id("id"), location: fields.id("location")), fields, record, \.holidays)
        case .patient: take(Patient(fields, id: fields.id("id")), fields, record, \.patients)
        case .appointment: take(ImportedAppointment(fields), fields, record, \.appointments)
        }
    }

    private mutating func take<Value>(
        _ value: Value, _ fields: Fields, _ record: ImportRecord, _ list: WritableKeyPath<ImportedClinic, [Placed<Value>]>
    ) {
        if let id = record.json["id"]?.string.flatMap({ ID<AuditSubject>($0) }) { named[record.kind, default: []].insert(id) }
        do throws(FieldProblems) {
            try fields.check()
            self[keyPath: list].append(Placed(value: value, record: record))
        } catch {
            problems += error.problems
        }
    }

    mutating func reject<Value>(_ placed: Placed<Value>, _ field: String, _ detail: String) {
        let line = placed.record.json[field]?.line ?? placed.record.json.line
        problems.append(FieldProblem(pointer: "\(placed.record.pointer)/\(field)", detail: detail, line: line))
    }

    /// Gives working hours that name no zone the one of the place they are for.
    mutating func setZones(_ zone: (ID<Resource>) -> String) {
        hours = hours.map { placed in
            var hours = placed.value
            if hours.zone.isEmpty { hours.zone = zone(hours.resource) }
            return Placed(value: hours, record: placed.record)
        }
    }
}

/// An appointment somebody made elsewhere. It may be in the past, and outside the hours: it is what it is.
struct ImportedAppointment: Sendable {
    let id: ID<Appointment>
    let state: AppointmentState
    let visitType: ID<VisitType>
    let practitioner: ID<Resource>
    let room: ID<Resource>?
    let device: ID<Resource>?
    let patients: [ID<Participant>]
    let start: Instant

    init(_ fields: Fields) {
        id = fields.id("id")
        let state = fields.optionalChoice("state", AppointmentState.self) ?? .booked
        if state == .pending || state == .cancelled {
            fields.reject(
                "state", "must not be \"\(state.rawValue)\": import what takes time, held or cancelled appointments do not")
        }
        self.state = state
        visitType = fields.id("visitType")
        practitioner = fields.id("practitioner")
        room = fields.optionalID("room")
        device = fields.optionalID("device")
        patients = fields.ids("patients", count: 1...100)
        start = fields.instant("start")
    }
}
