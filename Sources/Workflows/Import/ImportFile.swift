public import Notation

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
}

/// Everything wrong with an import. Nothing of it was taken.
public struct ImportProblems: Error, Sendable {
    public var problems: [FieldProblem]
}

/// Reads either form: one JSON document with a list for each kind, or JSON Lines with a `kind` in each line.
enum ImportFile {
    static func records(of bytes: [UInt8]) throws(ImportProblems) -> [ImportRecord] {
        isJSONLines(bytes) ? try lines(bytes) : try document(bytes)
    }

    private static func isJSONLines(_ bytes: [UInt8]) -> Bool {
        let first = bytes.prefix { $0 != 0x0A }
        guard let json = try? JSON(parsing: Array(first)) else { return false }
        return json["kind"] != nil
    }

    private static func lines(_ bytes: [UInt8]) throws(ImportProblems) -> [ImportRecord] {
        var records: [ImportRecord] = []
        var problems: [FieldProblem] = []
        var line = 0
        for text in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            line += 1
            if text.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            do throws(JSONMistake) {
                let json = try JSON(parsing: Array(text), startingAtLine: line)
                if let record = record(json, &problems) { records.append(record) }
            } catch {
                problems.append(FieldProblem(pointer: "#", detail: "is not JSON: \(error.detail)", line: error.line))
            }
        }
        if !problems.isEmpty { throw ImportProblems(problems: problems) }
        return records
    }

    private static func record(_ json: JSON, _ problems: inout [FieldProblem]) -> ImportRecord? {
        guard let kind = json["kind"]?.string.flatMap(ImportKind.init), let members = json.members else {
            let known = ImportKind.allCases.map(\.rawValue).joined(separator: ", ")
            problems.append(FieldProblem(pointer: "#/kind", detail: "must be one of \(known)", line: json.line))
            return nil
        }
        let rest = JSON(.object(members.filter { $0.name != "kind" }), line: json.line)
        return ImportRecord(kind: kind, json: rest, pointer: "#")
    }

    private static func document(_ bytes: [UInt8]) throws(ImportProblems) -> [ImportRecord] {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch {
            throw ImportProblems(problems: [
                FieldProblem(pointer: "#", detail: "is not JSON: \(error.detail) (column \(error.column))", line: error.line)
            ])
        }
        guard let members = json.members else {
            throw ImportProblems(problems: [FieldProblem(pointer: "#", detail: "must be an object", line: json.line)])
        }
        var records: [ImportRecord] = []
        var problems: [FieldProblem] = []
        for member in members {
            guard let kind = ImportKind.allCases.first(where: { $0.plural == member.name }) else {
                problems.append(FieldProblem(pointer: "#/\(member.name)", detail: "is not known here", line: member.value.line))
                continue
            }
            guard let elements = member.value.array else {
                problems.append(FieldProblem(pointer: "#/\(member.name)", detail: "must be a list", line: member.value.line))
                continue
            }
            for (index, element) in elements.enumerated() {
                records.append(ImportRecord(kind: kind, json: element, pointer: "#/\(member.name)/\(index)"))
            }
        }
        if !problems.isEmpty { throw ImportProblems(problems: problems) }
        return records
    }
}
