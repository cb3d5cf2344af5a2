import Foundation
import Notation
import People
import Testing

/// The one table of permissions, cell by cell.
@Suite struct ThePermissions {
    /// Whether a caller may: `y` always, `-` never, `o` when it is about themself, `c` when the patient is in their care, `p` when it
    /// happens where they work, `e` in an emergency; in a line of several words a word for each role.
    struct Line: Sendable, CustomStringConvertible {
        let name: String
        /// In the order of the roles. A service has every scope there is.
        let cells: [String]
        /// The act, about somebody: they are its patient, its practitioner, its owner.
        let act: @Sendable (ID<Caller>) -> Act
        var description: String { name }

        init(_ name: String, _ cells: String, _ act: @escaping @Sendable (ID<Caller>) -> Act) {
            self.name = name
            self.cells = cells.split(separator: " ").map(String.init)
            self.act = act
        }
    }

    //                                      patient practitioner desk admin billing privacy service
    static let table: [Line] = [
        Line("searchTimes", "y y y y y y y") { _ in .searchTimes },
        Line("explainTimes", "- o y y - - y") { .explainTimes(practitioner: $0) },
        Line("explainTimes of anybody", "- y y y - - y") { _ in .explainTimes(practitioner: nil) },
        Line("readDirectory", "y y y y y y y") { _ in .readDirectory },
        Line("changeDirectory", "- - - y - - -") { _ in .changeDirectory },
        Line("changeHours", "- o y y - - -") { .changeHours(of: $0) },
        Line("readAbsences", "- y y y - - -") { _ in .readAbsences },
        Line("readPatient", "o ce y y y - y") { .readPatient($0.of()) },
        Line("changePatients", "- - y y - - y") { _ in .changePatients },
        Line("exportRecord", "o - y y - - -") { .exportRecord($0.of()) },
        Line("askCorrection", "o - y y - - -") { .askCorrection($0.of()) },
        Line("keepPreferences", "o - y y - - -") { .keepPreferences($0.of()) },
        Line("keepContact", "- o - y - - -") { .keepContact(of: $0) },
        Line("decideCorrections", "- - - y - y -") { _ in .decideCorrections },
        Line("joinWaitlist", "o - y y - - -") { .joinWaitlist($0.of()) },
        Line("keepWaitlist", "- - y y - - -") { _ in .keepWaitlist },
        Line("closeRecords", "- - y y - - -") { _ in .closeRecords },
        Line("keepClosedRecords", "- - - y - y -") { _ in .keepClosedRecords },
        Line("book", "o o p y - - y") { .book(patients: [$0.of()], practitioner: $0) },
        Line("seeAppointment", "o oe pe y p - y") { .seeAppointment(patients: [$0.of()], practitioner: $0) },
        Line("changeAppointment", "o o p y - - y") { .changeAppointment(patients: [$0.of()], practitioner: $0) },
        Line("takePayment", "o - p y - - -") { .takePayment(patients: [$0.of()], practitioner: $0) },
        Line("seePayment", "o - p y p - -") { .seePayment(patients: [$0.of()], practitioner: $0) },
        Line("recordRefund", "- - - y p - -") { .recordRefund(patients: [$0.of()], practitioner: $0) },
        Line("readInvoices", "o - - y y - -") { .readInvoices(of: $0.of()) },
        Line("readInvoices of anybody", "- - - y y - -") { _ in .readInvoices(of: nil) },
        Line("runTheDay", "- o p y - - y") { .runTheDay(practitioner: $0) },
        Line("overrideConflict", "- o p - - - -") { .overrideConflict(practitioner: $0) },
        Line("correctMistake", "- - y y - - -") { _ in .correctMistake },
        Line("listOfPatient", "o e y y y - y") { .listOfPatient($0.of()) },
        Line("listOfPractitioner", "- o y y y - y") { .listOfPractitioner($0) },
        Line("listOfDay", "- - y y y - y") { _ in .listOfDay },
        Line("readMailbox", "o o op y o o -") { .readMailbox($0) },
        Line("readWholeMailbox", "- - p y - - -") { _ in .readWholeMailbox },
        Line("readAudit", "- o p y - y -") { .readAudit(practitioner: $0) },
        Line("readFreeText", "- y y y - - -") { _ in .readFreeText },
        Line("breakGlass", "- y y - - - -") { .breakGlass($0.of()) },
        Line("reviewEmergencies", "- - - y - y -") { _ in .reviewEmergencies },
        Line("invitePatients", "- - y y - - -") { _ in .invitePatients },
        Line("inviteStaff", "- - - y - - -") { _ in .inviteStaff },
        Line("keepServices", "- - - y - - -") { _ in .keepServices },
        Line("keepTasks", "- - y y - - -") { _ in .keepTasks },
        Line("followChanges", "- - - y - - y") { _ in .followChanges },
        Line("keepWebhooks", "- - - y - - -") { _ in .keepWebhooks },
        Line("replaceSystem", "- - - y - - -") { _ in .replaceSystem },
        Line("replayDeadLetters", "- - - y - - -") { _ in .replayDeadLetters },
    ]

