import API
import Notation
import Testing

/// Every field of every body, wrong in every way its schema can tell (GF-5).
@Suite struct AField {
    static let bodies = Sample.fullBodies.keys.sorted()

    @Test(arguments: bodies) func `that is wrong is named, and nothing is done`(schema: String) async throws {
        try await inHouse { visitor in
            let routes = visitor.house.api.routes.filter { $0.takes == schema }
            #expect(!routes.isEmpty)
            for route in routes {
                var ask = try await Sample.all[route.operation]!.ask(visitor)
                let rows = try await visitor.rows()
                for mutant in Mutants.of(schema) where !(route.method == .put && mutant.name == "id missing") {
                    ask.body = mutant.body
                    let heard = try await visitor.send(ask, by: .admin)
                    let isNamed = heard.pointers.contains { $0 == mutant.pointer || $0.hasPrefix(mutant.pointer + "/") }
                    #expect(heard.problem == "invalid-fields" && isNamed, "\(route.operation), \(mutant.name): \(heard.text)")
                }
                #expect(try await visitor.rows() == rows, "\(route.operation) did something")
            }
        }
    }

    @Test func `is named together with all the others that are wrong`() async throws {
        try await inHouse { visitor in
            let heard = try await visitor.send(
                .post("/v1/appointments", #"{"practitioner":7,"start":"soon","patients":["a","b"],"zoom":1,"hold":"yes"}"#))
            #expect(
                Set(heard.pointers) == [
                    "#/visitType", "#/practitioner", "#/start", "#/patients/0", "#/patients/1", "#/zoom", "#/hold",
                ])
            for error in heard["errors"]?.array ?? [] { #expect(error["detail"]?.string?.isEmpty == false) }
        }
    }

    @Test func `has a schema for every route that takes one, and a full example`() async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes {
                if let takes = route.takes { #expect(Sample.fullBodies[takes] != nil, "\(route.operation)") }
                for name in [route.takes, route.gives].compactMap({ $0 }) { #expect(Schemas.all[name] != nil, "\(name)") }
            }
        }
    }

    @Test func `of a patient is what it says it is`() async throws {
        try await inHouse { visitor in
            for (field, values) in [
                ("email", ["not an address", "two words@example.org", "nobody"]),
                ("phone", ["call me", "+49 30 abc", "1;2", "½", "٣٣"]),
            ] {
                for value in values {
                    let heard = try await visitor.send(.post("/v1/patients", #"{"name":"New Patient","\#(field)":"\#(value)"}"#))
                    #expect(heard.pointers == ["#/\(field)"] && !heard.text.contains(value), "\(value)")
                }
            }
        }
    }

    @Test(arguments: [
        ("rooms", #"{"name":"R","location":"\#(Known.river)","lanes":1,"lanesOffered":2}"#, "#/lanesOffered"),
        ("visit-types", #"{"name":"V","durationMinutes":20}"#, "#/specialty"),
        (
            "visit-types", #"{"name":"V","durationMinutes":20,"specialty":"s","policy":{"startGridMinutes":25}}"#,
            "#/policy/startGridMinutes"
        ),
        ("visit-types", #"{"name":"V","durationMinutes":20,"specialty":"s","practitioners":["x"]}"#, "#/practitioners/0"),
        ("locations", #"{"name":"L","zone":"Mars/Olympus"}"#, "#/zone"),
        (
            "resources/\(Known.brandt)/working-hours",
            #"{"weekday":"sunday","from":"09:00","to":"12:00","effectiveFrom":"2026-02-01","effectiveUntil":"2026-01-01"}"#,
            "#/effectiveUntil"
        ),
        ("resources/\(Known.brandt)/working-hours", #"{"weekday":"sunday","from":"24:00","to":"12:00"}"#, "#/from"),
        (
            "resources/\(Known.brandt)/working-hours",
            #"{"weekday":"sunday","from":"09:00","to":"10:00","resource":"\#(Known.keller)"}"#, "#/resource"
        ),
        (
            "resources/\(Known.brandt)/exceptions",
            #"{"kind":"leave","from":"2026-08-02T00:00:00Z","to":"2026-08-02T00:00:00Z"}"#, "#/to"
        ),
        ("locations/\(Known.river)/holidays", #"{"day":"2026-12-25","name":"X","location":"\#(Known.harbour)"}"#, "#/location"),
    ])
    func `that contradicts another is named`(collection: String, body: String, pointer: String) async throws {
        try await inHouse { visitor in
            let heard = try await visitor.send(.post("/v1/\(collection)", body), by: .admin)
            #expect(heard.problem == "invalid-fields" && heard.pointers == [pointer], "\(heard.text)")
        }
    }

    @Test func `that is null counts as absent where it may be absent`() async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes where route.method == .post {
                let sample = Sample.all[route.operation]!
                guard let takes = route.takes, let schema = SchemaCheck.schemas[takes], sample.mark(for: .admin) == "y" else {
                    continue
                }
                var ask = try await sample.ask(visitor)
                var body = try JSON(parsing: ask.body ?? "{}")
                for property in schema["properties"]?.members ?? [] where body[property.name] == nil {
                    body = body.with(property.name, JSON(.null))
                }
                ask.body = body.text
                let heard = try await visitor.send(ask, by: .admin)
                #expect(heard.status == route.status, "\(route.operation): \(heard.text)")
            }
        }
    }

    @Test func `read back is what was written, in any script`() async throws {
        try await inHouse { visitor in
            for name in [
                "Zoë Ångström", "李小龍", "محمد", "O'Brien \"Bob\" \\ /", "👩🏽‍⚕️", String(repeating: "é", count: 128), "a\tb\nc",
            ] {
                let body = JSON(.object([.init(name: "name", value: JSON(.string(name)))])).text
                let made = try await visitor.send(.post("/v1/patients", body))
                #expect(try await visitor.get("/v1/patients/\(made.id)")["name"]?.string == name)
            }
        }
    }
}
