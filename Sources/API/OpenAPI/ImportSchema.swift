import Notation
public import Workflows

/// The schema of an import's one-document form (JSON Schema 2020-12), made of the same records as the API's. A line of
/// JSON Lines is one record of a list, with its `kind` beside its members.
public enum ImportSchema {
    public static func document() -> [UInt8] {
        var json = JSONWriter(reserving: 16 * 1024)
        json.object { json in
            json.member("$schema", "https://json-schema.org/draft/2020-12/schema")
            json.member("title", "A clinic to import")
            json.member("type", "object")
            json.member("additionalProperties", false)
            json.name("properties")
            json.object { json in
                for kind in ImportKind.allCases {
                    json.name(kind.plural)
                    json.raw(Array(##"{"type":"array","items":{"$ref":"#/$defs/imported-\##(kind.rawValue)"}}"##.utf8))
                }
            }
            json.name("$defs")
            json.object { definitions(&$0) }
        }
        return json.bytes
    }

    /// What a record needs here beyond what the API asks of it: there the address says the rest.
    public static func required(_ kind: ImportKind) -> [String] {
        switch kind {
        case .workingHours, .exception: ["id", "resource"]
        case .holiday: ["id", "location"]
        case .appointment: ["id", "visitType", "practitioner", "patients", "start"]
        case .location, .practitioner, .room, .device, .visitType, .patient: ["id"]
        }
    }

    /// The API's name of a record's shape.
    public static func schema(of kind: ImportKind) -> String {
        switch kind {
        case .exception: "ScheduleException"
        case .appointment: "ImportedAppointment"
        case .location, .practitioner, .room, .device, .visitType, .workingHours, .holiday, .patient:
            kind.rawValue.prefix(1).uppercased() + kind.rawValue.dropFirst()
        }
    }

    private static func definitions(_ json: inout JSONWriter) {
        for kind in ImportKind.allCases {
            let needed = required(kind).map { "\"\($0)\"" }.joined(separator: ",")
            json.name("imported-\(kind.rawValue)")
            json.raw(Array(##"{"allOf":[{"$ref":"#/$defs/\##(schema(of: kind))"},{"required":[\##(needed)]}]}"##.utf8))
        }
        let shapes = Set(ImportKind.allCases.map(schema) + ["SchedulingPolicy", "Price"])
        for name in shapes.sorted() {
            json.name(name)
            let shape = name == "ImportedAppointment" ? Schemas.importedAppointment : Schemas.all[name]!
            json.raw(Array(shape.replacing("#/components/schemas/", with: "#/$defs/").utf8))
        }
    }
}
