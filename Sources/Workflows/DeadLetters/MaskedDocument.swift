import Notation

/// A JSON document that speaks of nobody: identifiers, times, numbers and truth values stay, and every other text is masked, whatever it
/// is called. What a later topic puts into its documents is masked before anybody has thought of it.
enum MaskedDocument {
    static let mask = "‹masked›"

    static func text(of document: String) throws -> String {
        var json = JSONWriter(reserving: document.utf8.count)
        json.value(masked(try JSON(parsing: document)))
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private static func masked(_ value: JSON) -> JSON {
        var value = value
        switch value.content {
        case .string(let text): value.content = .string(isPlain(text) ? text : mask)
        case .array(let elements): value.content = .array(elements.map(masked))
        case .object(let members):
            value.content = .object(
                members.map { member in
                    var member = member
                    member.value = masked(member.value)
                    return member
                })
        case .null, .bool, .integer, .number: break
        }
        return value
    }

    private static func isPlain(_ text: String) -> Bool { ID<MaskedSubject>(text) != nil || Instant(text) != nil }

    private enum MaskedSubject {}
}
