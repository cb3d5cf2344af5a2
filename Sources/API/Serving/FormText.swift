import Notation

/// A body as browsers and OAuth clients send forms (`application/x-www-form-urlencoded`), as an object of texts.
enum FormText {
    /// - Parameter fields: those that are known; others are ignored (RFC 6749 §3.2).
    static func parse(_ bytes: some Collection<UInt8>, of fields: [String]) throws(Problem) -> JSON {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Problem(.badRequest, detail: "The form is not UTF-8.")
        }
        var members: [JSON.Member] = []
        for part in text.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decoded(pair[0]), let value = decoded(pair.count > 1 ? pair[1] : "") else {
                throw Problem(.badRequest, detail: "The form is not percent-encoded UTF-8.")
            }
            guard fields.contains(name) else { continue }
            if members.contains(where: { $0.name == name }) {
                throw Problem(.badRequest, detail: "A field of the form stands twice.")
            }
            // One without a value counts as left out.
            if !value.isEmpty { members.append(JSON.Member(name: name, value: JSON(.string(value)))) }
        }
        return JSON(.object(members))
    }

    /// In a form a plus sign is a blank.
    private static func decoded(_ text: Substring) -> String? { QueryText.decoded(text.replacing("+", with: " ")[...]) }
}