    static let own = ID<Caller>(high: 7, low: 7)
    static let other = ID<Caller>(high: 8, low: 8)

    static let elsewhere = ID<Workplace>(high: 9, low: 9)

    /// Every role, about themself and another, working everywhere and at some place, with every relationship there is.
    @Test(arguments: table) func `are what the table says`(line: Line) {
        for (role, cell) in zip(Role.allCases, line.cells) {
            for (isLimited, bits) in (0..<8).flatMap({ bits in [(false, bits), (true, bits)] }) {
                let relationship = Relationship(rawValue: bits)
                let scopes = role == .service ? Scope.list("system/*.cruds") : nil
                let caller = Caller(role: role, subject: Self.own, scopes: scopes, places: isLimited ? [Self.elsewhere] : [])
                let byRelationship =
                    cell.contains("y") || cell.contains("c") && relationship.contains(.careTeam)
                    || cell.contains("p") && (!isLimited || relationship.contains(.samePlace))
                    || cell.contains("e") && relationship.contains(.brokenGlass)
                let situation = "\(role) \(isLimited ? "somewhere" : "everywhere") \(bits)"
                let (own, other) = (line.act(Self.own), line.act(Self.other))
                #expect(
                    caller.decide(own, relationship).isPermitted == (byRelationship || cell.contains("o")),
                    "\(situation), themself")
                #expect(caller.decide(other, relationship).isPermitted == byRelationship, "\(situation), another")
            }
        }
    }

    @Test func `say why not, in an order`() {
        func objection(
            _ role: Role, _ act: Act, _ relationship: Relationship = [], _ purpose: Purpose? = nil, scope: String? = nil
        )
            -> Objection?
        {
            let caller = Caller(
                role: role, subject: Self.own, scopes: scope.flatMap(Scope.list), places: role == .desk ? [Self.elsewhere] : [])
            guard case .refused(let objection) = caller.decide(act, relationship, for: purpose) else { return nil }
            return objection
        }
        let read = Act.readPatient(Self.other.of())
        let see = Act.seeAppointment(patients: [Self.other.of()], practitioner: Self.other)
        #expect(objection(.privacy, read, [], .treatment) == .notForThisRole)
        #expect(objection(.service, read, scope: "system/Appointment.r") == .outOfScope)
        #expect(objection(.practitioner, read, .careTeam, .payment) == .purposeNotOfThisRole)
        #expect(objection(.practitioner, read, .careTeam, .brokenGlass) == .glassIsWhole)
        #expect(objection(.practitioner, read) == .notInTheirCare)
        #expect(objection(.desk, see) == .atAnotherPlace)
        #expect(objection(.patient, read) == .notTheirOwn)
        #expect(objection(.practitioner, see) == .notTheirOwn)
    }

    @Test func `are for the purpose the role usually has, for the one that is named, or for the broken glass`() {
        let (own, other) = (Act.seeAppointment(patients: [], practitioner: Self.own), Act.readPatient(Self.other.of()))
        let doctor = Caller(role: .practitioner, subject: Self.own)
        #expect(doctor.decide(own) == .permitted(for: .treatment))
        #expect(doctor.decide(own, for: .emergencyTreatment) == .permitted(for: .emergencyTreatment))
        #expect(doctor.decide(other, .brokenGlass) == .permitted(for: .brokenGlass), "whatever they say")
        #expect(doctor.decide(other, .brokenGlass, for: .treatment) == .permitted(for: .brokenGlass))
        #expect(doctor.decide(other, [.brokenGlass, .careTeam]) == .permitted(for: .treatment), "nobody breaks what is open")
        for role in Role.allCases { #expect(role.purposes.contains(role.usualPurpose), "\(role)") }
        #expect(Purpose.allCases.map(\.rawValue) == ["TREAT", "HPAYMT", "HOPERAT", "PATRQT", "ETREAT", "BTG"])
    }

    /// A `switch` without `default`: who adds an act must come here, and add its line above.
    @Test func `have a line for every act`() {
        var seen: Set<String> = []
        for line in Self.table {
            let name =
                switch line.act(Self.own) {
                case .searchTimes: "searchTimes"
                case .explainTimes: "explainTimes"
                case .readDirectory: "readDirectory"
                case .changeDirectory: "changeDirectory"
                case .changeHours: "changeHours"
                case .readAbsences: "readAbsences"
                case .readPatient: "readPatient"
                case .changePatients: "changePatients"
                case .exportRecord: "exportRecord"
                case .askCorrection: "askCorrection"
                case .keepPreferences: "keepPreferences"
                case .keepContact: "keepContact"
                case .decideCorrections: "decideCorrections"
                case .joinWaitlist: "joinWaitlist"
                case .keepWaitlist: "keepWaitlist"
                case .closeRecords: "closeRecords"
                case .keepClosedRecords: "keepClosedRecords"
                case .book: "book"
                case .seeAppointment: "seeAppointment"
                case .changeAppointment: "changeAppointment"
                case .takePayment: "takePayment"
                case .seePayment: "seePayment"
                case .recordRefund: "recordRefund"
                case .readInvoices: "readInvoices"
                case .runTheDay: "runTheDay"
                case .overrideConflict: "overrideConflict"
                case .correctMistake: "correctMistake"
                case .listOfPatient: "listOfPatient"
                case .listOfPractitioner: "listOfPractitioner"
                case .listOfDay: "listOfDay"
                case .readMailbox: "readMailbox"
                case .readWholeMailbox: "readWholeMailbox"
                case .readAudit: "readAudit"
                case .replayDeadLetters: "replayDeadLetters"
                case .readFreeText: "readFreeText"
                case .breakGlass: "breakGlass"
                case .invitePatients: "invitePatients"
                case .inviteStaff: "inviteStaff"
                case .keepServices: "keepServices"
                case .keepTasks: "keepTasks"
                case .followChanges: "followChanges"
                case .keepWebhooks: "keepWebhooks"
                case .replaceSystem: "replaceSystem"
                case .reviewEmergencies: "reviewEmergencies"
                }
            #expect(line.name.hasPrefix(name))
            seen.insert(name)
        }
        #expect(seen.count == 44 && Self.table.allSatisfy { $0.cells.count == Role.allCases.count })
    }

    @Test func `stand in the guide as they stand in the code`() throws {
        let heading = "| | \(Role.allCases.map(\.rawValue).joined(separator: " | ")) |"
        let rows = Self.table.map { line in
            "| \(line.name) | \(Role.allCases.map { $0.grounds(for: line.act(Self.own)).words }.joined(separator: " | ")) |"
        }
        let table = ([heading, "|---" + String(repeating: "|---", count: Role.allCases.count) + "|"] + rows).joined(
            separator: "\n")
        let guide = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/guides/permissions.md")
        let text = try String(contentsOf: guide, encoding: .utf8)
        if ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1" {
            let parts = text.split(separator: "<!-- table -->", omittingEmptySubsequences: false)
            try "\(parts[0])<!-- table -->\n\(table)\n<!-- table -->\(parts[2])".write(
                to: guide, atomically: true, encoding: .utf8)
        }
        #expect(text.contains("\n\(table)\n"), "run the PeopleTests with UPDATE_DOCS=1")
    }

    @Test func `let a patient in a group see it, and speak for nobody but themself`() {
        let patient = Caller(role: .patient, subject: Self.own)
        let group = [Self.other, Self.own].map { $0.of(Patient.self) }
        #expect(patient.may(.seeAppointment(patients: group, practitioner: Self.other)))
        #expect(!patient.may(.book(patients: group, practitioner: Self.other)))
        #expect(!patient.may(.changeAppointment(patients: group, practitioner: Self.other)))
        for act in [
            Act.book(patients: [], practitioner: Self.own), .seeAppointment(patients: [], practitioner: Self.own),
            .changeAppointment(patients: [], practitioner: Self.own),
        ] {
            #expect(!patient.may(act), "about nobody")
        }
    }

    @Test func `do not take a patient for a practitioner with the same number, nor the other way round`() {
        let patient = Caller(role: .patient, subject: Self.own)
        let practitioner = Caller(role: .practitioner, subject: Self.own)
        #expect(!patient.may(.book(patients: [Self.other.of()], practitioner: Self.own)))
        #expect(!practitioner.may(.book(patients: [Self.own.of()], practitioner: Self.other)))
        #expect(!patient.isStaff && practitioner.isStaff && patient.principal != practitioner.principal)
    }
}

