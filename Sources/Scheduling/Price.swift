public import Notation

/// What a visit costs, and what a patient gets back who cancels it.
public struct Price: Sendable, Hashable {
    /// In the currency's smallest unit: 4500 `eur` is 45.00 €. At least 1.
    public var amount: Int
    /// Three small letters (ISO 4217).
    public var currency: String
    /// From the earliest to the latest. None gives nothing back.
    public var refunds: [RefundStep]

    /// So much comes back to who cancels so long before the start.
    public struct RefundStep: Sendable, Hashable {
        public var hoursBefore: Int
        /// 0…100
        public var percent: Int

        public init(hoursBefore: Int, percent: Int) {
            self.hoursBefore = hoursBefore
            self.percent = percent
        }
    }

    public init(amount: Int, currency: String, refunds: [RefundStep] = []) {
        self.amount = amount
        self.currency = currency
        self.refunds = refunds.sorted { $0.hoursBefore > $1.hoursBefore }
    }

    /// What comes back of what was paid to who cancels at an instant: by the earliest step there is still time for, and nothing after the
    /// last. A part of the smallest unit counts as a whole one.
    public func givenBack(of paid: Int, cancelledAt now: Instant, before start: Instant) -> Int {
        let step = refunds.first { now <= start - .hours($0.hoursBefore) }
        return min(paid, (paid * (step?.percent ?? 0) + 99) / 100)
    }
}
