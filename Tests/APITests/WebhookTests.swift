import Notation
import Testing
import Workflows

/// Who outside is told what changes, as an admin keeps them.
@Suite struct WebhookAdministration {
    @Test func `shows a secret once, and never again`() async throws {
        try await inHouse { visitor in
            let made = try await visitor.send(.post("/v1/webhooks", Sample.newWebhook), by: .admin)
            #expect(made.status == 201 && made["secret"]?.string?.hasPrefix("whsec_") == true)
            #expect(made[header: "Location"] == "/v1/webhooks/\(made.id)" && made[header: "ETag"] == "\"v1\"")
            let secret = try #require(made["secret"]?.string)
            for path in ["/v1/webhooks", "/v1/webhooks/\(made.id)", "/v1/webhooks/\(made.id)/deliveries"] {
                let heard = try await visitor.get(path, by: .admin)
                #expect(heard.status == 200 && !heard.text.contains(secret) && !heard.text.contains("whsec_"))
            }
            let rotated = try await visitor.send(.post("/v1/webhooks/\(made.id)/secret-rotation", "{}"), by: .admin)
            #expect(rotated["secret"]?.string != secret && rotated["oldSecretUntil"]?.string != nil)
        }
    }

    @Test(arguments: [
        ("http://hooks.example.com/", "must begin with https://"), ("https://localhost/", "must be a host of the internet"),
        ("https://127.0.0.1/", "must lead to the internet"), ("https://[::1]/", "must lead to the internet"),
        ("https://169.254.169.254/latest", "must lead to the internet"), ("https://hooks.example.com:8443/", "must use port 443"),
        ("https://user:word@hooks.example.com/", "must not carry a user or a password"), ("hooks", "must begin with https://"),
    ])
    func `refuses an address that may not be called, and says what would be right`(url: String, detail: String) async throws {
        try await inHouse { visitor in
            let heard = try await visitor.send(
                .post("/v1/webhooks", #"{"url":"\#(url)","events":["appointment.baked"]}"#), by: .admin)
            #expect(heard.problem == "invalid-fields")
            let errors = heard["errors"]?.array ?? []
            #expect(errors.map { $0["pointer"]?.string } == ["#/url", "#/events/0"])
            #expect(errors.first?["detail"]?.string == detail)
        }
    }

    @Test func `says who was first, what is too much, and what is not there`() async throws {
        try await inHouse { visitor in
            let made = try await visitor.send(.post("/v1/webhooks", Sample.newWebhook), by: .admin)
            let path = "/v1/webhooks/\(made.id)"
            let body = #"{"url":"https://hooks.example.com/b","events":["*"]}"#
            #expect(try await visitor.send(.put(path, body, ifMatch: nil), by: .admin).problem == "precondition-required")
            #expect(try await visitor.send(.put(path, body, ifMatch: "\"v7\""), by: .admin).problem == "changed-meanwhile")
            let changed = try await visitor.send(.put(path, body, ifMatch: "\"v1\""), by: .admin)
            #expect(changed.status == 200 && changed["version"]?.integer == 2 && changed["description"] == nil)
            let disabled = try await visitor.send(.post("\(path)/disabling", "{}"), by: .admin)
            #expect(disabled["state"]?.string == "disabled" && disabled["disabledBecause"]?.string == "by-hand")
            #expect(try await visitor.send(.post("\(path)/test", "{}"), by: .admin).problem == "transition-not-allowed")
            #expect(try await visitor.send(.post("\(path)/enabling", "{}"), by: .admin)["state"]?.string == "enabled")
            let tested = try await visitor.send(.post("\(path)/test", "{}"), by: .admin)
            #expect(tested.status == 202)
            let deliveries = try await visitor.get("\(path)/deliveries", by: .admin).items
            #expect(deliveries.map { $0["id"]?.string } == [tested["delivery"]?.string])
            #expect(deliveries.first?["state"]?.string == "waiting")
            #expect(try await visitor.send(.delete(path), by: .admin).status == 200)
            #expect(try await visitor.get(path, by: .admin).status == 404)
            let id = #"{"id":"\#(made.id)","url":"https://hooks.example.com/","events":["*"]}"#
            #expect(try await visitor.send(.post("/v1/webhooks", id), by: .admin).status == 201)
            #expect(try await visitor.send(.post("/v1/webhooks", id), by: .admin).problem == "identifier-already-used")
            for _ in 1..<Webhook.most { _ = try await visitor.send(.post("/v1/webhooks", Sample.newWebhook), by: .admin) }
            #expect(try await visitor.send(.post("/v1/webhooks", Sample.newWebhook), by: .admin).problem == "too-many-webhooks")
        }
    }

    @Test func `the feed goes on where it was, and says what a cursor is not`() async throws {
        try await inHouse { visitor in
            for _ in 0..<3 { _ = try await visitor.booked() }
            let first = try await visitor.get("/v1/changes?limit=2", by: .admin)
            #expect(first.items.count == 2 && first["more"] == JSON(.bool(true)))
            let rest = try await visitor.get("/v1/changes?after=\(first["next"]?.string ?? "")", by: .admin)
            #expect(!rest.items.isEmpty && rest["more"] == JSON(.bool(false)))
            #expect(Set(first.items.map(\.text)).isDisjoint(with: rest.items.map(\.text)))
            #expect(try await visitor.get("/v1/changes?after=now", by: .admin)["next"] == rest["next"])
            let wrong = try await visitor.get("/v1/changes?after=yesterday&limit=1001", by: .admin)
            #expect(wrong.problem == "invalid-fields" && wrong["errors"]?.array?.count == 2)
            let gone = try await visitor.get("/v1/changes?after=0~\(Known.nobody)", by: .admin)
            #expect(gone.status == 410 && gone.problem == "cursor-gone")
        }
    }
}
