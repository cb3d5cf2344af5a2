public import Notation
public import People
import Scheduling
import Storage

extension Clinic {
    /// A patient's own record, for the patient and for those who care for them. Who may not see it hears that there is none.
    public func patient(_ id: ID<Patient>, for call: Call) async throws -> Patient {
        let sealed = try await disclose("read.patient", id, to: call) { look in
            look.trail.concerns([id])
            // Looked at first, so that it takes as long whether there is one or not.
            let patient = try look.looking.first(PatientByID(id: id))
            guard try look.permits(.readPatient(id), patients: [id]), let patient else { throw Refusal.patientUnknown }
            return patient
        }
        return try await opened(sealed)
    }

    /// The patients staff look for by something that is nearly theirs alone, in the order of their identifiers. Several may share a
    /// telephone.
    public func patients(_ clue: PatientClue, page: PageRequest, for call: Call) async throws -> Page<Patient> {
        let digest = try await withKeys { PatientIndexes.digest(of: clue.value, clue.kind, try keys.ring()) }
        let sealed = try await disclose("read.patients", AuditSubject.everybody, to: call) { look in
            // By what somebody was looked for, never the value itself.
            look.trail.query = "by=\(clue.kind.rawValue)&limit=\(page.limit)"
            // A closed record is found by those only who answer for it.
            let (closed, open) = (try look.permits(.keepClosedRecords), try look.permits(.changePatients))
            if !closed, !open { throw Refusal.notPermitted }
            let rows = PatientPage(
                digest: digest, after: (page.after ?? .start).id.of(), limit: page.limit + 1, closed: closed, open: open)
            let found =
                switch clue.kind {
                case .email: try look.looking.fetch(PatientsByEmail(page: rows))
                case .phone: try look.looking.fetch(PatientsByPhone(page: rows))
                case .recordNumber: try look.looking.fetch(PatientsByRecordNumber(page: rows))
                }
            let answer = page.page(found.map(\.kept)) { Cursor(at: Instant(microseconds: 0), id: $0.id.of()) }
            look.trail.concerns(answer.elements.map(\.id))
            return answer
        }
        return try await opened(sealed)
    }

    /// Writes a new patient (version 1) or the next version of one.
    public func store(_ patient: Patient, call: Call, wording: Wording<Patient>) async throws -> Reply<Patient> {
        try await perform(call, wording: wording) { story in
            story.trail.isAbout(patient.id, [patient.id])
            try story.require(.changePatients)
        } act: { story, _ in
            let keys = try story.keys
            let known = try story.transaction.first(PatientByID(id: patient.id)).map { try keys.open($0) }
            if let known, patient.version == 1 {
                if known == patient {
                    try story.recordRepeat()
                    return known
                }
                throw Refusal.identifierAlreadyUsed
            }
            if known == nil && patient.version != 1 { throw Refusal.recordUnknown }
            if known != nil, try story.transaction.first(PatientExists(id: patient.id)) == false { throw Refusal.patientClosed }
            if try story.transaction.run(StorePatient(patient, keys)) == 0 { throw Refusal.changedMeanwhile }
            try story.auditChange(of: patient.id.of(), "patient.stored")
            return patient
        }
    }
}
