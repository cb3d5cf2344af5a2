import Notation
import People
import Scheduling
import Storage

/// What only the whole file and the database together can tell: identifiers that stand twice, references to nobody, two
/// appointments in one place. Looks at everything before anything is written, so that all mistakes are found at once.
struct ImportChecks {
    private(set) var clinic: ImportedClinic
    /// What each appointment takes, in the file's order.
    private(set) var claims: [[Claim]] = []
    private let known: Directory
    private let transaction: any ReadTransaction
    private let resources: [ID<Resource>: Resource]
    private let visitTypes: [ID<VisitType>: VisitType]
    private let kinds: [ID<AuditSubject>: ImportKind]
    private var taken: [ID<Resource>: [Claim]] = [:]

    init(_ clinic: ImportedClinic, _ known: Directory, _ transaction: any ReadTransaction) {
        self.clinic = clinic
        self.known = known
        self.transaction = transaction
        resources = known.resources.merging(clinic.resources.map { ($0.value.id, $0.value) }) { known, _ in known }
        visitTypes = known.visitTypes.merging(clinic.visitTypes.map { ($0.value.id, $0.value) }) { known, _ in known }
        var kinds: [ID<AuditSubject>: ImportKind] = [:]
        for (id, resource) in known.resources { kinds[id.of()] = resource.kind.importKind }
        for kind in [ImportKind.practitioner, .room, .device] {
            for id in clinic.named[kind] ?? [] { kinds[id] = kind }
        }
        self.kinds = kinds
    }

    mutating func run() throws {
        try refuseRepeats()
        checkPlaces()
        checkVisitTypes()
        try checkAppointments()
        let places = Dictionary(clinic.locations.map { ($0.value.id, $0.value.zone) }) { first, _ in first }
        clinic.setZones { [known, resources] in
            resources[$0].flatMap { places[$0.location] ?? known.locations[$0.location]?.zone } ?? "UTC"
        }
    }

    // MARK: Identifiers

    /// An identifier may stand once among the records of its kind, and may not be in the database yet.
    private mutating func refuseRepeats() throws {
        let known = known
        let transaction = transaction
        let hours = Set(known.hours.values.joined().map(\.id))
        let exceptions = Set(known.exceptions.values.joined().map(\.id))
        let holidays = Set(known.holidays.values.joined().map(\.id))
        try refuse(clinic.locations) { ($0.id.of(), known.locations[$0.id] != nil) }
        try refuse(clinic.resources) { ($0.id.of(), known.resources[$0.id] != nil) }
        try refuse(clinic.visitTypes) { ($0.id.of(), known.visitTypes[$0.id] != nil) }
        try refuse(clinic.hours) { ($0.id.of(), hours.contains($0.id)) }
        try refuse(clinic.exceptions) { ($0.id.of(), exceptions.contains($0.id)) }
        try refuse(clinic.holidays) { ($0.id.of(), holidays.contains($0.id)) }
        try refuse(clinic.patients) { ($0.id.of(), try transaction.first(PatientExists(id: $0.id)) != nil) }
        try refuse(clinic.appointments) { ($0.id.of(), try transaction.first(AppointmentContent(id: $0.id)) != nil) }
        // Claims know their holder by its identifier alone.
        for one in clinic.patients where kinds[one.value.id.of()] != nil {
            clinic.reject(one, "id", "belongs to a practitioner, room or device")
        }
    }

    private mutating func refuse<Value>(
        _ placed: [ImportedClinic.Placed<Value>], _ look: (Value) throws -> (id: ID<AuditSubject>, isKnown: Bool)
    ) throws {
        var seen: Set<ID<AuditSubject>> = []
        for one in placed {
            let (id, isKnown) = try look(one.value)
            if !seen.insert(id).inserted { clinic.reject(one, "id", "stands twice in this file") }
            if isKnown { clinic.reject(one, "id", "is in the database already") }
        }
    }

    // MARK: References

