public import Notation
import People
import Scheduling
import Storage

extension Clinic {
    /// Makes the record say what it should, in this transaction, and tells the patient. Refuses, naming the field, when the record says by
    /// now something else than when it was asked.
    public func acceptCorrection(
        _ target: CorrectionTarget, call: Call, wording: Wording<Correction>
    ) async throws -> Reply<Correction> {
        try await decide(target, call, wording) { story, correction in
            guard let sealed = try story.transaction.first(PatientToChange(id: correction.patient)) else {
                throw Refusal.recordUnknown
            }
            var patient = try story.keys.open(sealed)
            try patient.mustSay(correction.says, in: correction.field)
            patient[correction.field] = correction.shouldSay
            patient.version += 1
            guard try story.transaction.run(StorePatient(patient, try story.keys)) == 1 else { throw Refusal.changedMeanwhile }
            var next = correction
            next.state = .accepted
            next.decision = Correction.Decision(by: call.caller.principal, at: story.now, basis: nil, reason: nil)
            return try story.told(next, "correction.accepted")
        }
    }

    /// Leaves the record as it is, on one of the grounds the law knows, and tells the patient.
    public func denyCorrection(
        _ target: CorrectionTarget, on basis: Correction.Basis, reason: Personal<String>, call: Call, wording: Wording<Correction>
    ) async throws -> Reply<Correction> {
        try await decide(target, call, wording) { story, correction in
            var next = correction
            next.state = .denied
            next.decision = Correction.Decision(by: call.caller.principal, at: story.now, basis: basis, reason: reason)
            return try story.told(next, "correction.denied")
        }
    }

    /// Puts the decision off by thirty days, once, and tells the patient why.
    public func extendCorrection(
        _ target: CorrectionTarget, reason: Personal<String>, call: Call, wording: Wording<Correction>
    ) async throws -> Reply<Correction> {
        try await decide(target, call, wording) { story, correction in
            guard correction.extensionReason == nil else { throw Refusal.transitionNotAllowed }
            var next = correction
            next.extensionReason = reason
            next.dueAt = correction.dueAt + Correction.extendedBy
            return try story.told(next, "correction.extended")
        }
    }

    private func decide(
        _ target: CorrectionTarget, _ call: Call, _ wording: Wording<Correction>,
        _ body: @escaping @Sendable (Story, Correction) throws -> Correction
    ) async throws -> Reply<Correction> {
        try await perform(call, wording: wording) { story in
            let correction = try story.correction(target.id)
            try story.require(.decideCorrections)
            guard let correction else { throw Refusal.recordUnknown }
            return correction
        } act: { story, correction in
            try correction.matches(target)
            guard correction.state == .open else { throw Refusal.transitionNotAllowed }
            return try body(story, correction)
        }
    }
}

extension Story {
    /// Writes the next version, and a notice for the patient.
    fileprivate func told(_ correction: Correction, _ act: String) throws -> Correction {
        let next = try replace(correction, act)
        var payload = JSONWriter(reserving: 128)
        payload.object { json in
            json.member("correction", next.id)
            json.member("state", next.state.rawValue)
            json.member("dueAt", next.state == .open ? next.dueAt : nil)
        }
        try clinic.tell(
            next.patient.of(), .patient, .correction, nil, payload: String(decoding: payload.bytes, as: UTF8.self),
            in: transaction)
        return next
    }
}
