import Notation
import Testing

/// Where patients get notices, over the API (MC-12).
@Suite struct PatientDevices {
    private static let path = "/v1/patients/\(Known.emma)/devices"

    @Test func `a device is registered, listed without what it is told by, and forgotten`() async throws {
        try await inHouse { visitor in
            let body = Known.device("secret-registration", more: #","name":"phone","language":"de""#)
            let device = try await visitor.send(.post(Self.path, body), by: .emma)
            #expect(device.status == 200 && device["platform"]?.string == "android" && device["language"]?.string == "de")
            let again = try await visitor.send(.post(Self.path, body), by: .emma)
            #expect(again.id == device.id, "it is there still")
            let listed = try await visitor.get(Self.path, by: .desk)
            #expect(listed.items.count == 1 && listed.items[0]["name"]?.string == "phone")
            let export = try await visitor.get("/v1/patients/\(Known.emma)/export", by: .emma)
            #expect(export["devices"]?.array?.count == 1)
            for text in [device.text, listed.text, export.text] { #expect(!text.contains("secret-registration")) }
            let consents = try await visitor.get("/v1/patients/\(Known.emma)/preferences", by: .emma)["consents"]
            #expect(consents?["push"]?["given"]?.content == .bool(true))
            #expect(try await visitor.send(.delete("\(Self.path)/\(device.id)"), by: .noah).status == 404)
            #expect(try await visitor.send(.delete("\(Self.path)/\(device.id)"), by: .emma).status == 200)
            #expect(try await visitor.send(.delete("\(Self.path)/\(device.id)"), by: .emma).status == 404)
            #expect(try await visitor.get(Self.path, by: .emma).items.isEmpty)
        }
    }

    @Test(arguments: [
        (#"{"platform":"pager","token":"x"}"#, "#/platform"), (#"{"platform":"ios"}"#, "#/token"),
        (#"{"platform":"ios","token":"a b"}"#, "#/token"), (#"{"platform":"ios","token":"x","language":"xx"}"#, "#/language"),
    ])
    func `what is wrong with a registration is said by name`(body: String, pointer: String) async throws {
        try await inHouse { visitor in
            let heard = try await visitor.send(.post(Self.path, body), by: .emma)
            #expect(heard.status == 400)
            #expect(heard["errors"]?.array?.map { $0["pointer"]?.string } == [pointer], "\(heard.text)")
        }
    }

    @Test func `ten are kept, the newest`() async throws {
        try await inHouse { visitor in
            for number in 0..<12 {
                visitor.house.clock.advance(by: .seconds(1))
                _ = try await visitor.send(
                    .post(Self.path, Known.device("r-\(number)", more: #","name":"n\#(number)""#)), by: .emma)
            }
            let names = Set(try await visitor.get(Self.path, by: .emma).items.compactMap { $0["name"]?.string })
            #expect(names == Set((2..<12).map { "n\($0)" }))
        }
    }

    @Test func `who signs out is told nothing more there, and others go on`() async throws {
        try await inHouse { visitor in
            var sessions: [(id: String, token: [String: String])] = []
            for number in 0..<2 {
                let grant = try await visitor.send(.post("/v1/sessions", Known.credentials(.emma)), by: nil)
                let paper = ["Authorization": "Bearer \(grant["accessToken"]?.string ?? "")"]
                sessions.append((id: grant["session"]?.string ?? "", token: paper))
                let made = try await visitor.send(.post(Self.path, Known.device("r-\(number)")), by: nil, headers: paper)
                #expect(made.status == 200, "\(made.text)")
            }
            #expect(try await visitor.get(Self.path, by: .emma).items.count == 2)
            let ended = try await visitor.send(
                .delete("/v1/sessions/\(sessions[0].id)"), by: nil, headers: sessions[0].token)
            #expect(ended.status < 300)
            #expect(try await visitor.get(Self.path, by: .emma).items.count == 1)
            let changed = try await visitor.send(
                .put(
                    "/v1/password", #"{"oldPassword":"\#(Known.passwordText)","newPassword":"another \#(Known.passwordText)"}"#,
                    ifMatch: nil), by: nil, headers: sessions[1].token)
            #expect(changed.status < 300, "\(changed.text)")
            #expect(try await visitor.get(Self.path, by: .emma).items.count == 1, "this session goes on")
        }
    }
}
