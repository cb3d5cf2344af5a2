public import Notation

/// What a caller wants to do. Everything not allowed below is refused.
public enum Act: Sendable, Hashable {
    case searchTimes
    case explainTimes(practitioner: ID<Caller>?)
    case readDirectory
    case changeDirectory
    case changeHours(of: ID<Caller>)
    /// Why somebody is away is nobody's business but the clinic's.
    case readAbsences
    case readPatient(ID<Patient>)
    case changePatients
    case book(patients: [ID<Patient>], practitioner: ID<Caller>)
    case seeAppointment(patients: [ID<Patient>], practitioner: ID<Caller>)
    case changeAppointment(patients: [ID<Patient>], practitioner: ID<Caller>)
    case runTheDay(practitioner: ID<Caller>)
    case overrideConflict(practitioner: ID<Caller>)
    case correctMistake
    case listOfPatient(ID<Patient>)
    case listOfPractitioner(ID<Caller>)
    case listOfDay
    case readMailbox(ID<Caller>)
    case readWholeMailbox
    case readAudit(practitioner: ID<Caller>)
    case replayDeadLetters
}

extension Caller {
    /// The one table of permissions: deny unless a line allows.
    public func may(_ act: Act) -> Bool {
        switch (role, act) {
        case (_, .searchTimes), (_, .readDirectory): true

        // A patient who shares an appointment sees it, but speaks only for themself.
        case (.patient, .seeAppointment(let patients, _)): patients.contains { isPatient($0) }
        case (.patient, .book(let patients, _)), (.patient, .changeAppointment(let patients, _)):
            !patients.isEmpty && patients.allSatisfy { isPatient($0) }
        case (.patient, .readPatient(let patient)), (.patient, .listOfPatient(let patient)): isPatient(patient)
        case (.patient, .readMailbox(let owner)): owner == subject
        case (.patient, _): false

        case (.practitioner, .explainTimes(let practitioner)): practitioner == nil || practitioner == subject
        case (.practitioner, .changeHours(let practitioner)), (.practitioner, .book(_, let practitioner)),
            (.practitioner, .seeAppointment(_, let practitioner)), (.practitioner, .changeAppointment(_, let practitioner)),
            (.practitioner, .runTheDay(let practitioner)), (.practitioner, .overrideConflict(let practitioner)),
            (.practitioner, .listOfPractitioner(let practitioner)), (.practitioner, .readAudit(let practitioner)):
            practitioner == subject
        case (.practitioner, .readPatient), (.practitioner, .readAbsences): true
        case (.practitioner, .readMailbox(let owner)): owner == subject
        case (.practitioner, _): false

        case (.desk, .changeDirectory), (.desk, .replayDeadLetters): false
        case (.desk, _): true

        // An admin looks after the clinic's set-up; only those who answer for a calendar override it.
        case (.admin, .overrideConflict): false
        case (.admin, _): true
        }
    }
}
