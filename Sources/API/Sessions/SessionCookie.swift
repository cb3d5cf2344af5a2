/// The cookies a browser keeps a session in.
///
/// `__Host-` says to the browser that this host alone has set it, over TLS, for every path: a neighbour beneath the same domain cannot plant
/// one (RFC 6265bis §4.1.3). Browsers take `http://localhost` and `http://127.0.0.1` for as good as TLS, so a demonstration works without.
enum SessionCookie: String, CaseIterable {
    case access = "__Host-mc-access"
    case refresh = "__Host-mc-refresh"
    /// The one that the page's own script reads, to say it again in a header: whoever can read it is this origin.
    case csrf = "__Host-mc-csrf"

    func set(_ value: String, forSeconds seconds: Int) -> String { "\(rawValue)=\(value); Max-Age=\(seconds)\(attributes)" }

    var cleared: String { "\(rawValue)=; Max-Age=0\(attributes)" }

    private var attributes: String { "; Path=/; Secure; SameSite=Strict" + (self == .csrf ? "" : "; HttpOnly") }
}

/// What a request says in `Cookie`, as far as it is ours.
struct Cookies: Sendable {
    private let values: [String: String]
    /// One of ours stands twice: somebody has added theirs, and nobody can say which is whose.
    let isAmbiguous: Bool

    init(_ header: String?) {
        var (values, isAmbiguous): ([String: String], Bool) = ([:], false)
        for part in (header ?? "").split(separator: ";") {
            let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, pair[0].hasPrefix("__Host-mc-") else { continue }
            if values.updateValue(String(pair[1]), forKey: String(pair[0])) != nil { isAmbiguous = true }
        }
        (self.values, self.isAmbiguous) = (values, isAmbiguous)
    }

    subscript(_ cookie: SessionCookie) -> String? { self[cookie.rawValue] }
    subscript(_ name: String) -> String? { isAmbiguous ? nil : values[name].flatMap { $0.isEmpty ? nil : $0 } }
}
