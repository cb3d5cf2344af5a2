import Mustache

/// What a message says, as mustache: `{{clinic}}`, `{{day}}`, `{{time}}`, `{{place}}`, `{{minutes}}`, `{{until}}`, `{{amount}}`. There is nothing
/// else to put in, so no message can say why somebody comes.
///
/// Links for an answer, how to end messages and who writes stand behind it whatever it says.
public struct MessageTemplate: Sendable, Equatable {
    /// Of a mail. Stands on lock screens.
    public var subject: String
    /// Of a mail: paragraphs with an empty line between.
    public var body: String
    /// A text message. Stands on lock screens.
    public var text: String

    public init(subject: String, body: String, text: String) {
        self.subject = subject
        self.body = body
        self.text = text
    }

    /// The names it may use.
    public static let names: Set<String> = ["clinic", "day", "time", "place", "minutes", "until", "amount"]
    public static let subjectMaximum = 120
    public static let bodyMaximum = 4_000
    public static let textMaximum = 600

    /// What is wrong with a text somebody wrote; nil when nothing is. Only names between two pairs of braces: no sections, no partials, and
    /// nothing that says how something else is read.
    public static func flaw(of text: String) -> String? {
        // What belongs to a brace, as an accent does that follows it, would make another character of it.
        if hasJoinedBrace("}" + text) {
            return "has a mark that belongs to a brace, or to nothing"
        }
        var rest = text[...]
        while let start = rest.firstRange(of: "{{") {
            guard let end = rest[start.upperBound...].firstRange(of: "}}") else { return "has {{ without }}" }
            let name = rest[start.upperBound..<end.lowerBound].filter { $0 != " " }
            guard names.contains(String(name)) else {
                return "may use {{\(names.sorted().joined(separator: "}}, {{"))}} and nothing else between braces"
            }
            rest = rest[end.upperBound...]
        }
        return text.unicodeScalars.contains { $0.value < 32 && $0 != "\n" || $0.value == 127 } ? "has a control character" : nil
    }

    /// Whether a brace is part of a longer character.
    private static func hasJoinedBrace(_ text: String) -> Bool {
        text.contains { $0.unicodeScalars.count > 1 && ($0.unicodeScalars.first == "{" || $0.unicodeScalars.first == "}") }
    }

    func filled(_ part: String, with facts: [String: String]) throws -> String {
        try MustacheTemplate(string: "{{% CONTENT_TYPE:TEXT}}" + part).render(facts)
    }
}
