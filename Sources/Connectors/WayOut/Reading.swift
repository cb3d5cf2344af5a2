public import Notation
public import Partners

/// What an answer says, read by whoever knows the other side's words.
public enum Reading<Value: Sendable>: Sendable {
    case value(Value)
    /// They have not done it. `isTheirs` says whether that speaks against them: a busy or broken destination is left alone, one that
    /// refuses our password is not.
    case notNow(after: Span?, reason: String, isTheirs: Bool)
    case refused(String)
    /// They may have done it.
    case unclear(String)
}

extension Reading: Equatable where Value: Equatable {}

extension Reading {
    /// What a status says that is no success (RFC 9110 §15), when the other side has no words of its own for it; nil for a success.
    ///
    /// - Parameters:
    ///   - isRepeatable: Whether asking again does nothing twice.
    ///   - code: The other side's own word for what is wrong.
    public static func standard(_ answer: OutboundAnswer, isRepeatable: Bool, code: String? = nil, now: Instant) -> Reading? {
        let said = "\(answer.status)" + (code.map { ", \($0)" } ?? "")
        switch answer.status {
        case 200..<300: return nil
        case 300..<400: return .notNow(after: nil, reason: "it sends us elsewhere (\(said))", isTheirs: false)
        case 401, 403: return .notNow(after: nil, reason: "it does not take our credentials (\(said))", isTheirs: false)
        case 408, 425, 429, 503:
            let after = answer[header: "retry-after"].flatMap { RetryAfter.span($0, now: now) }
            return .notNow(after: after, reason: "it asks to come later (\(said))", isTheirs: true)
        case 500...:
            if isRepeatable { return .notNow(after: nil, reason: "it failed (\(said))", isTheirs: true) }
            return .unclear("it failed and may have done it (\(said))")
        default: return .refused("it said no (\(said))")
        }
    }

    /// A success that cannot be read.
    public static func garbled(isRepeatable: Bool) -> Reading {
        isRepeatable
            ? .notNow(after: nil, reason: "its answer cannot be read", isTheirs: true) : .unclear("its answer cannot be read")
    }
}

/// How long somebody wants to be left alone (RFC 9110 §10.2.3): seconds, or a date.
public enum RetryAfter {
    /// Never less than nothing, nor more than a day; nil when it is neither.
    public static func span(_ text: String, now: Instant) -> Span? {
        if let seconds = Int(text), seconds >= 0 { return .seconds(min(seconds, 86_400)) }
        guard let at = HTTPDate.instant(text) else { return nil }
        return min(max(.zero, at - now), .days(1))
    }

}

enum HTTPDate {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`, also with `+0000` as mail has it (RFC 9110 §5.6.7, RFC 5322 §3.3).
    static func instant(_ text: String) -> Instant? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT" || parts[5] == "+0000", let month = months.firstIndex(of: String(parts[2]))
        else { return nil }
        let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
        return Instant("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}

/// A word of the other side's that may stand in a log: nothing but a code is one.
func plainCode(_ text: String?) -> String? {
    guard let text, (1...64).contains(text.utf8.count),
        text.utf8.allSatisfy({
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 95 || $0 == 45
        })
    else { return nil }
    return text
}
