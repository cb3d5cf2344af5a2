/// An amount of money in words: `45.00 EUR`.
public struct SpokenAmount: Sendable, Equatable {
    /// In the currency's smallest unit.
    public let amount: Int
    /// As ISO 4217 writes it, in whatever case.
    public let currency: String

    public init(amount: Int, currency: String) {
        self.amount = amount
        self.currency = currency
    }

    public func text(in language: WrittenLanguage) -> String {
        let code = currency.uppercased()
        let places = Self.withoutCents.contains(code) ? 0 : Self.withThousandths.contains(code) ? 3 : 2
        let unit = [1, 10, 100, 1_000][places]
        let mark = language == .english ? "." : ","
        let rest = String(amount % unit)
        let cents = places == 0 ? "" : mark + String(repeating: "0", count: places - rest.count) + rest
        return "\(amount / unit)\(cents) \(code)"
    }

    /// Those whose smallest unit is the whole, and those with a thousand to it (ISO 4217, as payment providers count).
    private static let withoutCents: Set<String> = [
        "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF",
    ]
    private static let withThousandths: Set<String> = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
}
