import API
import Notation
import Scheduling
import Testing

@Suite struct TheDirectory {
    @Test(arguments: ["locations", "practitioners", "rooms", "devices", "visit-types"])
    func `takes a new record, replaces it and lists it`(name: String) async throws {
        try await inHouse { visitor in
            let route = try #require(visitor.house.api.routes.first { $0.path == "/v1/\(name)" && $0.method == .post })
            let body = try JSON(parsing: Sample.fullBodies[route.takes!]!)
            let made = try await visitor.send(.post("/v1/\(name)", body.text), by: .admin)
            #expect(made.status == 201 && made.id == Known.nobody && made.etag == "\"v1\"")
            #expect(made[header: "Location"] == "/v1/\(name)/\(Known.nobody)")
            let read = try await visitor.get("/v1/\(name)/\(Known.nobody)", by: .emma)
            #expect(read.body == made.body && read.etag == made.etag)
            #expect(
                Set(body.members!.map(\.name)).subtracting(read.json.members!.map(\.name)).isEmpty, "everything sent is answered")
            let changed = body.with("name", JSON(.string("Renamed"))).text
            let replaced = try await visitor.send(.put("/v1/\(name)/\(Known.nobody)", changed, ifMatch: made.etag), by: .admin)
            #expect(replaced.status == 200 && replaced["name"]?.string == "Renamed" && replaced.etag == "\"v2\"")
            #expect(try await visitor.get("/v1/\(name)?limit=200").items.contains { $0["name"]?.string == "Renamed" })
            // What was read may be sent again as it is.
            let same = try await visitor.send(
                .put("/v1/\(name)/\(Known.nobody)", replaced.text, ifMatch: replaced.etag), by: .admin)
            #expect(same.status == 200 && same.body == replaced.body)
        }
    }

    @Test(arguments: ["locations", "practitioners", "rooms", "devices", "visit-types", "patients"])
    func `gives an identifier once`(name: String) async throws {
        try await inHouse { visitor in
            let route = try #require(visitor.house.api.routes.first { $0.path == "/v1/\(name)" && $0.method == .post })
            let body = try JSON(parsing: Sample.fullBodies[route.takes!]!)
            #expect(try await visitor.send(.post("/v1/\(name)", body.text), by: .admin).status == 201)
            let other = body.with("name", JSON(.string("Another"))).text
            #expect(try await visitor.send(.post("/v1/\(name)", other), by: .admin).problem == "identifier-already-used")
            let unknown = try await visitor.send(
                .put("/v1/\(name)/\(Known.id(998))", body.with("id", nil).text, ifMatch: "\"v1\""), by: .admin)
            #expect(unknown.problem == "not-found")
        }
    }

    @Test func `gives a room no practitioner's identifier`() async throws {
        try await inHouse { visitor async throws in
            let body = #"{"id":"\#(Known.brandt)","name":"R","location":"\#(Known.river)"}"#
            #expect(try await visitor.send(.post("/v1/rooms", body), by: .admin).problem == "identifier-already-used")
            #expect(
                try await visitor.send(.put("/v1/rooms/\(Known.brandt)", body, ifMatch: "\"v1\""), by: .admin).problem
                    == "not-found")
            #expect(try await visitor.get("/v1/rooms/\(Known.brandt)").problem == "not-found")
        }
    }

    @Test func `refers only to what is there`() async throws {
        try await inHouse { visitor async throws in
            for (path, body) in [
                ("/v1/rooms", #"{"name":"R","location":"\#(Known.nobody)"}"#),
                ("/v1/practitioners", #"{"name":"P","location":"\#(Known.nobody)","specialty":"general"}"#),
                ("/v1/visit-types", #"{"name":"V","durationMinutes":20,"practitioners":["\#(Known.room)"]}"#),
            ] { #expect(try await visitor.send(.post(path, body), by: .admin).problem == "unknown-reference", "\(path)") }
        }
    }

    @Test func `names the specialties of those who work`() async throws {
        try await inHouse { visitor in
            let surgeon = #"{"name":"Dr. S","location":"\#(Known.river)","specialty":"surgery"}"#
            let made = try await visitor.send(.post("/v1/practitioners", surgeon), by: .admin)
            #expect(try await visitor.get("/v1/specialties").items.compactMap(\.string) == ["general", "surgery"])
            let gone = #"{"name":"Dr. S","location":"\#(Known.river)","specialty":"surgery","active":false}"#
            try await visitor.send(.put("/v1/practitioners/\(made.id)", gone, ifMatch: made.etag), by: .admin)
            #expect(try await visitor.get("/v1/specialties").items.compactMap(\.string) == ["general"])
        }
    }

    @Test(arguments: [
        ("/v1/resources/\(Known.brandt)/working-hours", #"{"weekday":"sunday","from":"09:00","to":"12:00"}"#),
        (
            "/v1/resources/\(Known.room)/working-hours",
            #"{"weekday":"sunday","from":"22:00","to":"06:00","zone":"UTC","effectiveFrom":"2026-01-01","effectiveUntil":"2026-12-31"}"#
        ),
        (
            "/v1/resources/\(Known.brandt)/exceptions",
            #"{"kind":"blocked","from":"2026-03-10T09:00:00Z","to":"2026-03-10T10:00:00Z"}"#
        ),
        ("/v1/locations/\(Known.river)/holidays", #"{"day":"2026-12-25","name":"Christmas Day"}"#),
    ])
    func `adds and takes away hours, exceptions and holidays`(path: String, body: String) async throws {
        try await inHouse { visitor in
            let before = try await visitor.get(path)
            let added = try await visitor.send(.post(path, body), by: .admin)
            #expect(added.status == 201 && added.items.count == before.items.count + 1)
            let one = try #require(added.items.first { !before.items.contains($0) })
            for member in try JSON(parsing: body).members ?? [] { #expect(one[member.name] == member.value) }
            // As it was read, it may be sent again, but its identifier is taken.
            #expect(try await visitor.send(.post(path, one.text), by: .admin).problem == "identifier-already-used")
            let id = one["id"]?.string ?? ""
            let removed = try await visitor.send(.delete("\(path)/\(id)"), by: .admin)
            #expect(removed.status == 200 && removed.items == before.items)
            #expect(try await visitor.send(.delete("\(path)/\(id)"), by: .admin).problem == "not-found")
            #expect(
                try await visitor.send(.post(path.replacing(#/[0-9a-f]{8}-[0-9a-f-]{27}/#, with: Known.nobody), body), by: .admin)
                    .problem == "not-found")
        }
    }

    @Test func `takes nothing away from another's calendar`() async throws {
        try await inHouse { visitor in
            let body = #"{"kind":"leave","from":"2026-03-10T00:00:00Z","to":"2026-03-11T00:00:00Z"}"#
            let added = try await visitor.send(.post("/v1/resources/\(Known.keller)/exceptions", body), by: .keller)
            let id = added.items[0]["id"]?.string ?? ""
            #expect(
                try await visitor.send(.delete("/v1/resources/\(Known.brandt)/exceptions/\(id)"), by: .brandt).problem
                    == "not-found")
            #expect(try await visitor.get("/v1/resources/\(Known.keller)/exceptions").items.count == 1)
        }
    }

    @Test func `keeps the lanes that are in use`() async throws {
        try await inHouse { visitor in
            let two = #"{"name":"Dr. Two","location":"\#(Known.river)","specialty":"general","lanes":2}"#
            let made = try await visitor.send(.post("/v1/practitioners", two), by: .admin)
            try await visitor.send(
                .post("/v1/resources/\(made.id)/working-hours", #"{"weekday":"tuesday","from":"08:00","to":"16:00"}"#), by: .admin
            )
            for patient in [Known.emma, Known.noah] {
                _ = try await visitor.booked(at: "2026-03-10T09:00:00Z", with: made.id, for: [patient])
            }
            let one = try await visitor.send(
                .put("/v1/practitioners/\(made.id)", two.replacing(":2}", with: ":1}"), ifMatch: made.etag), by: .admin)
            #expect(one.status == 409 && one["refusal"]?.string == "practitionerTaken")
        }
    }

    @Test func `survives times at the ends of the calendar`() async throws {
        try await inHouse { visitor async throws in
            for (from, to) in [
                ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), ("9999-12-30T00:00:00Z", "9999-12-31T00:00:00Z"),
            ] {
                let body = #"{"kind":"blocked","from":"\#(from)","to":"\#(to)"}"#
                #expect(try await visitor.send(.post("/v1/resources/\(Known.keller)/exceptions", body), by: .admin).status == 201)
            }
            for day in ["0001-01-01", "9999-12-31"] {
                #expect(
                    try await visitor.send(
                        .post("/v1/locations/\(Known.river)/holidays", #"{"day":"\#(day)","name":"X"}"#), by: .admin
                    ).status == 201)
            }
            let hours =
                #"{"weekday":"sunday","from":"00:00","to":"24:00","effectiveFrom":"0001-01-01","effectiveUntil":"9999-12-31"}"#
            #expect(try await visitor.send(.post("/v1/resources/\(Known.keller)/working-hours", hours), by: .admin).status == 201)
            for start in ["0001-01-01T00:00:00Z", "9999-12-31T23:55:00Z"] {
                #expect(try await visitor.send(.post("/v1/appointments", Known.booking(at: start))).status >= 409)
                let path = "visitType=\(Known.consultation)&practitioner=\(Known.brandt)"
                #expect(
                    try await visitor.get("/v1/free-times/explanation?\(path)&start=\(start)")["available"] == JSON(.bool(false)))
                #expect(try await visitor.get("/v1/free-times?\(path)&from=\(start)").items.count >= 0)
                #expect(try await visitor.get("/v1/appointments?from=\(start)").status == 200)
            }
            let far = Known.booking(at: "9999-12-31T12:00:00Z", more: #""overrideReason":"far""#)
            #expect(try await visitor.send(.post("/v1/appointments", far)).status < 500)
            #expect(try await visitor.isFree("2026-03-10T09:00:00Z"))
        }
    }
}
