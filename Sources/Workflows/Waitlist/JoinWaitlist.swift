import Notation
import People
import Scheduling
import Storage

extension Clinic {
    /// Puts a patient on the waitlist: they say which times they would take, and whether they want to be asked. Once for each kind of
    /// visit; the desk does it for them. Only staff say that something is urgent.
    public func joinWaitlist(
        _ request: WaitlistRequest, call: Call, wording: Wording<WaitlistPlace>
    ) async throws -> Reply<WaitlistPlace> {
        try await perform(call, wording: wording) { story in
            story.trail.isAbout(request.patient, [request.patient])
            try story.require(.joinWaitlist(request.patient))
            if request.urgency != .routine { try story.require(.keepWaitlist) }
        } act: { story, _ in
            try story.checkWaiting(request)
            let place = WaitlistPlace(
                entry: request.entry(story.newID(), since: story.now), state: .waiting, askedBy: call.caller.principal, version: 1
            )
            try story.transaction.run(InsertWaitlistPlace(place: place))
            try story.auditChange(of: place.patient.of(), "waitlist.joined")
            return place
        }
    }

    /// Says that a patient waits still: offers they let pass count no more. A repeat gives what there is.
    public func renewWaiting(
        _ target: WaitlistTarget, call: Call, wording: Wording<WaitlistPlace>
    ) async throws -> Reply<WaitlistPlace> {
        try await perform(call, wording: wording) { story in
            try story.waiting(target.id)
        } act: { story, place in
            try place.matches(target)
            guard place.state == .waiting else { throw Refusal.transitionNotAllowed }
            var next = place
            next.entry.missedOffers = 0
            return try story.replace(next, "waitlist.renewed")
        }
    }

    /// Takes a patient off the waitlist. What they are just being offered goes to the next.
    public func leaveWaitlist(
        _ target: WaitlistTarget, call: Call, wording: Wording<WaitlistPlace>
    ) async throws -> Reply<WaitlistPlace> {
        try await perform(call, wording: wording) { story in
            try story.waiting(target.id)
        } act: { story, place in
            try place.matches(target)
            guard place.state == .waiting else { throw Refusal.transitionNotAllowed }
            return try story.withdraw(place)
        }
    }
}

extension Story {
    fileprivate func checkWaiting(_ request: WaitlistRequest) throws {
        // Held, so that whoever closes the record comes before this or after it.
        guard let record = try transaction.first(RecordStateToChange(id: request.patient)), record.erasedAt == nil else {
            throw Refusal.patientUnknown
        }
        if record.closedAt != nil { throw Refusal.patientClosed }
        guard let visitType = directory.visitTypes[request.visitType], visitType.active else { throw Refusal.visitTypeUnknown }
        for id in request.practitioners.sorted() {
            guard let one = directory.resources[id], one.kind == .practitioner else { throw Refusal.practitionerUnknown }
            if !visitType.suits(one) { throw Refusal.practitionerUnsuitable }
        }
        if let specialty = request.specialty {
            let suited = directory.resources.values.contains {
                $0.kind == .practitioner && $0.specialty == specialty && visitType.suits($0)
            }
            if !suited { throw Refusal.practitionerUnsuitable }
        }
        for id in request.locations where directory.locations[id] == nil { throw Refusal.locationUnknown }
        if try transaction.first(WaitingForVisit(patient: request.patient, visitType: request.visitType)) != nil {
            throw Refusal.alreadyWaiting
        }
    }

    /// A place the caller may change. To others there is none.
    func waiting(_ id: ID<WaitlistEntry>) throws -> WaitlistPlace {
        guard let known = try transaction.first(WaitlistPlaceByID(id: id)) else {
            trail.isAbout(id)
            throw Refusal.recordUnknown
        }
        trail.isAbout(known.patient, [known.patient])
        guard try permits(.joinWaitlist(known.patient)) else { throw Refusal.recordUnknown }
        return known
    }

    /// The patient waits no more. A time that is held for them is given back first: whoever answers an offer takes the appointment before
    /// the place, and so does this.
    func withdraw(_ place: WaitlistPlace) throws -> WaitlistPlace {
        if let offer = place.offer, let hold = try transaction.first(OfferByID(id: offer))?.recipient?.appointment,
            let appointment = try transaction.first(AppointmentToChange(id: hold)).map({ try opened($0) }),
            appointment.state == .pending
        {
            let cancelled = try appointment.cancelled(
                by: call.caller.principal, at: now, reason: call.caller.isStaff ? .desk : .patient,
                policy: policy(of: appointment), byStaff: call.caller.isStaff)
            try end(cancelled, was: appointment, kind: .cancelled)
        }
        guard var next = try transaction.first(WaitlistPlaceToChange(id: place.id)), next.state == .waiting else {
            throw Refusal.changedMeanwhile
        }
        next.state = .withdrawn
        next.endedAt = now
        answerSubject = next.patient.of()
        return try replace(next, "waitlist.withdrawn")
    }

    /// Takes a patient off the list wherever they wait.
    func withdrawEverywhere(_ patient: ID<Patient>) throws {
        for id in try transaction.fetch(WaitingPlaces(patient: patient)) {
            if let place = try transaction.first(WaitlistPlaceByID(id: id)), place.state == .waiting { _ = try withdraw(place) }
        }
    }

    /// Writes the next version.
    func replace(_ place: WaitlistPlace, _ act: String) throws -> WaitlistPlace {
        var next = place
        next.version += 1
        guard try transaction.run(UpdateWaitlistPlace(place: next)) == 1 else { throw Refusal.changedMeanwhile }
        trail.concerns([next.patient])
        try auditChange(of: next.patient.of(), act)
        return next
    }
}

extension WaitlistPlace {
    func matches(_ target: WaitlistTarget) throws(Refusal) {
        if let expected = target.expectedVersion, expected != version { throw .changedMeanwhile }
    }
}
