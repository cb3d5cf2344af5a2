import Mustache
public import Notation

/// One message to a patient, or to a practitioner, before it is put into words.
public struct MessageDraft: Sendable {
    public var kind: MessageKind
    public var language: WrittenLanguage
    /// When the visit begins, as the clocks at the place show it; nil for what is about no visit.
    public var time: SpokenTime?
    public var place: String?
    public var minutes: Int?
    /// Until when what is offered is held.
    public var until: SpokenTime?
    /// The day it is written on: an end on the same day is said without its day.
    public var today: CalendarDay?
    /// What goes back of a payment.
    public var amount: SpokenAmount?
    /// How the clinic puts it; nil as it is usually put.
    public var template: MessageTemplate?
    /// What a message to a practitioner says besides; nil of one to a patient.
    public var staff: StaffFacts?
    /// What the link of an answer is good with; nil where nothing is asked.
    public var answerCode: String?
    public var unsubscribeCode: String?
    /// Tells two text messages with the same words apart.
    public var reference: String

    public init(kind: MessageKind, language: WrittenLanguage, reference: String) {
        self.kind = kind
        self.language = language
        self.reference = reference
    }

    /// How it is put.
    var words: MessageTemplate { staff?.change.template(in: language) ?? template ?? kind.template(in: language) }
}

/// Where the pages are that messages lead to.
public enum MessagePage {
    public static let answer = "/visit/answer"
    /// What that page is told of, where it is to ask about an offer: `?about=offer`.
    public static let offer = "offer"
    public static let unsubscribe = "/visit/unsubscribe"
}

extension Stationery {
    /// Where whoever answers is led. The code stands behind the `#`: a browser sends that to nobody.
    func answerLink(_ draft: MessageDraft, _ answer: VisitAnswer?) -> String? {
        draft.answerCode.map { code in
            let about = draft.kind == .offer ? "&about=\(MessagePage.offer)" : ""
            let choice = answer.map { "&answer=\($0.rawValue)" } ?? ""
            return "\(links)\(MessagePage.answer)?language=\(draft.language.rawValue)\(about)\(choice)#\(code)"
        }
    }

    /// A mail program asks this address without anybody reading it (RFC 8058), so the code stands in the query; it is good for that alone.
    public func unsubscribeLink(_ draft: MessageDraft) -> String? {
        draft.unsubscribeCode.map { "\(links)\(MessagePage.unsubscribe)?language=\(draft.language.rawValue)&code=\($0)" }
    }

    /// A text message: what it says, how to answer, how to end them. In one line.
    ///
    /// - Parameter hearsReplies: whether a reply comes back to the clinic.
    public func textMessage(_ draft: MessageDraft, hearsReplies: Bool) throws -> String {
        let (template, frame) = (
            draft.words, MessageFrame(draft.language, draft.kind)
        )
        var parts = [try template.filled(template.text, with: facts(draft))]
        if let link = answerLink(draft, nil) {
            parts.append("\(hearsReplies ? frame.reply : frame.link) \(link)")
        } else {
            parts.append("\(frame.reference) \(draft.reference)")
        }
        if hearsReplies, !draft.kind.isNeeded { parts.append(frame.stop) }
        return parts.joined(separator: " ").split { $0 == "\n" || $0 == "\r\n" }.joined(separator: " ")
    }

    /// A notice on a lock screen: what it says, and nothing else. In one line.
    public func notice(_ draft: MessageDraft) throws -> String {
        let template = draft.words
        return try template.filled(template.text, with: facts(draft)).split { $0.isNewline }.joined(separator: " ")
    }

    /// Where whoever answers is led; nil where nothing is asked.
    public func answerLink(_ draft: MessageDraft) -> String? { answerLink(draft, nil) }

    /// A mail, in both forms.
    public func mail(_ draft: MessageDraft) throws -> LetterWords {
        let (template, frame) = (
            draft.words, MessageFrame(draft.language, draft.kind)
        )
        let facts = facts(draft)
        let subject = try template.filled(template.subject, with: facts).split { $0.isNewline }.joined(separator: " ")
        let body = try template.filled(template.body, with: facts)
        let paragraphs = body.split(separator: "\n\n").map { text in
            ["lines": text.split(separator: "\n").map(String.init)] as [String: Any]
        }
        let answers = draft.kind.answers.compactMap { answer -> [String: String]? in
            guard let link = answerLink(draft, answer), let words = frame.answers[answer] else { return nil }
            return ["words": words, "link": link]
        }
        var content: [String: Any] = [
            "language": draft.language.rawValue, "subject": subject, "clinic": from.name, "body": body, "paragraphs": paragraphs,
        ]
        if !answers.isEmpty { content["request"] = ["ask": frame.ask, "answers": answers] as [String: Any] }
        if let link = unsubscribeLink(draft) { content["end"] = ["words": frame.unsubscribe, "link": link] }
        return LetterWords(
            subject: subject, text: try MustacheTemplate(string: Self.mailText).render(content),
            html: try MustacheTemplate(string: Self.mailHTML).render(content))
    }

    private func facts(_ draft: MessageDraft) -> [String: String] {
        let facts = [
            "clinic": from.name, "day": draft.time?.day(in: draft.language) ?? "", "time": draft.time?.time ?? "",
            "place": draft.place ?? "", "minutes": draft.minutes.map(String.init) ?? "", "until": until(draft),
            "amount": draft.amount?.text(in: draft.language) ?? "",
        ]
        guard let staff = draft.staff else { return facts }
        return facts.merging(["visit": staff.visit, "people": staff.people]) { $1 }
    }

    private func until(_ draft: MessageDraft) -> String {
        guard let until = draft.until else { return "" }
        return until.day == draft.today ? until.time : "\(until.day(in: draft.language)), \(until.time)"
    }

    private static let mailText = """
        {{% CONTENT_TYPE:TEXT}}{{body}}

        {{#request}}{{ask}}

        {{#answers}}
        {{words}}: {{link}}
        {{/answers}}

        {{/request}}{{clinic}}
        {{#end}}

        {{words}}: {{link}}
        {{/end}}

        """

    private static let mailHTML = """
        <!doctype html>
        <html lang="{{language}}">
        <head><meta charset="utf-8"><title>{{subject}}</title></head>
        <body style="font-family:sans-serif;line-height:1.5;max-width:36em">
        {{#paragraphs}}
        <p>{{#lines}}{{.}}<br>{{/lines}}</p>
        {{/paragraphs}}
        {{#request}}
        <p>{{ask}}</p>
        {{#answers}}
        <p><a href="{{link}}">{{words}}</a></p>
        {{/answers}}
        {{/request}}
        <p>{{clinic}}</p>
        {{#end}}
        <p><a href="{{link}}">{{words}}</a></p>
        {{/end}}
        </body>
        </html>

        """
}