extension Grounds {
    /// As the guide's table says it.
    fileprivate var words: String {
        isEmpty ? "–" : Grounds.names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }
}

/// What a system's token is limited to.
@Suite struct Scopes {
    @Test(arguments: ["system/Appointment.rs", "system/*.cruds", "system/Patient.r", "system/Slot.s"])
    func `are read as they are written`(text: String) throws {
        #expect(Scope(text)?.description == text)
        #expect(
            Scope.list("\(text) system/Schedule.r").map(Scope.text)
                == [text, "system/Schedule.r"].sorted().joined(separator: " "))
    }

    @Test(arguments: [
        "", "system/", "system/Appointment", "system/Appointment.", "system/Appointment.sr", "system/Appointment.rr",
        "system/Appointment.x", "system/Nothing.r", "user/Appointment.rs", "patient/Appointment.rs", "system/Appointment.r.s",
        "system/Appointment.read", "System/Appointment.r",
    ])
    func `are nothing else`(text: String) {
        #expect(Scope(text) == nil)
        if !text.isEmpty { #expect(Scope.list("system/Slot.s \(text)") == nil) }
    }

    @Test func `and the role both have to allow it`() {
        func service(_ scopes: String?) -> Caller {
            Caller(role: .service, subject: ThePermissions.own, scopes: scopes.flatMap(Scope.list))
        }
        let see = Act.seeAppointment(patients: [], practitioner: ThePermissions.other)
        #expect(service("system/Appointment.r").may(see) && service("system/*.r").may(see))
        #expect(!service("system/Appointment.s").may(see) && !service("system/Patient.r").may(see))
        #expect(!service("").may(see) && !service(nil).may(see), "a service without scopes may do nothing")
        #expect(!service("system/Patient.u").may(.changePatients), "it takes leave to make one as well")
        #expect(service("system/Patient.cu").may(.changePatients))
        for act in [
            Act.overrideConflict(practitioner: ThePermissions.own), .correctMistake, .reviewEmergencies, .readWholeMailbox,
        ] {
            #expect(!service("system/*.cruds").may(act), "\(act)")
        }
        let desk = Caller(role: .desk, subject: ThePermissions.own, scopes: Scope.list("system/Appointment.r"))
        #expect(desk.may(see) && !desk.may(.listOfDay), "scopes take away from whoever has some")
    }
}

@Suite struct APatientsRecord {
    @Test func `cannot be printed by accident`() {
        let patient = Patient(
            id: ID(high: 1, low: 2), name: Personal("ZZNAME"), email: Personal("zz@example.org"), phone: Personal("+49 30 99"),
            recordNumber: Personal("ZZNUMBER"))
        var dumped = ""
        dump(patient, to: &dumped)
        for text in [
            "\(patient)", String(describing: patient), String(reflecting: patient), dumped, "\([patient])",
            "\(Optional(patient) as Any)",
        ] {
            for secret in ["ZZNAME", "zz@example.org", "99\"", "ZZNUMBER", "+49"] { #expect(!text.contains(secret), "\(text)") }
            #expect(text.contains("‹personal›"))
        }
    }
}
