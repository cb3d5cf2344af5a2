public import Notation
import Partners
import People
public import Scheduling
import Storage

/// How the system that is being replaced is spoken to.
public struct LegacyRules: Sendable {
    /// Ours by their names there; who is not in it is called there by our identifier.
    public var practitioners: [String: ID<Resource>] = [:]
    public var visitTypes: [String: ID<VisitType>] = [:]
    /// How many requests have to be compared before a switch.
    public var compared = 1_000
    /// How many appointments are taken over in a second at most.
    public var takenPerSecond = 50

    public init() {}

    /// Of a document such as `{"practitioners": {"dr-7": "0199…"}, "visitTypes": {"std": "0199…"}}`. Throws every mistake in it.
    public init(names bytes: [UInt8]) throws(FieldProblems) {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch {
            let mistake = error as? JSONMistake
            throw FieldProblems([
                FieldProblem(pointer: "#", detail: mistake?.description ?? "must be JSON", line: mistake?.line ?? 1)
            ])
        }
        var problems: [FieldProblem] = []
        let known: Set<String> = ["practitioners", "visitTypes"]
        for member in json.members ?? [] where !known.contains(member.name) {
            problems.append(FieldProblem(pointer: "#/\(member.name)", detail: "is not known here", line: member.value.line))
        }
        if json.members == nil { problems.append(FieldProblem(pointer: "#", detail: "must be a JSON object", line: 1)) }
        practitioners = Self.names("practitioners", json, &problems)
        visitTypes = Self.names("visitTypes", json, &problems)
        guard problems.isEmpty else { throw FieldProblems(problems) }
    }

    private static func names<Subject>(_ name: String, _ json: JSON, _ problems: inout [FieldProblem]) -> [String: ID<Subject>] {
        guard let list = json[name] else { return [:] }
        guard let members = list.members else {
            problems.append(
                FieldProblem(pointer: "#/\(name)", detail: "must be an object of names and identifiers", line: list.line))
            return [:]
        }
        var names: [String: ID<Subject>] = [:]
        for member in members {
            if let id = member.value.string.flatMap({ ID<Subject>($0) }), (1...64).contains(member.name.utf8.count) {
                names[member.name] = id
            } else {
                problems.append(
                    FieldProblem(
                        pointer: "#/\(name)/\(member.name)",
                        detail: "must be an identifier (UUID), under a name of 1 to 64 bytes",
                        line: member.value.line))
            }
        }
        return names
    }

    func practitioner(called name: String) -> ID<Resource>? { practitioners[name] ?? ID(name) }
    func visitType(called name: String) -> ID<VisitType>? { visitTypes[name] ?? ID(name) }
    func name(of practitioner: ID<Resource>) -> String { Self.name(of: practitioner, in: practitioners) }
    func name(of visitType: ID<VisitType>) -> String { Self.name(of: visitType, in: visitTypes) }

    /// The first of several, in the order of the alphabet, so that it is the same on every node.
    private static func name<Subject>(of id: ID<Subject>, in names: [String: ID<Subject>]) -> String {
        names.filter { $0.value == id }.keys.min() ?? id.description
    }
}

extension Story {
    var legacyRules: LegacyRules { clinic.settings.legacy ?? LegacyRules() }

    /// The calendar that decides: what is booked here, and where it counts what the other system has.
    var calendar: TransactionCalendar {
        TransactionCalendar(transaction: transaction, countsOthers: directory.replacement.blocks)
    }

    /// That this patient's appointments are made here and not in the system that is being replaced. Who books for several books by the first.
    func mustBookHere(_ patients: [ID<Participant>]) throws {
        guard let first = patients.first else { return }
        if !directory.replacement.takesBookings(of: first) { throw Refusal.bookedElsewhere }
    }

    /// That an appointment is not one of theirs, as long as their word counts: it is changed there.
    func mustBeOurs(_ appointment: ID<Appointment>) throws {
        guard directory.replacement.phase == .dual || directory.replacement.phase == .shadow else { return }
        let rows = try transaction.fetch(LegacyRowsOfAppointment(appointment: appointment))
        if rows.contains(where: { $0.origin == .theirs && $0.state == .booked }) { throw Refusal.bookedElsewhere }
    }

    /// What they have to know of an appointment.
    func legacyVisit(of appointment: Appointment, for patient: Patient) -> LegacyVisit {
        let rules = legacyRules
        return LegacyVisit(
            practitioner: rules.name(of: appointment.practitioner), visitType: rules.name(of: appointment.visitType),
            patient: patient.recordNumber ?? Personal(patient.id.description), start: appointment.visit.from,
            end: appointment.visit.to)
    }
}
