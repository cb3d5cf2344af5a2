import API
import Notation
import Testing

/// Bodies with more in them than they may have: what a caller has no business to set is refused by its name, and nothing is done.
@Suite struct MassAssignment {
    /// What others' programs keep under such names, beside every member that any document of this one has.
    private static let strangers = [
        "role", "roles", "isAdmin", "is_admin", "admin", "permissions", "scope", "scopes", "tenant", "tenantId", "clinic",
        "owner", "userId", "user_id",
        "version", "_version", "revision", "status", "state", "createdAt", "created_at", "updatedAt", "createdBy", "deleted",
        "deletedAt", "verified",
        "locked", "passwordHash", "password_hash", "sub", "sid", "iss", "exp", "act", "by", "at", "_id", "ID", "Id", "__proto__",
        "constructor", "prototype",
        "$where", "$set", "$ne", "class", "@type", "__type", "_method", "id ", " id", "i\u{200B}d", "start.", "patients[]",
        "patients[0]", "policy.holdMinutes",
        "",
    ]

    private static let names: [String] = {
        let known = SchemaCheck.schemas.values.flatMap { ($0["properties"]?.members ?? []).map(\.name) }
        return Set(known + strangers + known.map { $0.uppercased() } + known.map { $0.prefix(1).uppercased() + $0.dropFirst() })
            .sorted()
    }()

    @Test func `whatever does not belong in a body is refused by its name, and nothing is done`() async throws {
        try await inHouse { visitor in
            #expect(MassAssignment.names.count > 150)
            for route in visitor.house.api.routes where route.takesJSON && route.method != .delete {
                let own = Set((SchemaCheck.schemas[route.takes ?? ""]?["properties"]?.members ?? []).map(\.name))
                let asked = try await Sample.all[route.operation]!.ask(visitor)
                let body = try JSON(parsing: asked.body ?? "{}")
                let rows = try await visitor.rows()
                for name in MassAssignment.names where !own.contains(name) {
                    var ask = asked
                    ask.body = body.with(name, MassAssignment.values[name] ?? JSON(.string("admin"))).text
                    let heard = try await visitor.send(ask, by: .admin)
                    #expect(
                        heard.problem == "invalid-fields" && heard.pointers == ["#/\(name)"],
                        "\(route.operation) \(name.debugDescription): \(heard.text)")
                }
                #expect(try await visitor.rows() == rows, "\(route.operation) did something")
            }
        }
    }

    /// Of the kind the member has where it belongs.
    private static let values: [String: JSON] = [
        "version": JSON(.integer(99)), "deleted": JSON(.bool(true)), "isAdmin": JSON(.bool(true)),
        "roles": JSON(.array([JSON(.string("admin"))])),
        "__proto__": JSON(.object([.init(name: "role", value: JSON(.string("admin")))])), "state": JSON(.string("fulfilled")),
    ]

    @Test func `a record keeps its identifier, whichever another body gives it`() async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes where route.method == .put && route.path.contains("{id}") {
                var ask = try await Sample.all[route.operation]!.ask(visitor)
                let before = try await visitor.get(ask.path, by: .admin)
                ask.body = try JSON(parsing: ask.body!).with("id", JSON(.string(Known.nobody))).text
                let heard = try await visitor.send(ask, by: .admin)
                let after = try await visitor.get(ask.path, by: .admin)
                #expect(after.id == before.id, "\(route.operation)")
                #expect(
                    heard.status == 400 ? after.text == before.text : heard.id == before.id, "\(route.operation): \(heard.text)")
                let collection = ask.path.split(separator: "/").dropLast().joined(separator: "/")
                #expect(try await visitor.get("/\(collection)/\(Known.nobody)", by: .admin).status == 404, "\(route.operation)")
            }
        }
    }

    @Test func `nobody is somebody else by what they send`() async throws {
        try await inHouse { visitor async throws in
            // A patient's token, and headers and members that say otherwise.
            for extra in [#""patient":"\#(Known.noah)""#, #""role":"admin""#, #""subject":"\#(Known.noah)""#, #""by":"desk""#] {
                let body = Known.booking(at: visitor.house.newStart(), more: extra)
                #expect(try await visitor.send(.post("/v1/appointments", body), by: .emma).problem == "invalid-fields")
            }
            let signIn = #"{"login":"\#(Who.emma.login)","password":"\#(Known.passwordText)","role":"admin"}"#
            #expect(try await visitor.send(.post("/v1/sessions", signIn), by: nil).status == 400)
        }
    }
}
