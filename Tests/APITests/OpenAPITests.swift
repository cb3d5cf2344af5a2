import API
import Notation
import Testing

/// `/openapi.json` against the router that answers. `Visitor` holds every answer of this target's tests against it too.
@Suite struct TheDescription {
    @Test func `names exactly the addresses and methods the API has`() async throws {
        try await inHouse { visitor in
            let document = try await visitor.get("/openapi.json", by: nil).json
            #expect(document["openapi"]?.string == "3.1.0")
            var described: Set<String> = []
            for path in document["paths"]?.members ?? [] {
                for method in path.value.members ?? [] { described.insert("\(method.name.uppercased()) \(path.name)") }
            }
            #expect(described == Set(visitor.house.api.routes.map { "\($0.method.rawValue) \($0.path)" }))
        }
    }

    @Test func `describes only what the router answers, and the router answers nothing else`() async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes {
                let path = route.path.replacing("{id}", with: Known.nobody).replacing("{part}", with: Known.nobody)
                for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
                    let ask = Ask(method: method, path: path)
                    let heard = try await visitor.send(ask, by: .admin)
                    let isThere = visitor.route(of: ask) != nil
                    #expect((heard.status != 405) == isThere, "\(method) \(path): \(heard.status)")
                }
            }
        }
    }

    @Test func `refers only to what is there`() async throws {
        try await inHouse { visitor in
            let document = try await visitor.get("/openapi.json", by: nil).json
            let schemas = document["components"]?["schemas"]?.members?.map(\.name) ?? []
            for reference in references(in: document) {
                let name = reference.split(separator: "/").last.map(String.init) ?? ""
                #expect(reference == "#/components/schemas/\(name)" && schemas.contains(name), "\(reference)")
            }
            let used = Set(references(in: document).compactMap { $0.split(separator: "/").last.map(String.init) })
            #expect(Set(schemas).subtracting(used).isEmpty, "nobody uses \(Set(schemas).subtracting(used))")
        }
    }

    @Test func `says of every parameter where it stands, and names those in the address`() async throws {
        try await inHouse { visitor in
            let document = try await visitor.get("/openapi.json", by: nil).json
            for path in document["paths"]?.members ?? [] {
                let inAddress = path.name.split(separator: "/").filter { $0.hasPrefix("{") }.map {
                    String($0.dropFirst().dropLast())
                }
                for method in path.value.members ?? [] {
                    let parameters = method.value["parameters"]?.array ?? []
                    let named = parameters.filter { $0["in"]?.string == "path" }.compactMap { $0["name"]?.string }
                    #expect(named == inAddress, "\(method.name) \(path.name)")
                    #expect(Set(parameters.compactMap { $0["name"]?.string }).count == parameters.count)
                }
            }
        }
    }

    @Test func `gives every operation one name`() async throws {
        try await inHouse { visitor in
            let operations = visitor.house.api.routes.map(\.operation)
            #expect(Set(operations).count == operations.count)
        }
    }

    @Test func `has a full example for every body, and each satisfies its schema`() {
        for (name, body) in Sample.fullBodies {
            let json = try! JSON(parsing: body)
            #expect(SchemaCheck.mistakes(of: json, as: name) == [], "\(name)")
        }
    }

    private func references(in json: JSON) -> [String] {
        let own = json["$ref"]?.string.map { [$0] } ?? []
        return own + (json.members ?? []).flatMap { references(in: $0.value) } + (json.array ?? []).flatMap(references)
    }
}
