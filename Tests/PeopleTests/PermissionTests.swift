import Notation
import People
import Testing

/// The one table of permissions, cell by cell.
@Suite struct ThePermissions {
    /// Whether a caller may: `y` always, `-` never, `o` only when it is about themself, `a` only when it is about them alone.
    struct Line: Sendable, CustomStringConvertible {
        let name: String
        /// For a patient, a practitioner, the desk, an admin.
        let cells: String
        /// The act, about somebody: they are its patient, its practitioner, its owner.
        let act: @Sendable (ID<Caller>) -> Act
        var description: String { name }
    }

    static let table: [Line] = [
        Line(name: "searchTimes", cells: "yyyy") { _ in .searchTimes },
        Line(name: "explainTimes", cells: "-oyy") { .explainTimes(practitioner: $0) },
        Line(name: "explainTimes of anybody", cells: "-yyy") { _ in .explainTimes(practitioner: nil) },
        Line(name: "readDirectory", cells: "yyyy") { _ in .readDirectory },
        Line(name: "changeDirectory", cells: "---y") { _ in .changeDirectory },
        Line(name: "changeHours", cells: "-oyy") { .changeHours(of: $0) },
        Line(name: "readAbsences", cells: "-yyy") { _ in .readAbsences },
        Line(name: "readPatient", cells: "oyyy") { .readPatient($0.of()) },
        Line(name: "changePatients", cells: "--yy") { _ in .changePatients },
        Line(name: "book", cells: "ooyy") { .book(patients: [$0.of()], practitioner: $0) },
        Line(name: "seeAppointment", cells: "ooyy") { .seeAppointment(patients: [$0.of()], practitioner: $0) },
        Line(name: "changeAppointment", cells: "ooyy") { .changeAppointment(patients: [$0.of()], practitioner: $0) },
        Line(name: "runTheDay", cells: "-oyy") { .runTheDay(practitioner: $0) },
        Line(name: "overrideConflict", cells: "-oy-") { .overrideConflict(practitioner: $0) },
        Line(name: "correctMistake", cells: "--yy") { _ in .correctMistake },
        Line(name: "listOfPatient", cells: "o-yy") { .listOfPatient($0.of()) },
        Line(name: "listOfPractitioner", cells: "-oyy") { .listOfPractitioner($0) },
        Line(name: "listOfDay", cells: "--yy") { _ in .listOfDay },
        Line(name: "readMailbox", cells: "ooyy") { .readMailbox($0) },
        Line(name: "readWholeMailbox", cells: "--yy") { _ in .readWholeMailbox },
        Line(name: "readAudit", cells: "-oyy") { .readAudit(practitioner: $0) },
        Line(name: "replayDeadLetters", cells: "---y") { _ in .replayDeadLetters },
    ]

    static let own = ID<Caller>(high: 7, low: 7)
    static let other = ID<Caller>(high: 8, low: 8)

    @Test(arguments: table) func `are what the table says`(line: Line) {
        for (role, cell) in zip(Role.allCases, line.cells) {
            let caller = Caller(role: role, subject: Self.own)
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
                }
            #expect(line.name.hasPrefix(name))
            seen.insert(name)
        }
        #expect(seen.count == 21 && Role.allCases.count == 4)
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
