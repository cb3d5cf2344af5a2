public import Notation

/// An amount in a currency's smallest unit: 4500 `eur` is 45.00 €.
public struct Money: Hashable, Sendable {
    public let amount: Int
    /// Three small letters (ISO 4217).
    public let currency: String

    /// Nil when the amount is negative or no currency is written so.
    public init?(_ amount: Int, _ currency: String) {
        guard amount >= 0, currency.utf8.count == 3, currency.utf8.allSatisfy({ (97...122).contains($0) }) else { return nil }
        self.amount = amount
        self.currency = currency
    }
}

/// What somebody is to pay.
public struct PaymentOrder: Sendable, Hashable {
    public let price: Money
    /// Comes back with everything that is told of the payment, and says nothing about the person or the visit.
    public let reference: EffectKey

    public init(_ price: Money, reference: EffectKey) {
        self.price = price
        self.reference = reference
    }
}

public enum PaymentState: String, Sendable, Hashable, CaseIterable {
    /// Nobody has paid yet.
    case open
    /// The bank is at it; it may still fail.
    case processing
    case paid
    case cancelled
}

public struct Payment: Sendable, Hashable {
    /// The provider's name for it.
    public let id: String
    public let state: PaymentState
    public let price: Money
    /// What has come in, in the same currency.
    public let received: Int
    public let reference: EffectKey?
    public let createdAt: Instant
    /// With it the payer's own browser pays. For nobody else.
    public let payerSecret: Personal<String>?

    public init(
        id: String, state: PaymentState, price: Money, received: Int, reference: EffectKey?, createdAt: Instant,
        payerSecret: Personal<String>? = nil
    ) {
        self.id = id
        self.state = state
        self.price = price
        self.received = received
        self.reference = reference
        self.createdAt = createdAt
        self.payerSecret = payerSecret
    }
}

public enum RefundState: String, Sendable, Hashable, CaseIterable { case pending, done, failed }

public struct Refund: Sendable, Hashable {
    public let id: String
    public let payment: String
    public let amount: Money
    public let state: RefundState
    public let reference: EffectKey?

    public init(id: String, payment: String, amount: Money, state: RefundState, reference: EffectKey?) {
        self.id = id
        self.payment = payment
        self.amount = amount
        self.state = state
        self.reference = reference
    }
}

/// Some of many, and where to go on.
public struct Page<Element: Sendable>: Sendable {
    public let elements: [Element]
    /// For the next call; nil at the end.
    public let next: String?

    public init(_ elements: [Element], next: String?) {
        self.elements = elements
        self.next = next
    }
}

extension Page: Equatable where Element: Equatable {}

/// What a payment provider tells us of itself. It may come twice, late and in any order: `key` says whether it was heard before, and
/// whoever must be sure asks `payment(_:)`.
public struct PaymentNews: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case payment(Payment)
        case refund(Refund)
        /// Something nobody here waits for.
        case other(String)
    }

    public let key: String
    public let at: Instant
    public let kind: Kind

    public init(key: String, at: Instant, kind: Kind) {
        self.key = key
        self.at = at
        self.kind = kind
    }
}

/// Takes money and gives it back. It knows a repeat by its key.
public protocol PaymentDesk: Sendable {
    func open(_ order: PaymentOrder, key: EffectKey) async -> Ending<Payment>
    func payment(_ id: String) async -> Ending<Payment>
    /// Nobody can pay it any more. `never` when it is paid: then it has to be refunded.
    func cancel(_ id: String, key: EffectKey) async -> Ending<Payment>
    /// Gives back `amount`, or with nil all that is left.
    func refund(_ id: String, amount: Int?, reference: EffectKey, key: EffectKey) async -> Ending<Refund>
    /// The payments made at this time or later, the newest first: what is reconciled.
    func payments(since: Instant, after: String?) async -> Ending<Page<Payment>>
    func refunds(of id: String) async -> Ending<[Refund]>
    /// What the provider tells us, once it has proved that it is the provider.
    func news(in call: IncomingCall, at now: Instant) throws(IncomingRefusal) -> PaymentNews
}
