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
    /// Everything the clinic has about a patient, as one document: theirs by law (45 CFR 164.524, GDPR Article 15).
    case exportRecord(ID<Patient>)
    /// To ask that a record be corrected, to read what came of it, and to disagree (45 CFR 164.526, GDPR Article 16).
    case askCorrection(ID<Patient>)
    case decideCorrections
    /// To say how a patient is reached, and to see what became of what they were told.
    case keepPreferences(ID<Patient>)
    /// To say where a practitioner is reached outside the mailbox and of what they are told, and to see what went there.
    case keepContact(of: ID<Caller>)
    /// To wait for a time, to answer what is offered, and to see both.
    case joinWaitlist(ID<Patient>)
    /// To see who waits and why somebody was asked, and to say that it is urgent.
    case keepWaitlist
    /// To end a record: it takes no bookings, and is kept as long as the rules say.
    case closeRecords
    /// To find what is closed, to open it again, to hold it and to have it erased.
    case keepClosedRecords
    case book(patients: [ID<Patient>], practitioner: ID<Caller>)
    case seeAppointment(patients: [ID<Patient>], practitioner: ID<Caller>)
    /// What people wrote into an appointment's fields: reasons may say what somebody suffers from.
    case readFreeText
    /// To ask for a payment of an appointment's price.
    case takePayment(patients: [ID<Patient>], practitioner: ID<Caller>)
    case seePayment(patients: [ID<Patient>], practitioner: ID<Caller>)
    /// To write down that money was given back by hand.
    case recordRefund(patients: [ID<Patient>], practitioner: ID<Caller>)
    /// A patient's, or with nil everybody's.
    case readInvoices(of: ID<Patient>?)
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
    /// To look at one patient whom one does not care for, in an emergency.
    case breakGlass(ID<Patient>)
    /// To see who broke the glass, and to judge it.
    case reviewEmergencies
    case invitePatients
    case inviteStaff
    /// To let other systems in, and to shut them out.
    case keepServices
    /// To see what only a human can settle, and to say that it is.
    case keepTasks
    /// To follow what changes, of everybody: identifiers alone.
    case followChanges
    /// To say who outside is told what changes.
    case keepWebhooks
    /// To replace the system the clinic had before, step by step and back.
    case replaceSystem
}

/// On what somebody may do something. Any one of them is enough.
public struct Grounds: OptionSet, Sendable, Hashable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Whoever and whatever it is about.
    public static let anybody = Grounds(rawValue: 1)
    /// It is their own: their record, their calendar, their mailbox.
    public static let own = Grounds(rawValue: 2)

    /// The patient is in their care: `Relationship.careTeam`.
    public static let care = Grounds(rawValue: 4)
    /// It happens where they work; who works everywhere always does.
    public static let place = Grounds(rawValue: 8)
    /// They have broken the glass for the patient.
    public static let emergency = Grounds(rawValue: 16)

    /// Each by the name the table in `docs/guides/permissions.md` gives it.
    public static let names: [(Grounds, String)] = [
        (.anybody, "yes"), (.own, "own"), (.care, "in care"), (.place, "at their places"), (.emergency, "emergency"),
    ]
}

