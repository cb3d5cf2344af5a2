import Notation
import People
import Scheduling
import Storage

// Who holds times and lets them go, one after the other, keeps them from others without ever coming: programs that grab do it all day.

extension Story {
    /// What the caller's own patients may have at once; nil for staff, who decide for themselves.
    var patientLimits: PatientLimits? { call.caller.isStaff ? nil : clinic.settings.patientLimits }

    /// Remembers a hold that somebody made for themselves, until it is confirmed.
    func rememberHold(_ appointment: Appointment) throws {
        guard appointment.state == .pending, patientLimits?.lapses != nil else { return }
        try transaction.post(InsertPatientHold(appointment: appointment.id, patient: call.caller.subject.of()))
    }

    /// A hold ends without a booking. The one that makes it too many is audited and counted, once: while there are too many, no more
    /// can be made.
    func noteLapse(of hold: Appointment) throws {
        guard hold.state == .pending, let limits = clinic.settings.patientLimits, let maximum = limits.lapses else { return }
        for patient in hold.patients.sorted() { _ = try transaction.first(HoldPatient(patient: patient)) }
        guard let patient = try transaction.first(LapseHold(appointment: hold.id, now: now)),
            try transaction.first(LapsedHolds(patient: patient, since: now - limits.lapseWindow)) == maximum
        else { return }
        try record(
            AuditEntry(
                id: newID(), subject: patient.of(), at: now, by: call.caller.principal, act: "patient.holds-suspended",
                fromState: nil, toState: nil, reason: nil, overridden: [], requestID: call.requestID,
                circumstances: circumstances()))
        let clinic = clinic
        transaction.afterCommit { clinic.noteGrabbing() }
    }
}

extension Clinic {
    /// Forgets holds that came to nothing so long ago that nobody counts them. Returns how many.
    @discardableResult
    public func forgetOldHolds(limit: Int = 1_000) async throws -> Int {
        guard let window = settings.patientLimits?.lapseWindow else { return 0 }
        return try await database.write { [self] transaction in
            try transaction.run(ForgetOldHolds(before: surroundings.clock.now - window, limit: limit))
        }
    }
}
