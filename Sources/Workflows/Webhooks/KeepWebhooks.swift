public import Notation
import Outbox
public import Outbound
import People
import Scheduling
import Storage

/// What a webhook is to be.
public struct WebhookDraft: Sendable {
    public let url: Personal<String>
    public let description: Personal<String>?
    public let events: [WantedEvent]

    public init(url: Personal<String>, description: Personal<String>?, events: [WantedEvent]) {
        self.url = url
        self.description = description
        self.events = events
    }
}

/// Which webhook a verb is about, and which version of it the caller has seen; nil when they do not mind.
public struct WebhookTarget: Sendable {
    public let id: ID<Webhook>
    public let expectedVersion: Int?

    public init(id: ID<Webhook>, expectedVersion: Int? = nil) {
        self.id = id
        self.expectedVersion = expectedVersion
    }
}

public enum WebhookFault: Error, Sendable {
    /// Another has this identifier, or this one was made already: its secret cannot be told twice.
    case identifierUsed
    /// There are `Webhook.most` already.
    case tooMany
}

// An admin keeps them. Every step leaves a record.
extension Clinic {
    /// Why an address may not be called, as far as it says itself; nil when it may. What its name stands for is looked at before each call.
    public func objection(toWebhookAt url: String) -> OutboundRefusal? {
        do {
            _ = try settings.webhookPolicy.destination(url)
            return nil
        } catch { return error }
    }

    /// Subscribes somebody. The secret is shown to nobody again. Throws `WebhookFault`.
    public func createWebhook(
        _ draft: WebhookDraft, id: ID<Webhook>? = nil, for call: Call
    ) async throws -> (webhook: Webhook, secret: ShownSecret) {
        let secret = ShownSecret.make(surroundings.random)
        let id = id ?? surroundings.identifiers.next(Webhook.self)
        let webhook = try await keepWebhooks(call) { story in
            let webhook = Webhook(
                id: id, url: draft.url, description: draft.description, events: draft.events, secret: secret.hexadecimal,
                createdBy: call.by, createdAt: story.now, version: 1)
            let all = try story.transaction.fetch(AllWebhooks())
            if all.contains(where: { $0.kept.id == id }) { throw WebhookFault.identifierUsed }
            if all.count >= Webhook.most { throw WebhookFault.tooMany }
            try story.transaction.run(InsertWebhook(webhook: try story.sealed(webhook)))
            try story.auditChange(of: id.of(), "webhook.created")
            return webhook
        }
        return (webhook, secret)
    }

    /// Gives it another secret. What it had signs too for a day, so that nothing is refused while the new one is brought to where it is used.
    public func rotateWebhookSecret(of id: ID<Webhook>, for call: Call) async throws -> (webhook: Webhook, secret: ShownSecret) {
        let secret = ShownSecret.make(surroundings.random)
        let webhook = try await keepWebhooks(call) { story in
            try story.changeWebhook(WebhookTarget(id: id), "webhook.secret-rotated") { webhook, now in
                webhook.oldSecret = Webhook.OldSecret(hexadecimal: webhook.secret, until: now + .hours(24))
                webhook.secret = secret.hexadecimal
            }
        }
        return (webhook, secret)
    }

    private func keepWebhooks<Answer: Sendable>(
        _ call: Call, _ body: @escaping @Sendable (Story) throws -> Answer
    ) async throws -> Answer {
        guard call.caller.may(.keepWebhooks) else { throw Refusal.notPermitted }
        return try await withKeys {
            do {
                return try await database.write { [self] transaction in
                    try body(try Story(transaction, clinic: self, call: call))
                }
            } catch StorageFault.constraint(let name) where name == "webhook_pkey" || name == "webhook.id" {
                throw WebhookFault.identifierUsed
            }
        }
    }

    public func webhooks(for call: Call) async throws -> [Webhook] {
        guard call.caller.may(.keepWebhooks) else { throw Refusal.notPermitted }
        return try await opened(try await database.read { try $0.fetch(AllWebhooks()) })
    }

    /// Those that are told, with their versions, by their identifiers: what a connector's endpoints are known by.
    public func webhookVersions() async throws -> [String: Int] {
        let all = try await database.doing(.background).read { try $0.fetch(AllWebhooks()) }.map(\.kept)
        return Dictionary(uniqueKeysWithValues: all.filter { $0.state == .enabled }.map { ($0.id.description, $0.version) })
    }

    public func webhook(_ id: ID<Webhook>, for call: Call) async throws -> Webhook {
        guard call.caller.may(.keepWebhooks) else { throw Refusal.notPermitted }
        guard let found = try await database.read({ try $0.first(WebhookByID(id: id)) }) else { throw Refusal.recordUnknown }
        return try await opened(found)
    }

    /// What became of telling it, the latest first. Kept for thirty days.
    public func webhookDeliveries(
        of id: ID<Webhook>, page: PageRequest, for call: Call
    ) async throws -> Page<WebhookDelivery> {
        guard call.caller.may(.keepWebhooks) else { throw Refusal.notPermitted }
        return try await database.read { transaction in
            guard try transaction.first(WebhookByID(id: id)) != nil else { throw Refusal.recordUnknown }
            let before = page.after?.id.of(WebhookDelivery.self) ?? ID(high: .max, low: .max)
            let found = try transaction.fetch(DeliveriesOfWebhook(webhook: id, before: before, limit: page.limit + 1))
            return page.page(found) { Cursor(at: $0.at, id: $0.id.of()) }
        }
    }