extension Role {
    /// The one table of permissions: deny unless a line allows.
    public func grounds(for act: Act) -> Grounds {
        switch (self, act) {
        case (_, .searchTimes), (_, .readDirectory): .anybody

        // A patient who shares an appointment sees it, but speaks only for themself.
        case (.patient, .book), (.patient, .seeAppointment), (.patient, .changeAppointment), (.patient, .readPatient),
            (.patient, .listOfPatient), (.patient, .readMailbox), (.patient, .exportRecord), (.patient, .askCorrection),
            (.patient, .keepPreferences), (.patient, .takePayment), (.patient, .seePayment), (.patient, .readInvoices(_?)),
            (.patient, .joinWaitlist):
            .own
        case (.patient, _): []

        case (.practitioner, .explainTimes(nil)): .anybody
        case (.practitioner, .seeAppointment): [.own, .emergency]
        case (.practitioner, .readPatient): [.care, .emergency]
        case (.practitioner, .listOfPatient): .emergency
        case (.practitioner, .explainTimes), (.practitioner, .changeHours), (.practitioner, .book),
            (.practitioner, .changeAppointment), (.practitioner, .runTheDay),
            (.practitioner, .overrideConflict), (.practitioner, .listOfPractitioner), (.practitioner, .readAudit),
            (.practitioner, .readMailbox), (.practitioner, .keepContact):
            .own
        case (.practitioner, .readAbsences), (.practitioner, .readFreeText), (.practitioner, .breakGlass): .anybody
        case (.practitioner, _): []

        case (.desk, .changeDirectory), (.desk, .replayDeadLetters), (.desk, .reviewEmergencies), (.desk, .inviteStaff),
            (.desk, .keepServices), (.desk, .replaceSystem), (.desk, .decideCorrections), (.desk, .keepClosedRecords),
            (.desk, .readInvoices), (.desk, .followChanges), (.desk, .keepWebhooks), (.desk, .keepContact),
            (.desk, .recordRefund):
            []
        case (.desk, .seeAppointment): [.place, .emergency]
        case (.desk, .readMailbox): [.own, .place]
        case (.desk, .takePayment), (.desk, .seePayment): .place
        case (.desk, .book), (.desk, .changeAppointment), (.desk, .runTheDay), (.desk, .overrideConflict), (.desk, .readAudit),
            (.desk, .readWholeMailbox):
            .place
        case (.desk, _): .anybody

        // An admin looks after the clinic's set-up; only those who answer for a calendar override it.
        case (.admin, .overrideConflict), (.admin, .breakGlass): []
        case (.admin, _): .anybody

        // What a bill is made of: who came, to whom, for how long. Nothing that somebody wrote about them.
        case (.billing, .seeAppointment), (.billing, .seePayment), (.billing, .recordRefund): .place
        case (.billing, .readInvoices): .anybody
        // A list leaves out what happens elsewhere.
        case (.billing, .readPatient), (.billing, .listOfPatient), (.billing, .listOfPractitioner), (.billing, .listOfDay):
            .anybody
        case (.billing, .readMailbox): .own
        case (.billing, _): []

        // What others did, never what they saw.
        case (.privacy, .readAudit), (.privacy, .reviewEmergencies): .anybody
        // And what the law asks of somebody who is responsible for it.
        case (.privacy, .decideCorrections), (.privacy, .keepClosedRecords): .anybody
        case (.privacy, .readMailbox): .own
        case (.privacy, _): []

        // What other systems come for; nothing that takes a person's judgement.
        case (.service, .explainTimes), (.service, .readPatient), (.service, .changePatients), (.service, .book),
            (.service, .seeAppointment), (.service, .changeAppointment), (.service, .runTheDay), (.service, .listOfPatient),
            (.service, .listOfPractitioner), (.service, .listOfDay), (.service, .followChanges):
            .anybody
        case (.service, _): []
        }
    }
}

extension Caller {
    func isInScope(_ act: Act) -> Bool {
        guard let scopes else { return true }
        guard let need = act.need else { return false }
        return scopes.contains { $0.covers(need) }
    }

    /// Whether it is about nobody's but the caller's own.
    func owns(_ act: Act) -> Bool {
        switch act {
        case .seeAppointment(let patients, let practitioner), .seePayment(let patients, let practitioner):
            role == .patient ? patients.contains { isPatient($0) } : practitioner == subject
        case .book(let patients, let practitioner), .changeAppointment(let patients, let practitioner),
            .takePayment(let patients, let practitioner), .recordRefund(let patients, let practitioner):
            role == .patient ? !patients.isEmpty && patients.allSatisfy { isPatient($0) } : practitioner == subject
        case .readPatient(let patient), .listOfPatient(let patient), .breakGlass(let patient), .exportRecord(let patient),
            .askCorrection(let patient), .keepPreferences(let patient), .readInvoices(let patient?),
            .joinWaitlist(let patient):
            isPatient(patient)
        case .explainTimes(let practitioner): practitioner == subject
        case .changeHours(let owner), .listOfPractitioner(let owner), .readMailbox(let owner), .runTheDay(let owner),
            .overrideConflict(let owner), .readAudit(let owner), .keepContact(let owner):
            owner == subject
        case .searchTimes, .readDirectory, .changeDirectory, .readAbsences, .changePatients, .readFreeText, .correctMistake,
            .listOfDay, .readWholeMailbox, .replayDeadLetters, .reviewEmergencies, .invitePatients, .inviteStaff,
            .keepServices, .decideCorrections, .closeRecords, .keepClosedRecords, .keepTasks, .readInvoices(nil),
            .keepWaitlist, .followChanges, .keepWebhooks, .replaceSystem:
            false
        }
    }
}
