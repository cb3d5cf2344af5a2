import Notation
import Workflows

/// Who outside is told what changes, as an admin looks after them.
struct WebhookRoutes {
    var routes: [Route] { [rotate, enable, disable, test, deliveries, create, list, read, change, delete] }

    private var create: Route {
        .forPremises(
            .post, "/v1/webhooks", "createWebhook", "Tell somebody outside what changes, signed with a secret that is shown once",
            takes: "NewWebhook", gives: "WebhookGrant", status: 201, problems: [.identifierAlreadyUsed, .tooManyWebhooks],
            isSecret: true
        ) { exchange, premises in
            let fields = exchange.fields()
            let id = fields.optionalID("id", Webhook.self)
            let draft = fields.webhook(of: premises.clinic)
            try fields.check()
            do {
                let (webhook, secret) = try await premises.clinic.createWebhook(draft, id: id, for: exchange.call)
                var answer = Answer.json(status: 201) { $0.object { webhook.writeMembers(to: &$0, with: secret) } }
                answer.etag = webhook.etag
                answer.location = "/v1/webhooks/\(webhook.id)"
                return answer
            } catch let fault as WebhookFault {
                throw Problem(fault == .tooMany ? .tooManyWebhooks : .identifierAlreadyUsed)
            }
        }
    }

    private var list: Route {
        Route(.get, "/v1/webhooks", "listWebhooks", "Who outside is told what changes", gives: "WebhookList") {
            exchange, clinic in
            try exchange.queryFields().check()
            let webhooks = try await clinic.webhooks(for: exchange.call)
            return Answer.json { json in
                json.object { json in
                    json.name("items")
                    json.array(of: webhooks) { $1.write(to: &$0) }
                }
            }
        }
    }

    private var read: Route {
        Route(.get, "/v1/webhooks/{id}", "readWebhook", "One of them", gives: "Webhook", problems: [.notFound]) {
            exchange, clinic in
            try exchange.queryFields().check()
            let webhook = try await clinic.webhook(try exchange.id(), for: exchange.call)
            return Answer.json { webhook.write(to: &$0) }.cached("private, no-store", etag: webhook.etag)
        }
    }

    private var change: Route {
        Route(
            .put, "/v1/webhooks/{id}", "changeWebhook", "Tell it elsewhere, or of something else", takes: "WebhookRequest",
            gives: "Webhook", problems: [.notFound, .changedMeanwhile], needsIfMatch: true
        ) { exchange, clinic in
            let fields = exchange.fields()
            let draft = fields.webhook(of: clinic)
            guard try exchange.expectedVersion() != nil else {
                throw Problem(.preconditionRequired, detail: "Name the version: * is not enough.")
            }
            try fields.check()
            return Answer(
                try await clinic.changeWebhook(
                    try exchange.webhook(), to: draft, call: exchange.call, wording: exchange.wording { $0.stored }))
        }
    }

    private var delete: Route {
        Route(
            .delete, "/v1/webhooks/{id}", "deleteWebhook", "Tell it nothing any more, and forget it", gives: "Ended",
            problems: [.notFound, .changedMeanwhile]
        ) { exchange, clinic in
            try exchange.fields().check()
            let target = try exchange.webhook()
            return Answer(
                try await clinic.deleteWebhook(
                    target, call: exchange.call,
                    wording: exchange.wording { StoredAnswer(status: 200, body: Answer.ended(target.id.of())) }))
        }
    }

    private var rotate: Route {
        .forPremises(
            .post, "/v1/webhooks/{id}/secret-rotation", "rotateWebhookSecret",
            "Give it another secret; for a day the one before signs too", takes: "Nothing", gives: "WebhookGrant",
            problems: [.notFound], isSecret: true
        ) { exchange, premises in
            try exchange.fields().check()
            let (webhook, secret) = try await premises.clinic.rotateWebhookSecret(of: try exchange.id(), for: exchange.call)
            var answer = Answer.json { $0.object { webhook.writeMembers(to: &$0, with: secret) } }
            answer.etag = webhook.etag
            return answer
        }
    }

    private var disable: Route {
        Route(
            .post, "/v1/webhooks/{id}/disabling", "disableWebhook",
            "Tell it nothing until it is enabled again; what is on its way is given up",
            takes: "Nothing", gives: "Webhook", problems: [.notFound, .changedMeanwhile]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(
                try await clinic.disableWebhook(
                    try exchange.webhook(), call: exchange.call, wording: exchange.wording { $0.stored }))
        }
    }

    private var enable: Route {
        Route(
            .post, "/v1/webhooks/{id}/enabling", "enableWebhook", "Tell it what changes from now on", takes: "Nothing",
            gives: "Webhook", problems: [.notFound, .changedMeanwhile]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(
                try await clinic.enableWebhook(
                    try exchange.webhook(), call: exchange.call, wording: exchange.wording { $0.stored }))
        }
    }

    private var test: Route {
        Route(
            .post, "/v1/webhooks/{id}/test", "testWebhook", "Tell it a test", takes: "Nothing", gives: "WebhookTest", status: 202,
            problems: [.notFound, .transitionNotAllowed]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(
                try await clinic.testWebhook(
                    try exchange.id(), call: exchange.call,
                    wording: exchange.wording { delivery in
                        var json = JSONWriter()
                        json.object { $0.member("delivery", delivery) }
                        return StoredAnswer(status: 202, body: json.bytes)
                    }))
        }
    }

    private var deliveries: Route {
        Route(
            .get, "/v1/webhooks/{id}/deliveries", "listWebhookDeliveries", "What became of telling it, the latest first",
            query: pageParameters, gives: "WebhookDeliveryPage", problems: [.notFound]
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let page = fields.page()
            try fields.check()
            return try await clinic.webhookDeliveries(of: try exchange.id(), page: page, for: exchange.call).answer {
                $1.write(to: &$0)
            }
        }
    }
}

extension Exchange {
    fileprivate func webhook() throws(Problem) -> WebhookTarget {
        WebhookTarget(id: try id(), expectedVersion: try expectedVersion())
    }
}

extension Fields {
    fileprivate func webhook(of clinic: Clinic) -> WebhookDraft {
        let url = text("url", max: 2_048)
        if !url.isEmpty, let objection = clinic.objection(toWebhookAt: url) { reject("url", "\(objection)") }
        let events = texts("events", count: 1...64, like: "a kind of event, such as appointment.booked, or * for all") {
            WantedEvent($0) != nil
        }
        return WebhookDraft(
            url: Personal(url), description: optionalText("description", max: 200).map { Personal($0) },
            events: Set(events).sorted().compactMap { WantedEvent($0) })
    }
}

extension Webhook {
    fileprivate var etag: String { "\"v\(version)\"" }

    fileprivate var stored: StoredAnswer {
        var json = JSONWriter()
        write(to: &json)
        return StoredAnswer(status: 200, etag: etag, body: json.bytes)
    }

    fileprivate func writeMembers(to json: inout JSONWriter, with secret: ShownSecret) {
        writeMembers(to: &json)
        json.member("secret", secret.text)
    }
}
