public import Notation
public import People
public import Scheduling
import Storage

/// Which free times are wanted: of one practitioner, or the first of all who may do the visit.
public struct TimeSearch: Sendable {
    public var visitType: ID<VisitType>
    public var practitioner: ID<Resource>?
    public var location: ID<Location>?
    public var range: TimeRange
    public var after: Cursor?
    public var limit: Int

    public init(
        visitType: ID<VisitType>, practitioner: ID<Resource>? = nil, location: ID<Location>? = nil, range: TimeRange,
        after: Cursor? = nil, limit: Int = PageRequest.usual
    ) {
        self.visitType = visitType
        self.practitioner = practitioner
        self.location = location
        self.range = range
        self.after = after
        self.limit = limit
    }
}

extension Clinic {
    /// Free times in order of their start, then of the practitioner. Answered from the index, without the database (MA-3).
    public func freeTimes(_ search: TimeSearch, for caller: Caller) throws -> Page<FreeTime> {
        guard caller.may(.searchTimes) else { throw Refusal.notPermitted }
        guard let directory = directory.snapshot else { throw StorageFault.closed }
        guard let visitType = directory.visitTypes[search.visitType], visitType.active else { throw Refusal.visitTypeUnknown }
        if let practitioner = search.practitioner {
            guard let resource = directory.resources[practitioner], resource.kind == .practitioner else {
                throw Refusal.practitionerUnknown
            }
            guard visitType.suits(resource) else { throw Refusal.practitionerUnsuitable }
        }
        if let location = search.location, directory.locations[location] == nil { throw Refusal.locationUnknown }
        let now = surroundings.clock.now
        let question = { (index: AvailabilityIndex) in index.search(search, visitType, now: now) }
        let found = search.practitioner == nil ? availability.askAside(question) : availability.ask(question)
        guard let found else { throw StorageFault.closed }
        return PageRequest(limit: search.limit).page(found) { Cursor(at: $0.start, id: $0.practitioner.of()) }
    }

    /// Why a time cannot be had, every reason in order of precedence; empty when it can. For staff only, and decided on
    /// the database, not on the index.
    ///
    /// Whether a patient has another appointment at that time is something about the patient, and recorded.
    public func objections(to wish: Wish, for call: Call) async throws -> [Refusal] {
        let act = Act.explainTimes(practitioner: wish.practitioner.of())
        guard let patient = wish.patients.first else {
            guard call.caller.decide(act, for: call.purpose).isPermitted else { throw Refusal.notPermitted }
            return try await database.read { [self] in try objections(to: wish, $0) }
        }
        return try await disclose("read.calendar", patient, to: call) { [self] look in
            look.trail.concerns(wish.patients.map { $0.of() })
            try look.require(act)
            return try objections(to: wish, look.looking)
        }
    }

    private func objections(to wish: Wish, _ transaction: any ReadTransaction) throws -> [Refusal] {
        let directory = try directory.current(transaction)
        let calendar = TransactionCalendar(transaction: transaction)
        var found = Set(try directory.objections(to: wish, in: calendar, now: surroundings.clock.now))
        // Without a patient the question is only about the time.
        if wish.patients.isEmpty { found.remove(.patientUnknown) }
        for patient in wish.patients where try transaction.first(PatientExists(id: patient.of())) == nil {
            found.insert(.patientUnknown)
        }
        return Refusal.allCases.filter(found.contains)
    }
}

extension AvailabilityIndex {
    /// Asks for one more than wanted, to know whether there is a next page.
    fileprivate func search(_ search: TimeSearch, _ visitType: VisitType, now: Instant) -> [FreeTime] {
        if let practitioner = search.practitioner {
            return freeStarts(
                visitType: visitType.id, practitioner: practitioner, in: search.range, now: now, after: search.after?.at,
                limit: search.limit + 1)
        }
        return firstFree(
            visitType: visitType.id, practitioners: nil, location: search.location, in: search.range, now: now,
            after: search.after.map { FreeTimeCursor(start: $0.at, practitioner: $0.id.of()) }, limit: search.limit + 1)
    }
}
