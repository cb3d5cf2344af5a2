import Notation
import People
import Scheduling

/// An import as values, each with its place in the file. Reading collects every mistake a record can tell about itself;
/// `checkReferences` those between records.
struct ImportedClinic: Sendable {
    struct Placed<Value: Sendable>: Sendable {
        let value: Value
        let pointer: String
        let line: Int
    }

    private(set) var locations: [Placed<Location>] = []
    private(set) var resources: [Placed<Resource>] = []
    private(set) var visitTypes: [Placed<VisitType>] = []
    private(set) var hours: [Placed<WorkingHours>] = []
    private(set) var exceptions: [Placed<ScheduleException>] = []
    private(set) var holidays: [Placed<Holiday>] = []
    private(set) var patients: [Placed<Patient>] = []
    private(set) var appointments: [Placed<ImportedAppointment>] = []
    private(set) var problems: [FieldProblem] = []

    var count: Int {
        locations.count + resources.count + visitTypes.count + hours.count + exceptions.count + holidays.count + patients.count
            + appointments.count
    }

    init(_ records: [ImportRecord]) {
        for kind in ImportKind.allCases {
            for record in records where record.kind == kind { read(record) }
        }
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
            let resource = fields.id("resource", Resource.self)
            take(
                WorkingHours(fields, id: fields.id("id"), resource: resource, zone: zone(of: resource)), fields, record, \.hours)
        case .exception:
            take(ScheduleException(fields, id: fields.id("id"), resource: fields.id("resource")), fields, record, \.exceptions)
        case .holiday: take(Holiday(fields, id: fields.id("id"), location: fields.id("location")), fields, record, \.holidays)
        case .patient: take(Patient(fields, id: fields.id("id")), fields, record, \.patients)
        case .appointment: take(ImportedAppointment(fields), fields, record, \.appointments)
        }
    }

    /// The zone of the location a resource of this file is at; working hours that name none are in it.
    private func zone(of resource: ID<Resource>) -> String {
        let location = resources.first { $0.value.id == resource }?.value.location
        return locations.first { $0.value.id == location }?.value.zone ?? "UTC"
    }

    private mutating func take<Value>(
        _ value: Value, _ fields: Fields, _ record: ImportRecord, _ list: WritableKeyPath<ImportedClinic, [Placed<Value>]>
    ) {
        do throws(FieldProblems) {
            try fields.check()
            self[keyPath: list].append(Placed(value: value, pointer: record.pointer, line: record.json.line))
        } catch {
            problems += error.problems
        }
    }

    mutating func reject<Value>(_ placed: Placed<Value>, _ field: String, _ detail: String) {
        problems.append(FieldProblem(pointer: "\(placed.pointer)/\(field)", detail: detail, line: placed.line))
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
            fields.reject("state", "must not be \"\(state.rawValue)\": import what takes time, held or cancelled appointments do not")
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
