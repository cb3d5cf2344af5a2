public import Notation
public import Outbox
public import Partners
import People
import Scheduling
import Storage

/// What came of telling somebody once, for logs and metrics. Nothing in it is about a person.
public struct WebhookReport: Sendable, Equatable {
    public enum Outcome: String, Sendable, CaseIterable {
        case delivered, later, postponed
        /// Given up after the last attempt.
        case failed
        /// They want nothing any more: the webhook is disabled.
        case gone
        /// It was disabled, or taken away, before.
        case cancelled
    }
    public let webhook: ID<Webhook>
    public let event: ID<Change>
    public let kind: String
    public let attempt: Int
    public let outcome: Outcome
    public let reason: String?
}

/// Tells those outside who want to be told (HB-4): at least once, with one identifier for each change, after the pauses of
/// `WebhookSchedule`, and after the last of them not any more.
///
/// A crash between telling and writing down that it was told tells it again, so receivers go by `webhook-id`.
public struct WebhookDesk: Sendable {
    let clinic: Clinic
    let carrier: any WebhookCarrier
    let report: @Sendable (WebhookReport) -> Void

    public init(
        _ clinic: Clinic, carrier: any WebhookCarrier, report: @escaping @Sendable (WebhookReport) -> Void = { _ in }
    ) {
        self.clinic = clinic
        self.carrier = carrier
        self.report = report
    }

    public var deliveries: [String: OutboxHandler] { [Topic.webhook: .external { try await tell($0) }] }

    private var now: Instant { clinic.surroundings.clock.now }
    private var database: any Database { clinic.database.doing(.background) }

    fileprivate struct Sent: Sendable {
        let webhook: ID<Webhook>
        let event: OutsideEvent
        let delivery: Delivery
    }

    private func tell(_ delivery: Delivery) async throws -> Verdict {
        let document = try JSON(parsing: delivery.payload)
        guard let id = document["webhook"]?.string.flatMap({ ID<Webhook>($0) }) else {
            throw DeliveryFault("an outbox message names no webhook")
        }
        let sent = Sent(webhook: id, event: try OutsideEvent(document), delivery: delivery)
        let found = try await database.read { try $0.first(WebhookByID(id: id)) }
        guard let found, found.kept.state == .enabled else { return try await cancel(sent) }
        let webhook = try await clinic.opened(found)
        // Changed by a human, it is somebody else to the breaker.
        let endpoint = WebhookEndpoint(
            id: id.description, version: webhook.version, url: webhook.url.revealed, secrets: webhook.secrets(at: now))
        let message = WebhookMessage(id: EffectKey(sent.event.id), body: sent.event.body)
        switch await carrier.deliver(message, to: endpoint) {
        case .done(.taken):
            try await note(sent, .delivered, nil, next: nil)
            return hear(sent, .delivered, nil, .done)
        case .done(.gone): return try await disable(sent)
        case .later(let after, let reason): return try await again(sent, after, reason)
        case .unknown(let reason), .never(let reason): return try await again(sent, nil, reason)
        case .postponed(let after, let reason):
            return hear(sent, .postponed, reason, .snooze(until: now + max(after, .milliseconds(100))))
        }
    }

    private func again(_ sent: Sent, _ asked: Span?, _ reason: String) async throws -> Verdict {
        let luck = clinic.surroundings.random.unit()
        guard let pause = WebhookSchedule.pause(after: sent.delivery.attempt, asked: asked, luck: luck) else {
            try await note(sent, .failed, reason, next: nil)
            return hear(sent, .failed, reason, .dead(reason: reason))
        }
        try await note(sent, .waiting, reason, next: now + pause)
        return hear(sent, .later, reason, .retry(after: pause, reason: reason))
    }

    private func cancel(_ sent: Sent) async throws -> Verdict {
        try await note(sent, .cancelled, nil, next: nil)
        return hear(sent, .cancelled, nil, .cancel)
    }

    /// 410: nothing more is told there, and a human is to know.
    private func disable(_ sent: Sent) async throws -> Verdict {
        let clinic = clinic
        try await clinic.withKeys {
            try await database.write { transaction in
                let story = try Story(transaction, clinic: clinic, call: Call(caller: .clinic, requestID: "webhooks"))
                try transaction.run(sent.noted(.cancelled, "they want nothing any more (410)", nil, story.now))
                guard let kept = try transaction.first(WebhookToChange(id: sent.webhook))?.kept, kept.state == .enabled else {
                    return
                }
                let webhook = try story.changeWebhook(WebhookTarget(id: sent.webhook), "webhook.gone") { webhook, now in
                    webhook.disabling = Webhook.Disabling(at: now, because: .gone)
                }
                try clinic.raise(.webhookGone(webhook), in: transaction)
            }
        }
        return hear(sent, .gone, nil, .cancel)
    }

    private func note(_ sent: Sent, _ state: WebhookDelivery.State, _ reason: String?, next: Instant?) async throws {
        let now = now
        _ = try await database.write { try $0.run(sent.noted(state, reason, next, now)) }
    }

    private func hear(_ sent: Sent, _ outcome: WebhookReport.Outcome, _ reason: String?, _ verdict: Verdict) -> Verdict {
        report(
            WebhookReport(
                webhook: sent.webhook, event: sent.event.id, kind: sent.event.kind, attempt: sent.delivery.attempt,
                outcome: outcome, reason: reason))
        return verdict
    }
}

extension WebhookDesk.Sent {
    fileprivate func noted(
        _ state: WebhookDelivery.State, _ reason: String?, _ next: Instant?, _ now: Instant
    ) -> NoteWebhookAttempt {
        NoteWebhookAttempt(
            webhook: webhook, id: delivery.id.of(), state: state, attempts: delivery.attempt, at: now, result: reason,
            next: next)
    }
}

extension TaskDraft {
    fileprivate static func webhookGone(_ webhook: Webhook) -> TaskDraft {
        TaskDraft(.webhookGone, key: "\(webhook.id):\(webhook.version)") { json in
            json.member("webhook", webhook.id)
            json.member("disabledAt", webhook.disabling?.at)
        }
    }
}

extension OutboxMessage {
    static func webhook(_ event: OutsideEvent, to webhook: ID<Webhook>, _ id: ID<OutboxMessage>, _ now: Instant) -> OutboxMessage
    {
        OutboxMessage(
            id: id, topic: Topic.webhook, payload: event.payload(to: webhook), createdAt: now, priority: .low,
            subject: webhook.of(), maxAttempts: WebhookSchedule.pauses.count)
    }
}
