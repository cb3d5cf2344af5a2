import API
import Notation

/// Holds a document against a schema of the API, as far as these schemas go: type, required, enum, items, bounds,
/// additionalProperties, $ref.
enum SchemaCheck {
    static let schemas: [String: JSON] = Schemas.all.mapValues { try! JSON(parsing: $0) }

    static func mistakes(of json: JSON, as name: String) -> [String] {
        guard let schema = schemas[name] else { return ["no schema \(name)"] }
        return mistakes(json, schema, at: "#")
    }

    static func resolve(_ schema: JSON) -> JSON {
        guard let name = schema["$ref"]?.string?.split(separator: "/").last else { return schema }
        return schemas[String(name)]!
    }

    private static func mistakes(_ json: JSON, _ given: JSON, at path: String) -> [String] {
        let schema = resolve(given)
        guard let type = schema["type"]?.string, type == typeName(of: json) else { return ["\(path) is \(typeName(of: json))"] }
        var found: [String] = []
        if let choices = schema["enum"]?.array, !choices.contains(json) { found.append("\(path) is none of the choices") }
        if let number = json.integer {
            if let least = schema["minimum"]?.integer, number < least { found.append("\(path) is too small") }
            if let most = schema["maximum"]?.integer, number > most { found.append("\(path) is too large") }
        }
        if let text = json.string { found += textMistakes(text, schema, path) }
        for (index, element) in (json.array ?? []).enumerated() {
            if let items = schema["items"] { found += mistakes(element, items, at: "\(path)/\(index)") }
        }
        if let members = json.members { found += objectMistakes(members, schema, path) }
        return found
    }

    private static func textMistakes(_ text: String, _ schema: JSON, _ path: String) -> [String] {
        if let most = schema["maxLength"]?.integer, text.count > most { return ["\(path) is too long"] }
        if let least = schema["minLength"]?.integer, text.count < least { return ["\(path) is too short"] }
        return switch schema["format"]?.string {
        case "uuid": ID<Route>(text) == nil ? ["\(path) is no UUID"] : []
        case "date-time": Instant(text) == nil ? ["\(path) is no time"] : []
        case "date": CalendarDay(text) == nil ? ["\(path) is no day"] : []
        default: []
        }
    }

    private static func objectMistakes(_ members: [JSON.Member], _ schema: JSON, _ path: String) -> [String] {
        let properties = schema["properties"]
        let missing = (schema["required"]?.array ?? []).compactMap(\.string).filter { name in
            !members.contains { $0.name == name }
        }
        var found = missing.map { "\(path)/\($0) is missing" }
        for member in members {
            if let property = properties?[member.name] {
                found += mistakes(member.value, property, at: "\(path)/\(member.name)")
            } else if properties != nil {
                // What we answer we describe, also where a schema is open for what may come.
                found.append("\(path)/\(member.name) is not described")
            }
        }
        return found
    }

    private static func typeName(of json: JSON) -> String {
        switch json.content {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
