import API
import HTTPTypes
import Notation
import Testing

/// Requests as they should not be, and what the door says to them.
@Suite struct TheDoor {
    @Test func `takes the client's request id when it is harmless, and makes one otherwise`() async throws {
        try await inHouse { visitor in
            for given in ["a", "req-42_x.Y", String(repeating: "a", count: 64)] {
                #expect(
                    try await visitor.get("/health/live", by: nil, headers: ["X-Request-Id": given])[header: "X-Request-Id"]
                        == given)
            }
            for rubbish in ["", "two words", "naïve", String(repeating: "a", count: 65), "a\tb", "<script>", "a;b"] {
                let heard = try await visitor.get("/health/live", by: nil, headers: ["X-Request-Id": rubbish])
                let id = try #require(heard[header: "X-Request-Id"].flatMap { ID<House>($0) }, "\(rubbish)")
                #expect(id.version == 7)
            }
        }
    }

    @Test func `says what can be done at an address, and that there is nothing at others`() async throws {
        try await inHouse { visitor in
            let heard = try await visitor.send(Ask(method: "DELETE", path: "/v1/appointments"))
            #expect(heard.problem == "method-not-allowed" && heard[header: "Allow"] == "POST, GET")
            #expect(try await visitor.send(Ask(method: "PATCH", path: "/v1/rooms/\(Known.room)"))[header: "Allow"] == "GET, PUT")
            for path in [
                "/", "/v1", "/v2/appointments", "/v1/appointment", "/v1/appointments/\(Known.nobody)/arrivals", "/v1/rooms/a/b/c",
                "//", "/%2e%2e/etc",
            ] {
                #expect(try await visitor.get(path).problem == "not-found", "\(path)")
            }
        }
    }

    @Test(arguments: [
        "7", "not-a-uuid", "01900000-0000-7000-8000-00000000050", "01900000-0000-7000-8000-0000000005011", "%00", "%zz", "..",
        "'--",
    ])
    func `knows nothing under what is no identifier`(id: String) async throws {
        try await inHouse { visitor async throws in
            for route in visitor.house.api.routes where route.path.contains("{") && route.path.hasPrefix("/v1") {
                let path = route.path.replacing("{id}", with: id).replacing("{part}", with: id)
                var ask = Ask(method: route.method.rawValue, path: path)
                if route.takes != nil, let body = Sample.fullBodies[route.takes ?? ""] { ask.body = body }
                if route.needsIfMatch { ask.ifMatch = "\"v1\"" }
                #expect(try await visitor.send(ask, by: .admin).problem == "not-found", "\(route.operation)")
            }
        }
    }

    @Test func `takes identifiers in upper case, and percent-encoded`() async throws {
        try await inHouse { visitor in
            let id = "01957e5e-7d00-7abc-8def-0123456789ab"
            _ = try await visitor.booked(more: #""id":"\#(id)""#)
            #expect(try await visitor.get("/v1/appointments/\(id.uppercased())").id == id)
            #expect(try await visitor.get("/v1/appointments?patient=\(Known.emma.replacing("-", with: "%2D"))").items.count == 1)
        }
    }

    @Test func `refuses a parameter it does not know, one that stands twice, and one that is not UTF-8`() async throws {
        try await inHouse { visitor in
            // What a provider adds to its answer is not ours to refuse (RFC 6749 §4.1.2), nor what mail programs add to links.
            for route in visitor.house.api.routes where !route.isOpen && route.operation != "finishSignOn" && route.shows == nil {
                var ask = try await Sample.all[route.operation]!.ask(visitor)
                let joint = ask.path.contains("?") ? "&" : "?"
                let path = ask.path
                for (query, problem) in [
                    ("zoom=3", "invalid-fields"), ("zoom", "invalid-fields"), ("a=1&a=1", "bad-request"), ("a=%", "bad-request"),
                    ("a=%zz", "bad-request"), ("a=%ff", "bad-request"), ("%66rom=1&from=2", "bad-request"),
                ] {
                    ask.path = path + joint + query
                    let heard = try await visitor.send(ask, by: .admin)
                    #expect(heard.problem == problem, "\(route.operation) \(query): \(heard.text)")
                    if query == "zoom=3" { #expect(heard.pointers == ["?zoom"]) }
                }
            }
        }
    }

    @Test func `names the parameter that is wrong`() async throws {
        try await inHouse { visitor in
            let times = "/v1/free-times?visitType=\(Known.consultation)"
            for (path, pointer) in [
                ("/v1/free-times", "?visitType"), ("/v1/free-times?visitType=7", "?visitType"),
                (times + "&practitioner=x", "?practitioner"),
                (times + "&location=", "?location"), (times + "&from=today", "?from"), (times + "&from=2026-03-02", "?from"),
                (times + "&from=2026-03-02T09:00:00", "?from"),
                (times + "&from=2026-03-03T00:00:00Z&to=2026-03-03T00:00:00Z", "?to"),
                (times + "&from=2026-03-03T00:00:00Z&to=2027-03-05T00:00:00Z", "?to"), (times + "&limit=0", "?limit"),
                (times + "&limit=201", "?limit"), (times + "&limit=-1", "?limit"), (times + "&limit=ten", "?limit"),
                (times + "&limit=1.5", "?limit"),
                (times + "&limit=99999999999999999999", "?limit"), (times + "&cursor=rubbish", "?cursor"),
                (times + "&cursor=7", "?cursor"),
                (times + "&cursor=1y2p0ij32e8e7~\(Known.brandt)", "?cursor"),
                (times + "&cursor=-1y2p0ij32e8e8~\(Known.brandt)", "?cursor"),
                ("/v1/appointments?patient=\(Known.emma)&practitioner=\(Known.brandt)", "?practitioner"),
                ("/v1/appointments?cursor=1y2p0ij32e8e7~\(Known.brandt)", "?cursor"), ("/v1/mailbox?recipient=me", "?recipient"),
                ("/v1/free-times/explanation?visitType=\(Known.scan)&practitioner=\(Known.brandt)", "?start"),
            ] {
                let heard = try await visitor.get(path)
                #expect(heard.problem == "invalid-fields" && heard.pointers == [pointer], "\(path): \(heard.text)")
            }
        }
    }

    @Test func `takes a plus sign in a time for what it is`() async throws {
        try await inHouse { visitor in
            for from in ["2026-03-10T09:00:00+01:00", "2026-03-10T09:00:00%2B01:00", "2026-03-10t08:00:00z"] {
                let heard = try await visitor.get("/v1/free-times?visitType=\(Known.consultation)&from=\(from)&limit=1")
                #expect(heard.items.first?["start"]?.string == "2026-03-10T08:00:00Z", "\(from)")
            }
        }
    }

    @Test(arguments: [
        "", "{", "{]", "[1,2", #"{"a":1,"a":2}"#, #"{"a":01}"#, #"{"a":1e999}"#, #"{"a":99999999999999999999}"#, #"{'a':1}"#,
        "{} {}", "nul", "\u{FEFF}{}",
        #"{"a":"\ud800"}"#, String(repeating: "[", count: 100), #"{"a":"tab\#t"}"#,
    ])
    func `reads only JSON, and says where it stops being that`(body: String) async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes where route.takes != nil && !body.isEmpty {
                var ask = try await Sample.all[route.operation]!.ask(visitor)
                ask.body = body
                let heard = try await visitor.send(ask, by: .admin)
                #expect(
                    heard.problem == "bad-request" && heard["detail"]?.string?.contains("line 1") == true,
                    "\(route.operation): \(heard.text)")
            }
        }
    }

    @Test(arguments: ["[]", "1", "null", "true", #""text""#]) func `wants an object`(body: String) async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes where route.takesJSON && route.method != .delete {
                var ask = try await Sample.all[route.operation]!.ask(visitor)
                ask.body = body
                let heard = try await visitor.send(ask, by: .admin)
                #expect(heard.problem == "invalid-fields" && heard.pointers.contains("#"), "\(route.operation): \(heard.text)")
            }
        }
    }

    @Test(arguments: [
        "text/plain", "application/xml", "application/json-patch+json", "application/jsonish",
        "application/x-www-form-urlencoded",
    ])
    func `takes no other kind of body`(type: String) async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes where route.takes != nil && (route.form == nil || !type.hasSuffix("urlencoded"))
            {
                let ask = try await Sample.all[route.operation]!.ask(visitor)
                #expect(
                    try await visitor.send(ask, by: .admin, headers: ["Content-Type": type]).problem == "media-type-unsupported")
            }
        }
    }

    @Test(arguments: [
        "application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8", "application/json ; x=y", "",
    ])
    func `takes JSON under each of its names`(type: String) async throws {
        try await inHouse { visitor async throws in
            let ask = Ask.post("/v1/patients", #"{"name":"New Patient"}"#)
            #expect(try await visitor.send(ask, headers: ["Content-Type": type]).status == 201)
        }
    }

    @Test func `takes bodies up to its limit and none beyond`() async throws {
        try await inHouse(bodyMaximum: 1000) { visitor in
            func padded(_ count: Int) -> Ask {
                let body = #"{"name":"New Patient"}"#
                return .post("/v1/patients", body + String(repeating: " ", count: count - body.utf8.count))
            }
            #expect(try await visitor.send(padded(1000)).status == 201)
            #expect(try await visitor.send(padded(1001)).problem == "body-too-large")
            for route in visitor.house.api.routes where route.takesJSON {
                var ask = try await Sample.all[route.operation]!.ask(visitor)
                ask.body = padded(2000).body
                #expect(try await visitor.send(ask, by: .admin).problem == "body-too-large", "\(route.operation)")
            }
        }
    }

    @Test func `answers a body of nothing but mistakes with a list that ends`() async throws {
        try await inHouse { visitor in
            let members = (0..<1500).map { #""m\#($0)":0"# }.joined(separator: ",")
            let heard = try await visitor.send(.post("/v1/patients", "{\(members)}"))
            #expect(heard.problem == "invalid-fields" && heard.pointers.count == 100)
        }
    }
}

@Suite struct TheHouseItself {
    @Test func `says whether it lives, takes requests, and how each part is`() async throws {
        let well = Operations(
            deepHealth: { [("database", "ok"), ("outbox", "ok")] }, metrics: { Array("up 1\n".utf8) }, version: "1.2.3")
        try await inHouse(operations: well) { visitor in
            #expect(try await visitor.get("/health/live", by: nil).json["status"]?.string == "ok")
            #expect(try await visitor.get("/health/ready", by: nil).json["status"]?.string == "ok")
            let health = try await visitor.get("/health", by: nil)
            #expect(health.status == 200 && health["version"]?.string == "1.2.3" && health["parts"]?["outbox"]?.string == "ok")
            let metrics = try await visitor.get("/metrics", by: nil)
            #expect(metrics.text == "up 1\n" && metrics[header: "Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    @Test func `that is not ready says so, and when to come back`() async throws {
        let ill = Operations(readiness: { "The server is stopping." }, deepHealth: { [("database", "takes no writes")] })
        try await inHouse(operations: ill) { visitor in
            let ready = try await visitor.get("/health/ready", by: nil)
            #expect(
                ready.problem == "unavailable" && ready[header: "Retry-After"] == "5"
                    && ready["detail"]?.string == "The server is stopping.")
            #expect(try await visitor.get("/health/live", by: nil).status == 200)
            let health = try await visitor.get("/health", by: nil)
            #expect(
                health.status == 503 && health["status"]?.string == "failing"
                    && health["parts"]?["database"]?.string == "takes no writes")
        }
    }

    @Test func `says whom to tell of a weakness, where somebody wants to hear of it (RFC 9116)`() async throws {
        try await inHouse { visitor in
            let heard = try await visitor.get("/.well-known/security.txt", by: nil)
            #expect(
                heard.text == """
                    Contact: mailto:security@clinic.example
                    Expires: 2026-08-31T05:00:00Z
                    Preferred-Languages: en

                    """)
            #expect(heard[header: "Content-Type"] == "text/plain; charset=utf-8")
        }
        try await inHouse(operations: Operations()) { visitor async throws in
            #expect(try await visitor.get("/.well-known/security.txt", by: nil).problem == "not-found")
        }
        for contact in [
            "", "mailto:", "https://", "security@clinic.example", "http://clinic.example", "mailto:a@b\nX: y", "mailto:ä@b",
        ] {
            #expect(SecurityText(contact: contact, now: Known.morning) == nil, "\(contact)")
        }
    }
}

extension Route {
    /// All that change something but the forms of pages, which `APage` is about.
    var takesJSON: Bool { changesSomething && shows == nil && !isIncoming }
}
