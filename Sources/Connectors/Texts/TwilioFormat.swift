import Crypto
import Foundation
public import Notation
public import Partners

/// Where text messages are sent from, and with whose account.
public struct TextSettings: Sendable {
    /// `AC` and 32 digits.
    public var account: String
    /// Signs requests to us too.
    public var token: Personal<String>
    /// A number of ours, or a messaging service (`MG` and 32 digits).
    public var sender: String
    public var base = "https://api.twilio.com"
    /// Where we are told what became of a message; nil for nowhere.
    public var callback: String?

    public init(account: String, token: Personal<String>, sender: String) {
        self.account = account
        self.token = token
        self.sender = sender
    }
}

/// Text messages as Twilio's API of 2010-04-01 has them, and whatever speaks it.
public struct TwilioFormat: Sendable {
    public let settings: TextSettings

    public init(_ settings: TextSettings) { self.settings = settings }

    /// Characters of a message.
    public static let longest = 1600

    private var messages: String { "\(settings.base)/2010-04-01/Accounts/\(Form.encoded(settings.account))/Messages.json" }

    /// Twilio knows no idempotency keys. Ours stands in the address we are told the outcome at, so that a message nobody answered for is
    /// known by it, and in a header for whoever looks.
    public func sending(_ text: TextMessage, key: EffectKey, now: Instant) -> OutboundCall {
        let words = text.words.revealed
        var fields = [("To", text.to.text.revealed), ("Body", words)]
        fields.append((settings.sender.hasPrefix("MG") ? "MessagingServiceSid" : "From", settings.sender))
        if let callback = settings.callback { fields.append(("StatusCallback", "\(callback)?key=\(Form.encoded(key.text))")) }
        if let expires = text.expires {
            let seconds = (expires - now).microseconds / 1_000_000
            fields.append(("ValidityPeriod", String(min(max(1, seconds), 36_000))))
        }
        return OutboundCall(
            .post, messages,
            headers: [
                OutboundCall.basic(settings.account, settings.token), OutboundCall.formType, ("Idempotency-Key", key.text),
            ],
            body: Form.body(fields))
    }

    public func receipt(_ answer: OutboundAnswer, now: Instant) -> Reading<TextReceipt> {
        let json = document(answer.body)
        let code = Self.code(json)
        if let reading = Reading<TextReceipt>.standard(answer, isRepeatable: false, code: code, now: now) { return reading }
        if let json, let receipt = Self.receipt(json) { return .value(receipt) }
        return .garbled(isRepeatable: false)
    }

    private static func code(_ json: JSON?) -> String? {
        guard let json, let number = json["code"]?.integer else { return nil }
        return String(number)
    }

    /// Asks for what was sent to a telephone since a day.
    public func finding(_ text: TextMessage, since: Instant) -> OutboundCall {
        let day = since.description.prefix(10)
        let query = Form.text([("To", text.to.text.revealed), ("DateSent>", String(day)), ("PageSize", "100")])
        return OutboundCall(.get, "\(messages)?\(query)", headers: [OutboundCall.basic(settings.account, settings.token)])
    }

    /// Of those, the first with these words.
    public func found(
        _ answer: OutboundAnswer, _ text: TextMessage, since: Instant, now: Instant
    ) -> Reading<TextReceipt?> {
        if let reading = Reading<TextReceipt?>.standard(answer, isRepeatable: true, now: now) { return reading }
        guard let list = document(answer.body)?["messages"]?.array else { return .garbled(isRepeatable: true) }
        for json in list where Self.isAbout(text, json) && !Self.isOlder(json, than: since) {
            if let receipt = Self.receipt(json) { return .value(receipt) }
            return .garbled(isRepeatable: true)
        }
        return .value(nil)
    }

    private static func isAbout(_ text: TextMessage, _ json: JSON) -> Bool {
        json["to"]?.string == text.to.text.revealed && json["body"]?.string == text.words.revealed
    }

    /// Twilio tells whole seconds, so one within the same second may be the one. Of one without a time nobody knows that it is older.
    private static func isOlder(_ json: JSON, than since: Instant) -> Bool {
        guard let text = json["date_created"]?.string, let at = HTTPDate.instant(text) else { return false }
        return at.secondsSince1970 < since.secondsSince1970
    }

    private static func receipt(_ json: JSON) -> TextReceipt? {
        guard let id = plainCode(json["sid"]?.string), let status = json["status"]?.string else { return nil }
        return TextReceipt(id: id, state: state(status))
    }

    private static func state(_ status: String) -> TextState {
        switch status {
        case "sent": .sent
        case "delivered", "read": .delivered
        case "failed", "undelivered", "canceled": .failed
        default: .accepted
        }
    }

    // MARK: What comes in

    /// What a request tells, whose `X-Twilio-Signature` must be right: HMAC-SHA1 under the account's token over the address and every
    /// field in the order of their names.
    public func news(in call: IncomingCall) throws(IncomingRefusal) -> TextNews {
        guard let signature = call[header: "X-Twilio-Signature"].flatMap({ Base64.bytes($0) }), signature.count == 20 else {
            throw .unsigned
        }
        guard let fields = Form.fields(call.body) else { throw .unreadable }
        let key = SymmetricKey(data: Data(settings.token.revealed.utf8))
        let spoken = Data(Self.signed(call.url, fields).utf8)
        guard HMAC<Insecure.SHA1>.isValidAuthenticationCode(Data(signature), authenticating: spoken, using: key) else {
            throw .forged
        }
        guard let news = news(fields, at: call.url) else { throw .unreadable }
        return news
    }

    public static func signed(_ url: String, _ fields: [(name: String, value: String)]) -> String {
        url + fields.sorted { ($0.name, $0.value) < ($1.name, $1.value) }.map { $0.name + $0.value }.joined()
    }

    private func news(_ fields: [(name: String, value: String)], at url: String) -> TextNews? {
        func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        guard let id = plainCode(field("MessageSid")) else { return nil }
        if let status = field("MessageStatus") {
            guard plainCode(status) != nil else { return nil }
            let kind = TextNews.Kind.state(Self.state(status), about: Self.key(in: url), code: plainCode(field("ErrorCode")))
            return TextNews(key: "\(id):\(status)", id: id, kind: kind)
        }
        guard let from = field("From").flatMap({ PhoneNumber($0) }), let words = field("Body") else { return nil }
        return TextNews(key: "\(id):reply", id: id, kind: .reply(from: from, words: Personal(words)))
    }

    private static func key(in url: String) -> EffectKey? {
        guard let query = url.split(separator: "?", maxSplits: 1).dropFirst().first, let fields = Form.fields(Array(query.utf8))
        else { return nil }
        return fields.first { $0.name == "key" }.flatMap { EffectKey($0.value) }
    }
}
