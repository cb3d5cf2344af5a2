import Mustache
import Notation

/// What the clinic writes its letters on: who they come from, where their links lead, and the two forms every letter has.
public struct Stationery: Sendable {
    public let from: Sender
    /// Links begin with it: `https://clinic.example`.
    let links: String
    /// For who has not said what they read.
    public let language: WrittenLanguage
    private let text: MustacheTemplate
    private let html: MustacheTemplate

    public init(from: Sender, links: String, language: WrittenLanguage = .english) throws {
        self.from = from
        self.links = links
        self.language = language
        text = try MustacheTemplate(string: Self.textForm)
        html = try MustacheTemplate(string: Self.htmlForm)
    }

    /// The words of a letter.
    ///
    /// - Parameter code: what is good once; it stands behind the `#` of the link, and by itself for who cannot follow links.
    public func words(of kind: LetterKind, in language: WrittenLanguage, code: String?) throws -> LetterWords {
        let phrases = kind.phrases(in: language)
        func filled(_ phrase: String) throws -> String {
            try MustacheTemplate(string: "{{% CONTENT_TYPE:TEXT}}" + phrase).render(["clinic": from.name])
        }
        let (opening, closing) = (try phrases.opening.map(filled), try phrases.closing.map(filled))
        var content: [String: Any] = [
            "language": language.rawValue, "subject": phrases.subject, "clinic": from.name,
            "opening": opening, "closing": closing, "openingText": opening.joined(separator: "\n\n"),
            "closingText": closing.joined(separator: "\n\n"),
        ]
        if let action = phrases.action, let path = kind.path, let code {
            content["request"] = [
                "action": action, "link": "\(links)\(path)?language=\(language.rawValue)#\(code)", "code": code,
            ]
        }
        return LetterWords(subject: phrases.subject, text: text.render(content), html: html.render(content))
    }

    private static let textForm = """
        {{% CONTENT_TYPE:TEXT}}{{openingText}}

        {{#request}}{{action}}:
        {{link}}

        {{code}}

        {{/request}}{{closingText}}

        {{clinic}}

        """

    private static let htmlForm = """
        <!doctype html>
        <html lang="{{language}}">
        <head><meta charset="utf-8"><title>{{subject}}</title></head>
        <body style="font-family:sans-serif;line-height:1.5;max-width:36em">
        {{#opening}}
        <p>{{.}}</p>
        {{/opening}}
        {{#request}}
        <p><a href="{{link}}">{{action}}</a></p>
        <p>{{link}}</p>
        <p>{{code}}</p>
        {{/request}}
        {{#closing}}
        <p>{{.}}</p>
        {{/closing}}
        <p>{{clinic}}</p>
        </body>
        </html>

        """
}
