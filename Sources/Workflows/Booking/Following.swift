import Notation
import Outbox
import People
import Scheduling
import Storage

// What follows from a change of an appointment, written in the same transaction: claims, event, audit, outbox.

extension Story {
    /// Takes everything a placement needs. The schema has the last word on each.
    func claim(_ placement: Placement, for appointment: Appointment) throws {
        for claim in placement.claims(for: appointment.id) {
            try transaction.post(InsertClaim(claim: claim), orElse: directory.refusal(whenTaken: claim.holder))
            if directory.resources[claim.holder] != nil { hint(.claimed(claim)) }
        }
        hint(.starts(appointment))
    }

    /// Gives up everything an appointment has.
    func releaseClaims(of appointment: Appointment) throws {
        for claim in try transaction.fetch(ClaimsOfAppointment(appointment: appointment.id))
        where directory.resources[claim.holder] != nil {
            hint(.released(claim))
        }
        try transaction.run(DeleteClaims(appointment: appointment.id))
        hint(.noLongerStarts(appointment))
    }

    /// Replaces the stored version; somebody who was faster makes it fail.
    func update(_ appointment: Appointment) throws {
        guard try transaction.run(UpdateAppointment(appointment: try sealed(appointment))) == 1 else {
            throw Refusal.changedMeanwhile
        }
    }

    /// Writes event, audit and the outbox message that carries the event out.
    ///
    /// - Parameters:
    ///   - before: what was moved, as it was.
    ///   - isQuiet: whether nobody is told, because somebody else has: the system that is being replaced.
    func tell(
        _ kind: AppointmentEvent.Kind, of appointment: Appointment, from: AppointmentState?, before: Appointment? = nil,
        reason: Personal<String>? = nil, overridden: [Refusal] = [], isQuiet: Bool = false
    ) throws {
        trail.concerns(appointment.patients.map { $0.of() })
        answerSubject = appointment.id.of()
        let id: ID<AppointmentEvent> = newID()
        let event = AppointmentEvent(
            id: clinic.database.isShared ? id : try clinic.events.next(id, in: transaction), kind: kind,
            appointment: appointment.id, at: now, payload: appointment.eventPayload(kind, from: from, before: before))
        told(event.id)
        try transaction.post(InsertEvent(event: event, touched: clinic.database.isShared ? touchedTimes : nil))
        try record(
            AuditEntry(
                id: newID(), subject: appointment.id.of(), at: now, by: call.caller.principal, act: kind.rawValue,
                fromState: from, toState: appointment.state, reason: reason, overridden: overridden.map(\.rawValue),
                requestID: call.requestID, circumstances: circumstances()))
        if !isQuiet { try transaction.post(.event(event, version: appointment.version, now)) }
        if directory.replacement.mirrors {
            try transaction.post(.legacyChange(appointment.id, version: appointment.version, newID(), now))
        }
        if clinic.settings.keepsRecords {
            try transaction.post(.recordsChange(appointment.id, version: appointment.version, newID(), now))
        }
    }

    /// Writes down who did what, and that it waits for its seal.
    func record(_ entry: AuditEntry) throws {
        guard clinic.keepsTrail else { return }
        try transaction.post(record: try sealed(entry))
        try transaction.post(InsertUnsealed(entry: entry))
    }

    /// Writes down that somebody was refused what is about a patient, or asked for what is not there.
    func recordRefusal(_ refusal: Refusal) throws {
        try recordTry("refused.\(call.operation ?? "request")", outcome: trail.outcome(of: refusal))
    }

    /// Writes down that the clinic's rules refused what somebody wanted to do with a patient's data: which rule it was.
    func recordRuling(_ refusal: Refusal) throws {
        try recordTry("refused.\(call.operation ?? "request")", outcome: refusal.rawValue)
    }

    /// Writes down that somebody was told once more what they had been told.
    func recordRepeat() throws {
        try recordTry("repeated.\(call.operation ?? "request")", outcome: AuditEntry.Circumstances.done)
    }

    private func recordTry(_ act: String, outcome: String) throws {
        guard let subject = trail.subject else { return }
        try record(
            AuditEntry(
                id: newID(), subject: subject, at: now, by: call.caller.principal, act: act, fromState: nil, toState: nil,
                reason: nil, overridden: [], requestID: call.requestID, circumstances: circumstances(outcome: outcome)))
    }

    func circumstances(outcome: String = AuditEntry.Circumstances.done) -> AuditEntry.Circumstances {
        trail.circumstances(of: call, outcome: outcome)
    }

    /// Work that falls due later: the end of a hold, or the first reminder of a booking.
    func scheduleFollowUps(of appointment: Appointment) throws {
        if let heldUntil = appointment.heldUntil {
            try transaction.post(.holdExpiry(appointment, heldUntil, newID(), now))
        } else if let reminder = OutboxMessage.firstReminder(appointment, of: clinic.settings.remindersBefore, newID(), now) {
            try transaction.post(reminder)
        }
    }

    /// Takes back what has not happened yet.
    func cancelFollowUps(of appointment: Appointment) throws {
        try transaction.cancelWaiting(subject: appointment.id.of(), topics: [Topic.reminder, Topic.holdExpiry], now: now)
    }
}

extension Appointment {
    /// Identifiers and times, nothing else.
    func eventPayload(_ kind: AppointmentEvent.Kind, from: AppointmentState?, before: Appointment?) -> String {
        var json = JSONWriter(reserving: 320)
        json.object { json in
            json.member("kind", kind.rawValue)
            json.member("appointment", id)
            json.member("practitioner", practitioner)
            json.member("patients", patients)
            json.member("start", visit.from)
            json.member("end", visit.to)
            json.member("version", version)
            if let cancellation { json.member("reason", cancellation.reason.rawValue) }
            // What was only held was nobody's yet.
            if from == .pending, kind == .cancelled || kind == .rescheduled { json.member("wasHeld", true) }
            if from == .pending, external == nil, cancellation?.reason == .patient { json.member("givenBack", true) }
            if let before, before.visit.from != visit.from { json.member("formerStart", before.visit.from) }
            if let before, before.practitioner != practitioner { json.member("formerPractitioner", before.practitioner) }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}

extension Directory {
    /// What it means that the schema refused a claim of this holder.
    func refusal(whenTaken holder: ID<Resource>) -> Refusal {
        switch resources[holder]?.kind {
        case .practitioner: .practitionerTaken
        case .room: .roomTaken
        case .device: .deviceTaken
        case nil: .patientTaken
        }
    }
}
