import Notation
import Outbox
import Scheduling
import Storage

/// A change as it leaves the house: identifiers, a kind and a time, and nothing about a person (reliability.md §9.8).
struct OutsideEvent: Sendable, Equatable {
    static let test = "webhook.test"

    /// Of the change: the same in the feed, in every webhook and on the bus.
    let id: ID<Change>
    let kind: String
    let at: Instant
    /// Nil of a test.
    let appointment: ID<Appointment>?
    let version: Int?

    /// Byte for byte the same in every attempt.
    var body: [UInt8] {
        var json = JSONWriter(reserving: 240)
        json.object { json in
            json.member("id", id)
            json.member("type", kind)
            json.member("timestamp", at)
            json.name("data")
            json.object { json in
                guard let appointment else { return }
                json.name("resource")
                json.object { json in
                    json.member("type", Change.Resource.appointment.rawValue)
                    json.member("id", appointment)
                }
                json.member("version", version)
            }
        }
        return json.bytes
    }

    /// As it lies in the outbox, for whom.
    func payload(to webhook: ID<Webhook>? = nil) -> String {
        var json = JSONWriter(reserving: 320)
        json.object { json in
            json.member("webhook", webhook)
            json.member("event", id)
            json.member("kind", kind)
            json.member("at", at)
            json.member("appointment", appointment)
            json.member("version", version)
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    init(id: ID<Change>, kind: String, at: Instant, appointment: ID<Appointment>?, version: Int?) {
        (self.id, self.kind, self.at, self.appointment, self.version) = (id, kind, at, appointment, version)
    }

    /// From a payload.
    init(_ document: JSON) throws {
        let id = document["event"]?.string.flatMap { ID<Change>($0) }
        let at = document["at"]?.string.flatMap { Instant($0) }
        guard let id, let at, let kind = document["kind"]?.string else {
            throw DeliveryFault("an outbox message names no event")
        }
        let appointment = document["appointment"]?.string.flatMap { ID<Appointment>($0) }
        let version = document["version"]?.integer
        self.init(id: id, kind: kind, at: at, appointment: appointment, version: version.flatMap { Int(exactly: $0) })
    }
}

extension Clinic {
    /// Passes an event on to whoever outside wants it, in the transaction that ends the event's message: one more message for each. The change
    /// itself has paid for nothing of that.
    ///
    /// - Parameter told: who is to be told, of whom those outside are looked for.
    func tellOthers(
        _ kind: AppointmentEvent.Kind, _ document: JSON, _ told: [WhoIsTold.Row], _ delivery: Delivery,
        in transaction: any WriteTransaction
    ) throws {
        let appointment = document["appointment"]?.string.flatMap { ID<Appointment>($0) }
        let version = document["version"]?.integer
        let event = OutsideEvent(
            id: delivery.id.of(), kind: kind.rawValue, at: delivery.createdAt, appointment: appointment,
            version: version.flatMap { Int(exactly: $0) })
        var isTold = false
        for case .webhook(let webhook, let events) in told where events.contains(.all) || events.contains(.kind(kind)) {
            try post(event, to: webhook, in: transaction)
            isTold = true
        }
        if settings.publishesEvents, let appointment {
            try transaction.post(
                .bus(event, of: appointment, surroundings.identifiers.next(OutboxMessage.self), surroundings.clock.now))
            isTold = true
        }
        if isTold { transaction.afterCommit { [self] in afterChange() } }
    }

    /// One event for one of them.
    @discardableResult
    func post(_ event: OutsideEvent, to webhook: ID<Webhook>, in transaction: any WriteTransaction) throws -> ID<WebhookDelivery>
    {
        let (id, now) = (surroundings.identifiers.next(OutboxMessage.self), surroundings.clock.now)
        try transaction.post(InsertWebhookDelivery(webhook: webhook, id: id.of(), event: event, now: now))
        try transaction.post(.webhook(event, to: webhook, id, now))
        return id.of()
    }
}
