import API
import Notation

/// One field made wrong.
struct Mutant: Sendable {
    let name: String
    let body: String
    /// What the problem must name.
    let pointer: String
}

/// Every way in which a body can miss its published schema, one at a time. Made from the schema, so a new field or a new
/// bound is tested the day it is written down.
enum Mutants {
    static func of(_ schema: String) -> [Mutant] {
        let whole = try! JSON(parsing: Sample.fullBodies[schema]!)
        return of(whole, SchemaCheck.schemas[schema]!, at: "#") { $0 }
            + [Mutant(name: "unknown member", body: whole.with("zoom", JSON(.integer(3))).text, pointer: "#/zoom")]
    }

    private static func of(_ json: JSON, _ schema: JSON, at pointer: String, _ rebuild: (JSON) -> JSON) -> [Mutant] {
        var mutants: [Mutant] = []
        let required = (schema["required"]?.array ?? []).compactMap(\.string)
        for property in schema["properties"]?.members ?? [] where property.name != ownersName(schema, json) {
            let field = "\(pointer)/\(property.name)"
            func add(_ name: String, _ value: JSON?) {
                mutants.append(
                    Mutant(name: "\(property.name) \(name)", body: rebuild(json.with(property.name, value)).text, pointer: field))
            }
            if required.contains(property.name) {
                add("missing", nil)
                add("null", JSON(.null))
            }
            let form = SchemaCheck.resolve(property.value)
            for (name, value) in wrong(form) { add(name, value) }
            if form["type"]?.string == "object", let inner = json[property.name] {
                mutants += of(inner, form, at: field) { rebuild(json.with(property.name, $0)) }
                mutants.append(
                    Mutant(
                        name: "unknown member inside",
                        body: rebuild(json.with(property.name, inner.with("zoom", JSON(.null)))).text,
                        pointer: "\(field)/zoom"))
            }
        }
        return mutants
    }

    /// The member the address says already: it may stand in a body, and is tested by itself.
    private static func ownersName(_ schema: JSON, _ json: JSON) -> String? {
        ["resource", "location"].first { json[$0] == nil && schema["properties"]?[$0] != nil }
    }

    private static func wrong(_ form: JSON) -> [(String, JSON)] {
        switch form["type"]?.string {
        case "string": wrongTexts(form)
        case "integer": wrongNumbers(form)
        case "boolean": [("a number", JSON(.integer(1))), ("text", JSON(.string("true")))]
        case "array": wrongLists(form)
        default: [("a list", JSON(.array([]))), ("text", JSON(.string("x")))]
        }
    }

    private static func wrongTexts(_ form: JSON) -> [(String, JSON)] {
        var wrong: [(String, JSON)] = [
            ("a number", JSON(.integer(7))), ("a truth", JSON(.bool(true))), ("a list", JSON(.array([]))),
            ("an object", JSON(.object([]))),
            ("empty", JSON(.string(""))), ("with a null character", JSON(.string("a\u{0}b"))),
        ]
        if let most = form["maxLength"]?.integer {
            wrong.append(("too long", JSON(.string(String(repeating: "x", count: Int(most) + 1)))))
        }
        if form["format"] != nil || form["enum"] != nil || form["pattern"] != nil {
            wrong.append(("rubbish", JSON(.string("~ rubbish ~"))))
        }
        if form["format"]?.string == "date-time" {
            wrong += ["2026-02-30T09:00:00Z", "2026-03-10T09:00:00", "2026-03-10", "10.03.2026 09:00"].map {
                ($0, JSON(.string($0)))
            }
        }
        if form["format"]?.string == "date" {
            wrong += ["2026-02-29", "2026-2-1", "2026-03-10T00:00:00Z"].map { ($0, JSON(.string($0))) }
        }
        if form["pattern"]?.string?.contains("[0-5][05]") ?? false {
            wrong += ["9:00", "25:00", "09:03", "09:60", "+9:30", "09:+5", "-0:30", "09.30"].map { ($0, JSON(.string($0))) }
        }
        return wrong
    }

    private static func wrongNumbers(_ form: JSON) -> [(String, JSON)] {
        var wrong: [(String, JSON)] = [
            ("text", JSON(.string("7"))), ("a fraction", JSON(.number(7.5))), ("a truth", JSON(.bool(true))),
        ]
        if form["enum"] != nil { wrong.append(("none of the choices", JSON(.integer(25)))) }
        if let least = form["minimum"]?.integer { wrong.append(("too small", JSON(.integer(least - 1)))) }
        if let most = form["maximum"]?.integer { wrong.append(("too large", JSON(.integer(most + 1)))) }
        wrong.append(("immense", JSON(.integer(.max))))
        if form["multipleOf"] != nil { wrong.append(("off the step", JSON(.integer((form["minimum"]?.integer ?? 0) + 7)))) }
        return wrong
    }

    private static func wrongLists(_ form: JSON) -> [(String, JSON)] {
        var wrong: [(String, JSON)] = [("text", JSON(.string("x"))), ("an object", JSON(.object([])))]
        if let least = form["minItems"]?.integer, least > 0 { wrong.append(("empty", JSON(.array([])))) }
        if let most = form["maxItems"]?.integer {
            wrong.append(("too many", JSON(.array(Array(repeating: JSON(.string(Known.emma)), count: Int(most) + 1)))))
        }
        return wrong
    }
}
