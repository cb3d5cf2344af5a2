public import Letters
public import Notation
import Partners

public struct MailServiceSettings: Sendable {
    /// `SG.…`, allowed to send mail and nothing else.
    public var key: Personal<String>
    public var base = "https://api.sendgrid.com"
    /// How long after a letter was sent the service's own list has it for sure; nil where the account has no such list.
    public var listedAfter: Span?

    public init(key: Personal<String>) { self.key = key }
}

/// Mail as SendGrid's API of version 3 has it.
public struct SendGridFormat: Sendable {
    public let settings: MailServiceSettings

    public init(_ settings: MailServiceSettings) { self.settings = settings }

    /// Nothing in it is watched: a link that is led through somebody else's server shows them the code in it.
    public func sending(_ letter: Letter) -> OutboundCall {
        var json = JSONWriter()
        json.object { json in
            json.name("personalizations")
            json.array { json in json.object { Self.address(letter, into: &$0) } }
            json.name("from")
            json.object { json in
                json.member("email", letter.from.address.text.revealed)
                json.member("name", letter.from.name)
            }
            json.member("subject", letter.words.subject)
            json.name("content")
            json.array { json in
                let calendar = letter.calendar.map { [($0.contentType, $0.text)] } ?? []
                for (type, value) in [("text/plain", letter.words.text), ("text/html", letter.words.html)] + calendar {
                    json.object { json in
                        json.member("type", type)
                        json.member("value", value)
                    }
                }
            }
            Self.manners(letter, into: &json)
        }
        return OutboundCall(
            .post, "\(settings.base)/v3/mail/send",
            headers: [OutboundCall.bearer(settings.key), OutboundCall.jsonType, ("Idempotency-Key", letter.name)],
            body: json.bytes)
    }

    private static func address(_ letter: Letter, into json: inout JSONWriter) {
        json.name("to")
        json.array { json in json.object { $0.member("email", letter.to.text.revealed) } }
        json.name("custom_args")
        json.object { $0.member("letter", letter.name) }
    }

    private static func manners(_ letter: Letter, into json: inout JSONWriter) {
        json.name("headers")
        json.object { json in
            json.member("Message-ID", letter.messageID)
            json.member("Auto-Submitted", "auto-generated")
            for (name, value) in letter.endHeaders { json.member(name, value) }
        }
        json.name("tracking_settings")
        json.object { json in
            for name in ["click_tracking", "open_tracking", "subscription_tracking"] {
                json.name(name)
                json.object { $0.member("enable", false) }
            }
        }
    }

    /// A refusal of the recipient or the words is the letter's; one of anything else every letter would meet, and none is to be lost by
    /// it.
    public func read(_ answer: OutboundAnswer, now: Instant) -> Reading<Bool> {
        let standard = Reading<Bool>.standard(answer, isRepeatable: false, now: now)
        guard case .refused(let reason) = standard else { return standard ?? .value(true) }
        let isTheLetters = answer.status == 413 || Self.fields(document(answer.body)).contains(where: Self.isOfTheLetter)
        return isTheLetters ? .refused(reason) : .notNow(after: nil, reason: reason, isTheirs: false)
    }

    /// The letter in the service's list of what it has, by the name it was given with it. The list is sold apart ("Email Activity").
    public func finding(_ letter: Letter) -> OutboundCall {
        let query = Form.encoded("(unique_args['letter']=\"\(letter.name)\")")
        return OutboundCall(
            .get, "\(settings.base)/v3/messages?limit=1&query=\(query)", headers: [OutboundCall.bearer(settings.key)])
    }

    /// Whether it is there.
    public func found(_ answer: OutboundAnswer, now: Instant) -> Reading<Bool> {
        if let reading = Reading<Bool>.standard(answer, isRepeatable: true, now: now) { return reading }
        guard let messages = document(answer.body)?["messages"]?.array else { return .garbled(isRepeatable: true) }
        return .value(!messages.isEmpty)
    }

    private static func fields(_ json: JSON?) -> [String] {
        guard let json, let errors = json["errors"]?.array else { return [] }
        return errors.compactMap { $0["field"]?.string }
    }

    private static func isOfTheLetter(_ field: String) -> Bool {
        ["personalizations", "subject", "content"].contains { field == $0 || field.hasPrefix("\($0).") }
    }
}

/// Hands letters to a mail service over HTTP.
public struct MailServiceConnector: LetterCarrier {
    public let way: WayOut
    private let format: SendGridFormat

    public init(_ settings: MailServiceSettings, way: WayOut) {
        self.way = way
        format = SendGridFormat(settings)
    }

    public var restsUntil: Instant? { way.restsUntil }

    public func carry(_ letter: Letter) async -> Handover {
        let (format, now) = (format, way.now)
        let ending = await way.ask(format.sending(letter), isRepeatable: false, beginsBy: letter.beginsBy) {
            format.read($0, now: now)
        }
        switch ending {
        case .done: return .done
        case .later(let after, let reason): return .later(after: after, reason: reason)
        case .postponed(let after, _): return .resting(until: way.now + after)
        case .never(let reason): return .never(reason: reason)
        case .unknown(let reason): return .unknown(reason: reason)
        }
    }

    public var knownAfter: Span? { format.settings.listedAfter }

    public func find(_ letter: Letter) async -> Handover {
        let (format, now) = (format, way.now)
        switch await way.ask(format.finding(letter), isRepeatable: true, read: { format.found($0, now: now) }) {
        case .done(true): return .done
        case .done(false): return .never(reason: "it is not in the service's list")
        case .later(let after, let reason): return .later(after: after, reason: reason)
        case .postponed(let after, _): return .resting(until: way.now + after)
        case .never(let reason), .unknown(let reason): return .unknown(reason: "the service's list cannot be read: \(reason)")
        }
    }
}
