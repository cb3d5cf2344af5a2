public import Notation
public import Partners

/// Takes money and gives it back through Stripe, or whatever speaks its API.
public struct PaymentConnector: PaymentDesk {
    public let way: WayOut
    private let format: StripeFormat

    public init(_ settings: PaymentSettings, way: WayOut) {
        self.way = way
        format = StripeFormat(settings)
    }

    public func open(_ order: PaymentOrder, key: EffectKey) async -> Ending<Payment> {
        await ask(format.opening(order, key: key), StripeFormat.payment)
    }

    public func payment(_ id: String) async -> Ending<Payment> { await ask(format.looking(at: id), StripeFormat.payment) }

    public func cancel(_ id: String, key: EffectKey) async -> Ending<Payment> {
        await ask(format.cancelling(id, key: key), StripeFormat.payment)
    }

    public func refund(_ id: String, amount: Int?, reference: EffectKey, key: EffectKey) async -> Ending<Refund> {
        await ask(format.refunding(id, amount: amount, reference: reference, key: key), StripeFormat.refund)
    }

    public func payments(since: Instant, after: String?) async -> Ending<Page<Payment>> {
        await ask(format.listing(since: since, after: after)) { StripeFormat.list($0, StripeFormat.payment) { $0.id } }
    }

    public func refunds(of id: String) async -> Ending<[Refund]> {
        await ask(format.listingRefunds(of: id)) { StripeFormat.list($0, StripeFormat.refund) { $0.id }?.elements }
    }

    public func news(in call: IncomingCall, at now: Instant) throws(IncomingRefusal) -> PaymentNews {
        try format.news(in: call, at: now)
    }

    private func ask<Value: Sendable>(
        _ call: OutboundCall, _ value: @escaping @Sendable (JSON) -> Value?
    ) async -> Ending<Value> {
        let (format, now) = (format, way.now)
        return await way.ask(call, isRepeatable: true) { format.read($0, now: now, value) }
    }
}
