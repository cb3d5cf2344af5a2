public import Notation

/// What a visit costs, and what a patient gets back who cancels it.
public struct Price: Sendable, Hashable {
    /// In the currency's smallest unit: 4500 `eur` is 45.00 €. At least 1.
    public var amount: Int
    /// Three small letters (ISO 4217).
    public var currency: String
    /// Tax that is in the amount, in hundredths of a percent: 1900 is 19 %. Nil where invoices say nothing of tax.
    public var taxRate: Int?
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

    public init(amount: Int, currency: String, taxRate: Int? = nil, refunds: [RefundStep] = []) {
        self.taxRate = taxRate
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

    /// The tax that is in so much of it. The net amount is rounded to the nearest smallest unit, halves up; tax is the rest, so that both always
    /// make the amount. Nil without a rate.
    public func tax(in amount: Int) -> Int? {
        taxRate.map { rate in amount - (amount * 10_000 + (10_000 + rate) / 2) / (10_000 + rate) }
    }

    /// The tax in a part that is given back when `before` was already. All parts together have the tax of the whole, whatever was rounded.
    public func tax(in amount: Int, after before: Int) -> Int? {
        guard let all = tax(in: before + amount), let known = tax(in: before) else { return nil }
        return all - known
    }
}
