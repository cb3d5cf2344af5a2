import Foundation
import Notation
import People
import Testing

/// The one table of permissions, cell by cell.
@Suite struct ThePermissions {
    /// Whether a caller may: `y` always, `-` never, `o` only when it is about themself, `a` only when it is about them alone.
    struct Line: Sendable, CustomStringConvertible {
        let name: String
        /// In the order of the roles. A service has every scope there is.
        let cells: String
        /// The act, about somebody: they are its patient, its practitioner, its owner.
        let act: @Sendable (ID<Caller>) -> Act
        var description: String { name }
    }

    static let table: [Line] = [
        Line(name: "searchTimes", cells: "yyyyyyy") { _ in .searchTimes },
        Line(name: "explainTimes", cells: "-oyy--y") { .explainTimes(practitioner: $0) },
        Line(name: "explainTimes of anybody", cells: "-yyy--y") { _ in .explainTimes(practitioner: nil) },
        Line(name: "readDirectory", cells: "yyyyyyy") { _ in .readDirectory },
        Line(name: "changeDirectory", cells: "---y---") { _ in .changeDirectory },
        Line(name: "changeHours", cells: "-oyy---") { .changeHours(of: $0) },
        Line(name: "readAbsences", cells: "-yyy---") { _ in .readAbsences },
        Line(name: "readPatient", cells: "oyyyy-y") { .readPatient($0.of()) },
        Line(name: "changePatients", cells: "--yy--y") { _ in .changePatients },
        Line(name: "book", cells: "ooyy--y") { .book(patients: [$0.of()], practitioner: $0) },
        Line(name: "seeAppointment", cells: "ooyyy-y") { .seeAppointment(patients: [$0.of()], practitioner: $0) },
        Line(name: "changeAppointment", cells: "ooyy--y") { .changeAppointment(patients: [$0.of()], practitioner: $0) },
        Line(name: "runTheDay", cells: "-oyy--y") { .runTheDay(practitioner: $0) },
        Line(name: "overrideConflict", cells: "-oy----") { .overrideConflict(practitioner: $0) },
        Line(name: "correctMistake", cells: "--yy---") { _ in .correctMistake },
        Line(name: "listOfPatient", cells: "o-yyy-y") { .listOfPatient($0.of()) },
        Line(name: "listOfPractitioner", cells: "-oyyy-y") { .listOfPractitioner($0) },
        Line(name: "listOfDay", cells: "--yyy-y") { _ in .listOfDay },
        Line(name: "readMailbox", cells: "ooyyoo-") { .readMailbox($0) },
        Line(name: "readWholeMailbox", cells: "--yy---") { _ in .readWholeMailbox },
        Line(name: "readAudit", cells: "-oyy-y-") { .readAudit(practitioner: $0) },
        Line(name: "readFreeText", cells: "-yyy---") { _ in .readFreeText },
        Line(name: "breakGlass", cells: "-------") { .breakGlass($0.of()) },
        Line(name: "reviewEmergencies", cells: "---y-y-") { _ in .reviewEmergencies },
        Line(name: "replayDeadLetters", cells: "---y---") { _ in .replayDeadLetters },
    ]

    static let own = ID<Caller>(high: 7, low: 7)
    static let other = ID<Caller>(high: 8, low: 8)

    @Test(arguments: table) func `are what the table says`(line: Line) {
        for (role, cell) in zip(Role.allCases, line.cells) {
            let caller = Caller(role: role, subject: Self.own, scopes: role == .service ? Scope.list("system/*.cruds") : nil)
            #expect(caller.may(line.act(Self.own)) == (cell != "-"), "\(role) about themself")
            #expect(caller.may(line.act(Self.other)) == (cell == "y"), "\(role) about another")
        }
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
                case .book: "book"
                case .seeAppointment: "seeAppointment"
                case .changeAppointment: "changeAppointment"
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
                case .reviewEmergencies: "reviewEmergencies"
                }
            #expect(line.name.hasPrefix(name))
            seen.insert(name)
        }
        #expect(seen.count == 24 && Self.table.allSatisfy { $0.cells.count == Role.allCases.count })
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
