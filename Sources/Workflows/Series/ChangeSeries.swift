public import Notation
import People
public import Scheduling
import Storage

extension Clinic {
    /// Cancels one visit of a series, it and those that follow, or all that are ahead: all of these or none.
    public func cancelSeries(
        _ target: SeriesTarget, reason: Cancellation.Reason, note: Personal<String>? = nil, call: Call,
        wording: Wording<SeriesWithVisits>
    ) async throws -> Reply<SeriesWithVisits> {
        try await change(target, call, wording) { story, visits in
            for visit in visits {
                let cancelled = try visit.cancelled(
                    by: call.caller.principal, at: story.now, reason: reason, policy: story.policy(of: visit),
                    byStaff: call.caller.isStaff)
                try story.end(cancelled, was: visit, kind: .cancelled, note: note)
            }
        }
    }

    /// Moves one visit of a series, it and those that follow, or all that are ahead, by as much on the wall clock as the first of them
    /// moves to `start`: all of these or none. None is in another's way, and none is left without a time.
    public func rescheduleSeries(
        _ target: SeriesTarget, to start: Instant, call: Call, wording: Wording<SeriesWithVisits>
    ) async throws -> Reply<SeriesWithVisits> {
        try await change(target, call, wording, takingTime: true) { story, visits in
            try story.move(visits, firstTo: start)
        }
    }

    private func change(
        _ target: SeriesTarget, _ call: Call, _ wording: Wording<SeriesWithVisits>, takingTime: Bool = false,
        _ body: @escaping @Sendable (Story, [Appointment]) throws -> Void
    ) async throws -> Reply<SeriesWithVisits> {
        try await perform(call, wording: wording) { story in
            let found = try story.seriesToChange(target)
            for visit in found.visits where takingTime {
                try story.requireTime(
                    with: visit.practitioner, for: visit.patients.map { $0.of() }, isOverride: false)
            }
            return found
        } act: { story, found in
            if let expected = target.expectedVersion, expected != found.series.version { throw Refusal.changedMeanwhile }
            guard !found.visits.isEmpty else { throw Refusal.transitionNotAllowed }
            try body(story, found.visits)
            let version = found.series.version + 1
            guard try story.transaction.run(AdvanceSeries(series: found.series.id, version: version)) == 1 else {
                throw Refusal.changedMeanwhile
            }
            return try story.seriesNow(target.id)
        }
    }
}

extension Story {
    /// A series and those of its visits that are to be changed, each held, when the caller may change every one of them. Somebody who may
    /// not even see them hears that there is none.
    fileprivate func seriesToChange(_ target: SeriesTarget) throws -> SeriesWithVisits {
        trail.isAbout(target.id)
        guard let series = try transaction.first(SeriesToChange(id: target.id)) else { throw Refusal.recordUnknown }
        let patients = series.patients.map { $0.of(Patient.self) }
        let place = directory.resources[series.practitioner]?.location
        guard try permits(series.seeing, patients: patients, at: place) else { throw Refusal.recordUnknown }
        var ids = try transaction.fetch(VisitsOfSeries(series: target.id))
        if target.scope != .all {
            guard let place = ids.firstIndex(where: { $0 == target.appointment }) else { throw Refusal.appointmentUnknown }
            ids = target.scope == .this ? [ids[place]] : Array(ids[place...])
        }
        // In one order, whatever was moved: who holds one waits for nobody that waits for it.
        var held: [ID<Appointment>: Appointment] = [:]
        for id in ids.sorted() { held[id] = try permitted(id) { .changeAppointment(patients: $0, practitioner: $1) } }
        let ahead = ids.compactMap { held[$0] }.filter { visit in
            (visit.state == .booked || visit.state == .pending) && (target.scope == .this || visit.visit.from > now)
        }
        if let first = patients.first { trail.isAbout(first, patients) }
        return SeriesWithVisits(series: series, visits: ahead)
    }

    fileprivate func seriesNow(_ id: ID<AppointmentSeries>) throws -> SeriesWithVisits {
        guard let series = try transaction.first(SeriesByID(id: id)) else { throw Refusal.recordUnknown }
        let visits = try transaction.fetch(VisitsOfSeries(series: id)).compactMap {
            try transaction.first(AppointmentByID(id: $0)).map { try opened($0) }
        }
        return SeriesWithVisits(series: series, visits: visits)
    }

    /// Gives up all their times first and takes the new ones then, so that one may come to where another was.
    fileprivate func move(_ visits: [Appointment], firstTo start: Instant) throws {
        guard let first = visits.first else { return }
        let clock = directory.wallClock(at: first.location)
        let shift = WallShift(from: first.visit.from, to: start, in: clock)
        for visit in visits {
            try visit.mayMove(at: now, policy: policy(of: visit), byStaff: call.caller.isStaff)
            try mustNotBeAsked(visit.id)
            try giveUp(visit)
        }
        // Days are counted by what is written: who moves on makes room for who comes after.
        let isLater = shift.seconds > 0
        for visit in isLater ? visits.reversed() : visits {
            try move(visit, to: shift.moving(visit.visit.from, in: clock))
        }
    }

    private func giveUp(_ visit: Appointment) throws {
        try releaseClaims(of: visit)
        try cancelFollowUps(of: visit)
    }

    private func move(_ visit: Appointment, to start: Instant) throws {
        try mustBookHere(visit.patients)
        try mustBeOurs(visit.id)
        if directory.replacement.asks { throw Refusal.bookedElsewhere }
        let wish = Wish(
            visitType: visit.visitType, practitioner: visit.practitioner, start: start, patients: visit.patients)
        let placement = try directory.place(
            wish, in: calendar, now: now, moving: visit.id)
        var moved = try visit.moved(to: placement, at: now, policy: policy(of: visit), byStaff: call.caller.isStaff)
        try update(moved)
        try claim(placement, for: moved)
        for patient in moved.patients where moved.visit.from != visit.visit.from {
            try transaction.run(
                MoveAppointmentPatient(
                    patient: patient, from: visit.visit.from, appointment: moved.id, to: moved.visit.from))
        }
        if moved.visit != visit.visit { try free(visit) }
        try scheduleFollowUps(of: moved)
        // One of them may have been given to somebody whose calendar is another's.
        moved.external = try carryMoveElsewhere(moved, from: visit)
        try tell(.rescheduled, of: moved, from: visit.state, before: visit)
    }
}
