public import Notation
public import People
import Scheduling
import Storage

extension Clinic {
    /// Asks that a field of a patient's record say something else. The patient may, and whoever does it on their behalf; one request for
    /// each field is open at a time. Refuses what does not say what the record says, and names the field.
    public func askCorrection(
        _ request: CorrectionRequest, of id: ID<Patient>, call: Call, wording: Wording<Correction>
    ) async throws -> Reply<Correction> {
        try await perform(call, wording: wording) { story in
            story.trail.isAbout(id, [id])
            try story.require(.askCorrection(id))
            // Held, so that the record says until the end of this what it says now, and two who ask at once come one after the other.
            guard let patient = try story.transaction.first(PatientToChange(id: id)) else { throw Refusal.recordUnknown }
            return patient
        } act: { story, sealed in
            try story.keys.open(sealed).mustSay(request.says, in: request.field)
            if try story.transaction.first(OpenCorrection(patient: id, field: request.field)) != nil {
                throw Refusal.correctionOpen
            }
            let correction = Correction(
                id: story.newID(), patient: id, field: request.field, says: request.says, shouldSay: request.shouldSay,
                statement: request.statement, state: .open, askedBy: call.caller.principal, askedAt: story.now,
                dueAt: story.now + Correction.decidedWithin, version: 1)
            try story.transaction.run(InsertCorrection(correction: try story.keys.seal(correction)))
            try story.auditChange(of: id.of(), "correction.asked")
            return correction
        }
    }

    /// Says why the patient does not agree with a denial. Once; it goes with the record from then on (45 CFR 164.526(d)(2)).
    public func disagree(
        with target: CorrectionTarget, _ statement: Personal<String>, call: Call, wording: Wording<Correction>
    ) async throws -> Reply<Correction> {
        try await perform(call, wording: wording) { story in
            guard let correction = try story.correction(target.id), try story.permits(.askCorrection(correction.patient)) else {
                throw Refusal.recordUnknown
            }
            return correction
        } act: { story, correction in
            try correction.matches(target)
            guard correction.state == .denied, correction.disagreement == nil else { throw Refusal.transitionNotAllowed }
            var next = correction
            next.disagreement = Correction.Disagreement(statement: statement, at: story.now)
            return try story.replace(next, "correction.disagreed")
        }
    }
}

extension Story {
    /// A correction that is going to be changed. Its patient's record is held, and so is whatever becomes of it: of two who decide, the
    /// second sees what the first has decided.
    func correction(_ id: ID<Correction>) throws -> Correction? {
        let known = try transaction.first(CorrectionByID(id: id))?.kept.patient
        trail.isAbout(known ?? id.of(), known.map { [$0] } ?? [])
        guard let known, try transaction.first(PatientToChange(id: known)) != nil,
            let correction = try transaction.first(CorrectionByID(id: id))
        else { return nil }
        return try keys.open(correction)
    }

    /// Writes the next version.
    func replace(_ correction: Correction, _ act: String) throws -> Correction {
        var next = correction
        next.version += 1
        guard try transaction.run(UpdateCorrection(correction: try keys.seal(next))) == 1 else { throw Refusal.changedMeanwhile }
        try auditChange(of: next.patient.of(), act)
        return next
    }
}

extension Correction {
    func matches(_ target: CorrectionTarget) throws(Refusal) {
        if let expected = target.expectedVersion, expected != version { throw .changedMeanwhile }
    }
}
