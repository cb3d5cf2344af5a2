/// Bounds what retries add to the load of a destination: each first try earns a share of a retry, each retry takes a whole
/// one. When everything fails, the destination gets a tenth more calls than without retries, not three times as many.
public struct RetryBudget: Sendable {
    /// Retries earned by one first try.
    public let share: Double
    /// Retries that may be saved up; also what there is at the beginning, so that a quiet destination has some.
    public let most: Double
    /// Retries there are to spend. Kept in thousandths, so that sums are exact.
    public var left: Double { Double(thousandths) / 1000 }

    private var thousandths: Int
    private var cap: Int { Int(most * 1000) }

    public init(share: Double = 0.1, most: Double = 10) {
        self.share = share
        self.most = most
        thousandths = Int(most * 1000)
    }

    public mutating func noteFirstTry() { thousandths = min(cap, thousandths + Int(share * 1000)) }

    /// Takes one retry, if there is one.
    public mutating func takeRetry() -> Bool {
        guard thousandths >= 1000 else { return false }
        thousandths -= 1000
        return true
    }
}
