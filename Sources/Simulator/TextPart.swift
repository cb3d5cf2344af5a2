import Crypto
import Foundation
import Notation

/// A carrier of text messages, as Twilio's API of 2010-04-01 is. It knows no repeats: who asks twice sends twice.
struct TextPart: Sendable {
    static let token = "simulated-token"

    let world: World

    func answer(_ asked: Asked, _ mode: Mode, method: String) -> Reply {
        // 2010-04-01/Accounts/{account}/Messages.json
        guard asked.path.count == 5, asked.path[1] == "2010-04-01", asked.path[2] == "Accounts", asked.path[4] == "Messages.json"
        else { return Self.error(404, 20404, "there is no such resource") }
        guard let (user, password) = asked.basic, user == asked.path[3], password == Self.token else {
            return Self.error(401, 20003, "Authenticate")
        }
        return method == "POST" ? send(asked, mode) : list(asked)
    }

    private static func error(_ status: Int, _ code: Int, _ message: String) -> Reply {
        Reply(status) { json in
            json.member("code", code)
            json.member("message", message)
            json.member("status", status)
        }
    }

    private func send(_ asked: Asked, _ mode: Mode) -> Reply {
        guard let to = asked.form["To"], to.hasPrefix("+"), to.count >= 8 else {
            return Self.error(400, 21211, "the 'To' number is not a valid phone number")
        }
        guard let body = asked.form["Body"], !body.isEmpty else { return Self.error(400, 21602, "Message body is required") }
        guard body.utf16.count <= 1600 else { return Self.error(400, 21617, "the body exceeds 1600 characters") }
        guard let from = asked.form["From"] ?? asked.form["MessagingServiceSid"] else {
            return Self.error(400, 21603, "a 'From' number is required")
        }
        if mode.refuses == true { return Self.error(400, 21614, "'To' number is not a mobile number") }
        let now = world.now
        let text = world.change { state -> SentText in
            let sid = state.name("SM", .sms, 32)
            let text = SentText(
                sid: sid, key: asked.key, from: from, to: to, body: body, status: mode.receipts ?? "delivered",
                callback: asked.form["StatusCallback"],
                createdAt: now.secondsSince1970)
            state.put(text)
            state.note(.sms, "text", key: asked.key ?? sid, made: sid, at: now, as: mode)
            if let receipts = mode.receipts { state.note(.sms, "\(receipts) text", key: asked.key ?? sid, made: sid, at: now) }
            return text
        }
        world.send(news(of: text, account: asked.path[3]), as: mode)
        return Reply(201) { Self.write(text, status: "queued", into: &$0) }
    }

    private func list(_ asked: Asked) -> Reply {
        let since = asked.query["DateSent>"] ?? asked.query["DateSent%3E"] ?? ""
        let texts = world.change { $0.texts.newest }.filter { text in
            !text.isReply && (asked.query["To"].map { $0 == text.to } ?? true)
                && Instant(secondsSince1970: text.createdAt).description.prefix(10) >= since
        }
        return Reply(200) { json in
            json.name("messages")
            json.array(of: texts.prefix(100)) { json, text in json.object { Self.write(text, status: text.status, into: &$0) } }
        }
    }

    private static func write(_ text: SentText, status: String, into json: inout JSONWriter) {
        json.member("sid", text.sid)
        json.member("status", status)
        json.member("from", text.from)
        json.member("to", text.to)
        json.member("body", text.body)
        json.member("direction", "outbound-api")
        json.member("date_created", MailTime.text(text.createdAt))
    }

    // MARK: What it tells

    /// The telephone cannot be reached; nobody knows why.
    private static let errorCodes = ["undelivered": "30003", "failed": "30008"]

    private func news(of text: SentText, account: String) -> [Post] {
        guard let url = text.callback, Postman.isHere(url) else { return [] }
        // What fails was never sent.
        let states = text.status == "failed" ? [text.status] : ["sent", text.status]
        return states.map { status in
            var fields = [
                ("AccountSid", account), ("From", text.from), ("MessageSid", text.sid), ("MessageStatus", status),
                ("SmsSid", text.sid), ("SmsStatus", status), ("To", text.to),
            ]
            if let code = Self.errorCodes[status] { fields.append(("ErrorCode", code)) }
            return Self.post(url, fields)
        }
    }

    /// Somebody answers a text message. False when nobody asked to be told.
    func reply(to sid: String, words: String) -> Bool {
        let now = world.now
        let told = world.change { state -> (String, SentText)? in
            guard let text = state.texts[sid], let url = state.callbacks[.sms] else { return nil }
            let answer = SentText(
                sid: state.name("SM", .sms, 32), from: text.to, to: text.from, body: words, status: "received",
                createdAt: now.secondsSince1970, isReply: true)
            state.put(answer)
            return (url, answer)
        }
        guard let (url, answer) = told else { return false }
        let fields = [
            ("Body", answer.body), ("From", answer.from), ("MessageSid", answer.sid), ("NumMedia", "0"), ("To", answer.to),
        ]
        world.send([Self.post(url, fields)], as: world.change { $0.modes[.sms] ?? Mode() })
        return true
    }

    private static func post(_ url: String, _ fields: [(String, String)]) -> Post {
        let spoken = url + fields.sorted { $0.0 < $1.0 }.map { $0.0 + $0.1 }.joined()
        let code = HMAC<Insecure.SHA1>.authenticationCode(for: Data(spoken.utf8), using: SymmetricKey(data: Data(token.utf8)))
        let signature = Data(code).base64EncodedString()
        let body = fields.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
        return Post(part: .sms, url: url, body: Array(body.utf8), type: "application/x-www-form-urlencoded") { _ in
            ("X-Twilio-Signature", signature)
        }
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}