    /// Changes where it is told, and of what.
    public func changeWebhook(
        _ target: WebhookTarget, to draft: WebhookDraft, call: Call, wording: Wording<Webhook>
    ) async throws -> Reply<Webhook> {
        try await changing(target, "webhook.changed", call, wording) { webhook, _ in
            (webhook.url, webhook.description, webhook.events) = (draft.url, draft.description, draft.events)
        }
    }

    /// Tells it nothing any more, until somebody enables it again. What is on its way is given up.
    public func disableWebhook(_ target: WebhookTarget, call: Call, wording: Wording<Webhook>) async throws -> Reply<Webhook> {
        try await changing(target, "webhook.disabled", call, wording) { webhook, now in
            webhook.disabling = webhook.disabling ?? Webhook.Disabling(at: now, because: .byHand)
        }
    }

    /// Tells it what changes from now on; what changed meanwhile is in the feed.
    public func enableWebhook(_ target: WebhookTarget, call: Call, wording: Wording<Webhook>) async throws -> Reply<Webhook> {
        try await changing(target, "webhook.enabled", call, wording) { webhook, _ in webhook.disabling = nil }
    }

    public func deleteWebhook(_ target: WebhookTarget, call: Call, wording: Wording<Void>) async throws -> Reply<Void> {
        try await perform(call, wording: wording) { story in
            try story.require(.keepWebhooks)
        } act: { story, _ in
            guard let webhook = try story.transaction.first(WebhookToChange(id: target.id))?.kept else {
                throw Refusal.recordUnknown
            }
            if let expected = target.expectedVersion, expected != webhook.version { throw Refusal.changedMeanwhile }
            try story.cancelDeliveries(to: target.id)
            try story.transaction.run(DeleteWebhook(id: target.id))
            try story.auditChange(of: target.id.of(), "webhook.deleted")
        }
    }

    /// Tells it a test, whatever events it wants. Refused with `transitionNotAllowed` while it is disabled.
    public func testWebhook(
        _ id: ID<Webhook>, call: Call, wording: Wording<ID<WebhookDelivery>>
    ) async throws -> Reply<ID<WebhookDelivery>> {
        let reply = try await perform(call, wording: wording) { story in
            try story.require(.keepWebhooks)
        } act: { [self] story, _ in
            guard let webhook = try story.transaction.first(WebhookToChange(id: id))?.kept else { throw Refusal.recordUnknown }
            guard webhook.state == .enabled else { throw Refusal.transitionNotAllowed }
            let event = OutsideEvent(
                id: story.newID(), kind: OutsideEvent.test, at: story.now, appointment: nil, version: nil)
            let delivery = try post(event, to: id, in: story.transaction)
            try story.auditChange(of: id.of(), "webhook.tested")
            return delivery
        }
        afterChange()
        return reply
    }

    private func changing(
        _ target: WebhookTarget, _ act: String, _ call: Call, _ wording: Wording<Webhook>,
        _ body: @escaping @Sendable (inout Webhook, Instant) -> Void
    ) async throws -> Reply<Webhook> {
        try await perform(call, wording: wording) { story in
            try story.require(.keepWebhooks)
        } act: { story, _ in
            try story.changeWebhook(target, act, body)
        }
    }

    /// Forgets what became of telling it thirty days ago. Returns how much.
    @discardableResult
    public func forgetOldWebhookDeliveries(limit: Int = 1_000) async throws -> Int {
        try await database.doing(.background).write { [self] transaction in
            try transaction.run(ForgetOldWebhookDeliveries(before: surroundings.clock.now - .days(30), limit: limit))
        }
    }
}

extension Story {
    /// The next version of one, written down and on record. One that is disabled by it is told nothing that is on its way.
    @discardableResult
    func changeWebhook(_ target: WebhookTarget, _ act: String, _ body: (inout Webhook, Instant) -> Void) throws -> Webhook {
        guard let kept = try transaction.first(WebhookToChange(id: target.id)) else { throw Refusal.recordUnknown }
        var webhook = try opened(kept)
        if let expected = target.expectedVersion, expected != webhook.version { throw Refusal.changedMeanwhile }
        let before = webhook.state
        body(&webhook, now)
        webhook.version += 1
        guard try transaction.run(UpdateWebhook(webhook: try sealed(webhook))) == 1 else { throw Refusal.changedMeanwhile }
        if before == .enabled, webhook.state == .disabled { try cancelDeliveries(to: target.id) }
        try auditChange(of: target.id.of(), act)
        return webhook
    }

    fileprivate func cancelDeliveries(to webhook: ID<Webhook>) throws {
        try transaction.cancelWaiting(subject: webhook.of(), topics: [Topic.webhook], now: now)
        try transaction.run(CancelDeliveries(webhook: webhook))
    }
}