    private func isKnown(_ location: ID<Location>) -> Bool {
        known.locations[location] != nil || clinic.named[.location]?.contains(location.of()) ?? false
    }

    private func isKnown(_ resource: ID<Resource>, as kind: ImportKind? = nil) -> Bool {
        kinds[resource.of()].map { $0 == kind ?? $0 } ?? false
    }

    private mutating func checkPlaces() {
        for one in clinic.resources where !isKnown(one.value.location) { clinic.reject(one, "location", "is not known") }
        for one in clinic.holidays where !isKnown(one.value.location) { clinic.reject(one, "location", "is not known") }
        for one in clinic.hours where !isKnown(one.value.resource) { clinic.reject(one, "resource", "is not known") }
        for one in clinic.exceptions where !isKnown(one.value.resource) { clinic.reject(one, "resource", "is not known") }
    }

    private mutating func checkVisitTypes() {
        for one in clinic.visitTypes where !one.value.practitioners.allSatisfy({ isKnown($0, as: .practitioner) }) {
            clinic.reject(one, "practitioners", "names somebody who is not a practitioner")
        }
    }

    private mutating func checkAppointments() throws {
        for one in clinic.appointments {
            let value = one.value
            if visitTypes[value.visitType] == nil, !(clinic.named[.visitType]?.contains(value.visitType.of()) ?? false) {
                clinic.reject(one, "visitType", "is not known")
            }
            if !isKnown(value.practitioner, as: .practitioner) { clinic.reject(one, "practitioner", "is not known") }
            if let room = value.room, !isKnown(room, as: .room) { clinic.reject(one, "room", "is not known") }
            if let device = value.device, !isKnown(device, as: .device) { clinic.reject(one, "device", "is not known") }
            if Set(value.patients).count != value.patients.count { clinic.reject(one, "patients", "names somebody twice") }
            if try !value.patients.allSatisfy({ try isKnownPatient($0.of()) }) {
                clinic.reject(one, "patients", "names somebody who is not known")
            }
            claims.append(try claims(of: one))
        }
    }

    private func isKnownPatient(_ id: ID<Patient>) throws -> Bool {
        if clinic.named[.patient]?.contains(id.of()) ?? false { return true }
        return try transaction.first(PatientExists(id: id)) == true
    }

    // MARK: Double bookings

    /// A lane of everything the appointment takes. Where somebody else has the last one, that is a problem.
    private mutating func claims(of one: ImportedClinic.Placed<ImportedAppointment>) throws -> [Claim] {
        let value = one.value
        guard value.state.holdsItsTime, let visitType = visitTypes[value.visitType] else { return [] }
        let occupied = visitType.occupied(at: value.start)
        var wanted = [(value.practitioner, occupied, "practitioner")]
        if let room = value.room { wanted.append((room, occupied, "room")) }
        if let device = value.device { wanted.append((device, occupied, "device")) }
        wanted += Set(value.patients).sorted().map { ($0.of(), visitType.visit(at: value.start), "patients") }
        var claims: [Claim] = []
        for (holder, range, field) in wanted {
            let lanes = Set(try others(of: holder, in: range).map(\.lane))
            if let lane = (0..<(resources[holder]?.lanes ?? 1)).first(where: { !lanes.contains($0) }) {
                claims.append(Claim(appointment: value.id, holder: holder, lane: lane, range: range))
            } else {
                clinic.reject(one, field, "has another appointment at this time, in this file or in the database")
            }
        }
        for claim in claims { taken[claim.holder, default: []].append(claim) }
        return claims
    }

    private func others(of holder: ID<Resource>, in range: TimeRange) throws -> [Claim] {
        let stored = try transaction.fetch(LiveClaims(holder: holder, range: range))
        return stored + (taken[holder] ?? []).filter { $0.range.overlaps(range) }
    }
}

extension Resource.Kind {
    fileprivate var importKind: ImportKind {
        switch self {
        case .practitioner: .practitioner
        case .room: .room
        case .device: .device
        }
    }
}
