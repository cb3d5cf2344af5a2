import Notation
import Testing

extension Sample {
    /// Who outside is told what changes.
    static let webhooks: [String: Sample] = [
        "createWebhook": Sample("nnnnnynn") { visitor in
            try await visitor.makeRoomForWebhooks()
            return .post("/v1/webhooks", newWebhook)
        },
        "listWebhooks": Sample("nnnnnynn") { _ in .get("/v1/webhooks") },
        "readWebhook": Sample("nnnnnynn") { .get("/v1/webhooks/\(try await $0.webhook().id)") },
        "changeWebhook": Sample("nnnnnynn") { visitor in
            let webhook = try await visitor.webhook()
            return .put(
                "/v1/webhooks/\(webhook.id)", #"{"url":"https://hooks.clinic.example.com/b","events":["*"]}"#,
                ifMatch: webhook[header: "ETag"])
        },
        "deleteWebhook": Sample("nnnnnynn") { .delete("/v1/webhooks/\(try await $0.webhook().id)") },
        "rotateWebhookSecret": Sample("nnnnnynn") { .post("/v1/webhooks/\(try await $0.webhook().id)/secret-rotation", "{}") },
        "disableWebhook": Sample("nnnnnynn") { .post("/v1/webhooks/\(try await $0.webhook().id)/disabling", "{}") },
        "enableWebhook": Sample("nnnnnynn") { .post("/v1/webhooks/\(try await $0.webhook().id)/enabling", "{}") },
        "testWebhook": Sample("nnnnnynn") { .post("/v1/webhooks/\(try await $0.webhook().id)/test", "{}") },
        "listWebhookDeliveries": Sample("nnnnnynn") { .get("/v1/webhooks/\(try await $0.webhook().id)/deliveries") },
    ]

    static let webhookBodies: [String: String] = [
        "NewWebhook":
            #"{"id":"\#(Known.nobody)","url":"https://hooks.clinic.example.com/a","events":["appointment.booked"],"description":"the lab"}"#,
        "WebhookRequest":
            #"{"url":"https://hooks.clinic.example.com/a","events":["appointment.booked"],"description":"the lab"}"#,
    ]

    static let newWebhook =
        #"{"url":"https://hooks.clinic.example.com/a","events":["appointment.booked"],"description":"the lab"}"#
}

extension Visitor {
    /// One that was made a moment ago.
    func webhook() async throws -> Heard {
        try await makeRoomForWebhooks()
        let made = try await send(.post("/v1/webhooks", Sample.newWebhook), by: .admin)
        try #require(made.status == 201, "\(made.text)")
        return made
    }

    /// A clinic may have a hundred, and a day of tests makes more.
    func makeRoomForWebhooks() async throws {
        let all = try await get("/v1/webhooks", by: .admin).items
        guard all.count > 40 else { return }
        for id in all.compactMap({ $0["id"]?.string }) { _ = try await send(.delete("/v1/webhooks/\(id)"), by: .admin) }
    }
}
