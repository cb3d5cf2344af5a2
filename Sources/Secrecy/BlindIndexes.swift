import Crypto
import Foundation

/// What finds a sealed value without opening any: a keyed digest (HMAC-SHA-256) of its normal form. Whoever has the database and
/// not the key can neither read it nor try out values.
///
/// Full-length, so only for what is nearly unique: an address, a number. Two equal values have equal digests, and that shows; so
/// there is none for names, birth dates or the like (docs/decisions/0019).
public struct BlindIndexes: Sendable {
    private let key: DataKey

    public init(_ key: DataKey) {
        precondition(key.purpose == .index, "an index has a key of its own")
        self.key = key
    }

    /// 32 bytes.
    ///
    /// - Parameter value: in its normal form, see `NormalForm`.
    public func digest(of value: String, table: String, column: String) -> [UInt8] {
        let own = key.derived(for: "blind index \(table).\(column)")
        return Array(HMAC<SHA256>.authenticationCode(for: Array(value.utf8), using: own))
    }
}

/// How people write the same thing differently.
public enum NormalForm {
    /// What somebody signs in with: in small letters, each put together in the one way Unicode has for it (NFKC), whatever keyboard
    /// it was typed on. RFC 8265 §3.3 in short.
    public static func login(_ text: String) -> String {
        text.precomposedStringWithCompatibilityMapping.lowercased().precomposedStringWithCanonicalMapping
    }

    /// Letters in small, blanks at the ends gone.
    public static func email(_ text: String) -> String { trimmed(text).lowercased() }

    /// Digits alone; a leading 00 is the + it stands for. A number with and one without its country stay two.
    public static func phone(_ text: String) -> String {
        let trimmed = trimmed(text)
        let digits = trimmed.filter { $0.isASCII && $0.isNumber }
        if trimmed.hasPrefix("+") { return "+" + digits }
        return digits.hasPrefix("00") ? "+" + digits.dropFirst(2) : digits
    }

    /// Letters in capitals, without blanks and hyphens.
    public static func number(_ text: String) -> String { text.filter { !$0.isWhitespace && $0 != "-" }.uppercased() }

    private static func trimmed(_ text: String) -> String {
        String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
