public import Notation
public import Partners
public import People
public import Scheduling

/// What is paid for an appointment, and how far that is.
public struct VisitPayment: Sendable {
    public enum State: String, Sendable, CaseIterable {
        /// The provider is asked for it.
        case opening
        /// The payer's browser can pay it.
        case open
        /// The bank is at it; it may still fail.
        case processing
        case paid
        /// Nobody is to pay it any more, and the provider is told.
        case cancelling
        case cancelled
        /// The provider does not want it. It can be asked for again.
        case failed

        /// Whether the provider has still something to say about it.
        var isUnsettled: Bool {
            switch self {
            case .opening, .open, .processing, .cancelling: true
            case .paid, .cancelled, .failed: false
            }
        }
    }

    public let id: ID<VisitPayment>
    /// The one it pays: another than it was asked for when it came late and its time was booked anew.
    public internal(set) var appointment: ID<Appointment>
    public let askedFor: ID<Appointment>
    /// Who pays.
    public let patient: ID<Patient>
    public internal(set) var state: State
    /// As it was when it was asked for: what comes back is agreed then.
    public internal(set) var price: Price
    /// What has come in, in the price's currency.
    public internal(set) var received = 0
    /// Counts the keys the provider is asked under: a new one only when it is known that nothing came of the one before.
    var tries = 1
    /// The provider's name for it.
    public internal(set) var providerID: String?
    /// What the payer's own browser pays with.
    public internal(set) var payerSecret: Personal<String>?
    public let createdAt: Instant
    public internal(set) var updatedAt: Instant
    public internal(set) var paidAt: Instant?
    /// Counts changes.
    public internal(set) var version = 1

    /// Comes back with everything the provider tells of it.
    var reference: EffectKey { EffectKey(id) }
    var openingKey: EffectKey { EffectKey("\(id):open:\(tries)")! }
    var cancellingKey: EffectKey { EffectKey("\(id):cancel:\(tries)")! }
    /// Under which its messages stand in the outbox, one behind the other.
    var openingOrder: String { "payment.open:\(id)" }
    var cancellingOrder: String { "payment.cancel:\(id)" }
    var order: PaymentOrder? { Money(price.amount, price.currency).map { PaymentOrder($0, reference: reference) } }
}

extension VisitPayment: Sealable {
    static let table = "payment"
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> VisitPayment
    {
        var copy = self
        copy.payerSecret = try payerSecret.map { try exchange("payer_secret", $0) }
        return copy
    }
}

/// What is given back of a payment.
public struct VisitRefund: Sendable {
    public enum State: String, Sendable, CaseIterable {
        case asked, pending, done
        /// The money did not go back: somebody has to see to it.
        case failed

        /// Of two things told of one refund the later counts, in whatever order they come.
        var rank: Int { Self.allCases.firstIndex(of: self)! }
    }

    public enum Reason: String, Sendable, CaseIterable {
        case cancelled
        /// It came when the time was somebody else's.
        case late
        /// It is not what was asked for.
        case differs
        /// Somebody has given it back without this program, and has said so since.
        case byHand = "by-hand"
    }

    /// How somebody has given money back by hand.
    public enum Way: String, Sendable, CaseIterable {
        /// At the payment provider's own pages.
        case provider
        case cash
        case transfer
    }

    /// That somebody has given it back, and who says so. Why stands in the audit, where words are sealed.
    public struct Hand: Sendable, Equatable {
        public let way: Way
        public let givenAt: Instant
        /// The principal: `billing:0192…`.
        public let recordedBy: String
    }

    public let id: ID<VisitRefund>
    public let payment: ID<VisitPayment>
    let providerPayment: String
    public let amount: Int
    public let reason: Reason
    public internal(set) var state: State
    var tries = 1
    /// The provider's name for it.
    public internal(set) var providerID: String?
    /// Nil where the provider was asked, and has not failed.
    public internal(set) var hand: Hand?
    public let createdAt: Instant
    public internal(set) var updatedAt: Instant

    var reference: EffectKey { EffectKey(id) }
    var key: EffectKey { EffectKey("\(id):refund:\(tries)")! }
    /// Under which its message stands in the outbox.
    var order: String { "payment.refund:\(id)" }
    /// What tells a failure of it from the one before: by what name the provider had it.
    var failureKey: String { providerID.map { "\(id):\($0)" } ?? id.description }
}

/// A payment with what is given back of it.
public struct PaymentStanding: Sendable {
    public let payment: VisitPayment
    public let refunds: [VisitRefund]
}

/// What a patient was charged, or credited. Never changed.
public struct Invoice: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case invoice
        case creditNote = "credit-note"
    }

    public let id: ID<Invoice>
    /// From 1, without a gap, of both kinds together.
    public let number: Int
    public let kind: Kind
    public let payment: ID<VisitPayment>
    /// What it credits; nil for an invoice.
    public let refund: ID<VisitRefund>?
    public let patient: ID<Patient>
    public let appointment: ID<Appointment>
    public let amount: Int
    public let currency: String
    /// In hundredths of a percent; nil where nothing is said of tax.
    public let taxRate: Int?
    /// What of the amount is tax.
    public let tax: Int?
    public let issuedAt: Instant
}
