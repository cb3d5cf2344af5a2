public import Notation
public import Outbox
public import Partners
import Scheduling

/// What came of publishing a change once, for logs and metrics. Nothing in it is about a person.
public struct BusReport: Sendable, Equatable {
    public enum Outcome: String, Sendable, CaseIterable { case published, later, postponed, failed }
    public let event: ID<Change>
    public let kind: String
    public let attempt: Int
    public let outcome: Outcome
    public let reason: String?
}

/// Publishes each change to a hospital's message broker (HB-4), at least once: a confirmation that was lost publishes it again, under the same
/// identifier. The changes of one appointment go one after the other, in the order of its versions; one that was given up lets the next pass.
public struct BusDesk: Sendable {
    private let clinic: Clinic
    private let broker: any MessageBroker
    private let report: @Sendable (BusReport) -> Void

    public init(
        _ clinic: Clinic, broker: any MessageBroker, report: @escaping @Sendable (BusReport) -> Void = { _ in }
    ) {
        self.clinic = clinic
        self.broker = broker
        self.report = report
    }

    public var deliveries: [String: OutboxHandler] { [Topic.bus: .external { try await publish($0) }] }

    /// At once, after five seconds, after a minute, after ten, and every half an hour from then on: for two days.
    static func pause(after attempt: Int) -> Span {
        switch attempt {
        case ...1: .seconds(1)
        case 2: .seconds(5)
        case 3: .minutes(1)
        case 4: .minutes(10)
        default: .minutes(30)
        }
    }
    static let attempts = 100

    private func publish(_ delivery: Delivery) async throws -> Verdict {
        let event = try OutsideEvent(try JSON(parsing: delivery.payload))
        let message = BrokerMessage(id: EffectKey(event.id), topic: event.kind, body: event.body)
        func hear(_ outcome: BusReport.Outcome, _ reason: String?, _ verdict: Verdict) -> Verdict {
            report(
                BusReport(event: event.id, kind: event.kind, attempt: delivery.attempt, outcome: outcome, reason: reason))
            return verdict
        }
        switch await broker.publish(message) {
        case .done: return hear(.published, nil, .done)
        case .postponed(let after, let reason):
            return hear(.postponed, reason, .snooze(until: clinic.surroundings.clock.now + max(after, .milliseconds(100))))
        case .later(_, let reason), .unknown(let reason):
            if delivery.isLastAttempt { return hear(.failed, reason, .dead(reason: reason)) }
            return hear(.later, reason, .retry(after: Self.pause(after: delivery.attempt), reason: reason))
        case .never(let reason): return hear(.failed, reason, .dead(reason: reason))
        }
    }
}

extension OutboxMessage {
    static func bus(
        _ event: OutsideEvent, of appointment: ID<Appointment>, _ id: ID<OutboxMessage>, _ now: Instant
    ) -> OutboxMessage {
        OutboxMessage(
            id: id, topic: Topic.bus, payload: event.payload(), createdAt: now, priority: .low,
            orderKey: "bus:\(appointment)", orderNumber: event.version ?? 0, maxAttempts: BusDesk.attempts)
    }
}
