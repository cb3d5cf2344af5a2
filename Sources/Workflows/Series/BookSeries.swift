import Notation
import People
import Scheduling
import Storage

extension Clinic {
    /// Books every visit of a series, or none: each is decided in one transaction with the others, by the same rules as a single booking,
    /// and each has its event, its audit and its reminder. Refuses with the first objection to any of them, or `.seriesEmpty`,
    /// `.seriesTooLong`.
    public func bookSeries(
        _ request: SeriesRequest, call: Call, wording: Wording<SeriesWithVisits>
    ) async throws -> Reply<SeriesWithVisits> {
        try await perform(call, wording: wording) { story in
            let patients = request.patients.map { $0.of(Patient.self) }
            if let first = patients.first { story.trail.isAbout(first, patients) }
            try story.requireTime(with: request.practitioner, for: patients, isOverride: false)
        } act: { story, _ in
            try story.book(request)
        }
    }
}

extension Story {
    fileprivate func book(_ request: SeriesRequest) throws -> SeriesWithVisits {
        try requireOpen(request.patients)
        if directory.visitTypes[request.visitType]?.price != nil, !call.caller.isStaff { throw Refusal.paymentNeeded }
        let (name, zone) = try request.clock(in: directory)
        let starts = try request.plan.starts(in: zone)
        let series = AppointmentSeries(
            id: newID(), visitType: request.visitType, practitioner: request.practitioner, patients: request.patients,
            rule: request.plan.rule.description, start: request.plan.start, zone: name,
            exceptions: request.plan.exceptions.sorted(), createdBy: call.caller.principal, createdAt: now, version: 1)
        try transaction.run(InsertSeries(series: series))
        var visits: [Appointment] = []
        for (index, start) in starts.enumerated() {
            let visit = try book(request.wish(at: start, limits: patientLimits))
            try transaction.run(InsertSeriesVisit(series: series.id, number: index + 1, appointment: visit.id))
            visits.append(visit)
        }
        return SeriesWithVisits(series: series, visits: visits)
    }

    private func requireOpen(_ patients: [ID<Participant>]) throws {
        for patient in patients {
            guard let isOpen = try transaction.first(PatientExists(id: patient.of())) else { throw Refusal.patientUnknown }
            if !isOpen { throw Refusal.patientClosed }
        }
    }

    /// One visit, as a single booking has it. What is written is seen by the next one, so no two of a series overlap.
    private func book(_ wish: Wish) throws -> Appointment {
        try mustBookHere(wish.patients)
        if directory.replacement.asks { throw Refusal.bookedElsewhere }
        let placement = try directory.place(wish, in: calendar, now: now)
        // Who else has to agree may agree to some and not to others.
        if provider(of: placement.practitioner) != nil { throw Refusal.practitionerUnsuitable }
        let visit = Appointment(
            id: newID(), state: .booked, visitType: wish.visitType, practitioner: placement.practitioner, room: placement.room,
            device: placement.device, patients: wish.patients, location: placement.location, visit: placement.visit,
            createdAt: now, updatedAt: now)
        try store(visit, placement, content: [])
        try tell(.booked, of: visit, from: nil)
        try scheduleFollowUps(of: visit)
        return visit
    }
}
