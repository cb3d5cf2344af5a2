import API
import Foundation
import Notation
import Workflows

/// The files in `docs/api`, as the program would write them today.
enum Documents {
    static let regenerate = "UPDATE_DOCS=1 swift test --filter TheDocuments"
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../docs/api")
        .standardized

    static func problems() -> String {
        var text = """
            # Problems

            Every answer besides success is a problem document (RFC 9457), and every problem is one of these. Its `type` is an
            address on the server that says what stands here. `retry` says whether the same request may be sent again: `never`,
            `same-key` (with the same `Idempotency-Key`, after `Retry-After`), or `after` (`Retry-After`). Staff find the rule that
            said no in `refusal`; `errors` names fields by JSON pointer.

            Made from `Sources/API/Problems/ProblemType.swift`: `\(regenerate)`.

            | problem | status | title | retry | what to know |
            |---|---|---|---|---|

            """
        for type in ProblemType.allCases {
            text += "| `\(type.rawValue)` | \(type.status) | \(type.title) | \(type.retry.rawValue) | \(type.explanation) |\n"
        }
        return text
    }

    static func importGuide() -> String {
        var text = importProse
        for kind in ImportKind.allCases {
            let schema = ImportSchema.schema(of: kind)
            let shape = try! JSON(parsing: ImportSchema.document())["$defs"]?[schema]
            let required = Set((shape?["required"]?.array ?? []).compactMap(\.string) + ImportSchema.required(kind))
            let line = kind == .exception ? "`leave`, `blocked` or `extra`" : "`\(kind.rawValue)`"
            text += "\n### `\(kind.plural)` (a line's kind: \(line))\n\n| member | needed | what it is |\n|---|---|---|\n"
            for member in shape?["properties"]?.members ?? [] {
                text += "| `\(member.name)` | \(required.contains(member.name) ? "yes" : "") | \(words(for: member.value)) |\n"
            }
        }
        return text
    }

    private static let importProse = """
        # Importing a clinic

        `mediconnect import FILE.json` takes a whole clinic, or more of one, in one transaction: all of it, or nothing. The file is

        - **one JSON document**: an object with a list for each kind of record (the headings below), or
        - **JSON Lines**: a record on each line, with its `kind` beside its members. An exception's own kind (`leave`, `blocked`,
          `extra`) is enough to know one by.

        ```json
        {
          "locations": [{"id": "01900000-0000-7000-8000-000000000001", "name": "Clinic at the River", "zone": "Europe/Berlin"}],
          "practitioners": [{"id": "01900000-0000-7000-8000-000000000101", "name": "Dr. Ada Brandt",
            "location": "01900000-0000-7000-8000-000000000001", "specialty": "general-practice"}],
          "workingHours": [{"id": "01900000-0000-7000-8000-000000000401", "resource": "01900000-0000-7000-8000-000000000101",
            "weekday": "monday", "from": "08:00", "to": "12:00"}]
        }
        ```

        ```json
        {"kind": "location", "id": "01900000-0000-7000-8000-000000000001", "name": "Clinic at the River", "zone": "Europe/Berlin"}
        {"kind": "practitioner", "id": "01900000-0000-7000-8000-000000000101", "name": "Dr. Ada Brandt", "location": "01900000-0000-7000-8000-000000000001", "specialty": "general-practice"}
        {"kind": "leave", "id": "01900000-0000-7000-8000-000000000601", "resource": "01900000-0000-7000-8000-000000000101", "from": "2026-08-01T00:00:00Z", "to": "2026-08-15T00:00:00Z"}
        ```

        Rules:

        - Identifiers are UUIDs of your own, version 7 if you can; each stands once. Records may refer to each other in any order, and
          to what is in the database already. What is in the database already is not imported again.
        - Appointments are taken as they are: in the past, outside the hours, in any state that takes time. What they may not do
          is overlap, in the file or with the database. Those that are `booked` get their reminders.
        - Working hours that name no `zone` are in that of their location.
        - When anything is wrong, everything wrong is reported, each with its line and field, and nothing is taken:
          `line 12: #/patients/3/email must be an e-mail address`.

        The schema of the document form is `import.schema.json` beside this file (JSON Schema 2020-12).
        Both are made from `Sources/API/OpenAPI`: `\(regenerate)`.

        ## Records

        """

    private static func words(for given: JSON) -> String {
        if let reference = given["$ref"]?.string { return "see `\(reference.split(separator: "/").last ?? "")` in the schema" }
        if let choices = given["enum"]?.array {
            return choices.map { $0.string.map { "`\($0)`" } ?? $0.text }.joined(separator: ", ")
        }
        let type = given["type"]?.string
        if type == "string" { return textWords(given) }
        if type == "boolean" { return "`true` or `false`" }
        if type == "array" { return "a list: \(given["items"].map { words(for: $0) } ?? "")" }
        let range = "\(given["minimum"]?.integer ?? 0) to \(given["maximum"]?.integer ?? 0)"
        return given["multipleOf"] == nil ? range : range + ", a multiple of 5"
    }

    private static func textWords(_ given: JSON) -> String {
        if given["pattern"]?.string?.contains("[0-5][05]") ?? false { return "time of day on a five-minute step: `09:30`" }
        return switch given["format"]?.string {
        case "uuid": "a UUID"
        case "date-time": "a time with an offset: `2026-03-01T09:00:00Z`"
        case "date": "a day: `2026-03-01`"
        default: "text of 1 to \(number("maxLength", of: given)) characters"
        }
    }

    /// Kept out of line: Swift 6.3.1's optimizer fails on optional chains of this shape inside an interpolation.
    @inline(never)
    private static func number(_ name: String, of given: JSON) -> String { given[name].map(\.text) ?? "0" }

    /// Indented by two, with whatever fits on a line on one line.
    static func pretty(_ json: JSON, indent: Int = 0) -> String {
        let short = json.text
        if short.utf8.count + indent <= 110 { return short }
        let inner = String(repeating: " ", count: indent + 2)
        let end = "\n" + String(repeating: " ", count: indent)
        switch json.content {
        case .object(let members):
            let lines = members.map { "\(inner)\(JSON(.string($0.name)).text): \(pretty($0.value, indent: indent + 2))" }
            return "{\n" + lines.joined(separator: ",\n") + end + "}"
        case .array(let elements):
            return "[\n" + elements.map { inner + pretty($0, indent: indent + 2) }.joined(separator: ",\n") + end + "]"
        default: return short
        }
    }
}
