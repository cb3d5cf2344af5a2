public import Notation
public import People
import Scheduling
import Storage

extension Clinic {
    /// A patient's own record, for the patient and for staff.
    public func patient(_ id: ID<Patient>, for caller: Caller) async throws -> Patient {
        guard caller.may(.readPatient(id)) else { throw Refusal.patientUnknown }
        guard let patient = try await database.read({ try $0.first(PatientByID(id: id)) }) else { throw Refusal.patientUnknown }
        return try await opened(patient)
    }

    /// Writes a new patient (version 1) or the next version of one.
    public func store(_ patient: Patient, call: Call, wording: Wording<Patient>) async throws -> Reply<Patient> {
        try await perform(call, wording: wording) { story in
            try story.require(.changePatients)
        } act: { story, _ in
            let keys = try story.keys
            let known = try story.transaction.first(PatientByID(id: patient.id)).map { try keys.open($0) }
            if let known, patient.version == 1 {
                if known == patient { return known }
                throw Refusal.identifierAlreadyUsed
            }
            if known == nil && patient.version != 1 { throw Refusal.recordUnknown }
            if try story.transaction.run(StorePatient(patient, keys)) == 0 { throw Refusal.changedMeanwhile }
            try story.auditChange(of: patient.id.of(), "patient.stored")
            return patient
        }
    }
}
