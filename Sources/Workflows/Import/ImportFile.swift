public import Notation
import Scheduling

/// One record of an import, and where it stands in the file.
struct ImportRecord: Sendable {
    let kind: ImportKind
    let json: JSON
    /// `#/patients/12` in a document, `#` in JSON Lines.
    let pointer: String
}

/// The kinds of record an import takes, in the order they are written: what is referred to comes first.
public enum ImportKind: String, Sendable, CaseIterable {
    case location, practitioner, room, device
    case visitType
    case workingHours
    case exception, holiday, patient, appointment

    /// The member of a document that lists them.
    public var plural: String {
        switch self {
        case .workingHours: "workingHours"
        default: rawValue + "s"
        }
    }

    /// What a line of JSON Lines may name as its `kind`.
    public static let lineKinds =
        allCases.filter { $0 != .exception }.map(\.rawValue) + ScheduleException.Kind.allCases.map(\.rawValue)
}

/// Everything wrong with an import. Nothing of it was taken.
public struct ImportProblems: Error, Sendable {
    public var problems: [FieldProblem]
}

/// What stands in an import file of either form: one JSON document with a list for each kind, or JSON Lines with a `kind`
/// in each line. A line that cannot be read is a problem of its own, so that the others are still looked at.
struct ImportFile: Sendable {
    private(set) var records: [ImportRecord] = []
    private(set) var problems: [FieldProblem] = []

    /// Throws when a document is not JSON: then there is nothing else to look at.
    init(_ bytes: [UInt8]) throws(ImportProblems) {
        if ImportFile.isJSONLines(bytes) { readLines(bytes) } else { try readDocument(bytes) }
    }

    /// The first line tells. When it is broken the second does: a document that ends in its first line has no second one
    /// with a kind.
    private static func isJSONLines(_ bytes: [UInt8]) -> Bool {
        for line in bytes.split(separator: 0x0A).lazy.filter({ !isBlank($0) }).prefix(2) {
            if let json = try? JSON(parsing: Array(line)) { return json["kind"] != nil }
        }
        return false
    }

    private static func isBlank(_ line: ArraySlice<UInt8>) -> Bool { line.allSatisfy { $0 == 0x20 || $0 == 0x0D || $0 == 0x09 } }

    private mutating func readLines(_ bytes: [UInt8]) {
        for (number, text) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
        where !Self.isBlank(text) {
            do throws(JSONMistake) {
                read(try JSON(parsing: Array(text), startingAtLine: number + 1))
            } catch {
                problems.append(FieldProblem(pointer: "#", detail: "is not JSON: \(error.detail)", line: error.line))
            }
        }
    }

    /// `kind` says what a line is. An exception's own kind is enough to know one by.
    private mutating func read(_ json: JSON) {
        let kind = json["kind"]?.string
        if let kind, ScheduleException.Kind(rawValue: kind) != nil {
            records.append(ImportRecord(kind: .exception, json: json, pointer: "#"))
        } else if let kind = kind.flatMap(ImportKind.init), kind != .exception, let members = json.members {
            let rest = JSON(.object(members.filter { $0.name != "kind" }), line: json.line)
            records.append(ImportRecord(kind: kind, json: rest, pointer: "#"))
        } else {
            let known = ImportKind.lineKinds.joined(separator: ", ")
            problems.append(FieldProblem(pointer: "#/kind", detail: "must be one of \(known)", line: json.line))
        }
    }

    private mutating func readDocument(_ bytes: [UInt8]) throws(ImportProblems) {
        for member in try ImportFile.document(bytes) {
            let kind = ImportKind.allCases.first { $0.plural == member.name }
            guard let kind, let elements = member.value.array else {
                let detail = kind == nil ? "is not known here" : "must be a list"
                problems.append(FieldProblem(pointer: "#/\(member.name)", detail: detail, line: member.value.line))
                continue
            }
            for (index, element) in elements.enumerated() {
                records.append(ImportRecord(kind: kind, json: element, pointer: "#/\(member.name)/\(index)"))
            }
        }
    }

    private static func document(_ bytes: [UInt8]) throws(ImportProblems) -> [JSON.Member] {
        let json: JSON
        do throws(JSONMistake) { json = try JSON(parsing: bytes) } catch {
            let detail = "is not JSON: \(error.detail) (column \(error.column))"
            throw ImportProblems(problems: [FieldProblem(pointer: "#", detail: detail, line: error.line)])
        }
        if let members = json.members { return members }
        throw ImportProblems(problems: [FieldProblem(pointer: "#", detail: "must be an object", line: json.line)])
    }
}
