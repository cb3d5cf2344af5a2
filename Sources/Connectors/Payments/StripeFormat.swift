import Crypto
import Foundation
public import Notation
public import Partners

public struct PaymentSettings: Sendable {
    /// `sk_…`
    public var secret: Personal<String>
    /// `whsec_…`: sign what we are told. Two while one is replaced by the other.
    public var signing: [Personal<String>]
    public var base = "https://api.stripe.com"
    /// Answers do not change under us.
    public var version = "2024-06-20"

    public init(secret: Personal<String>, signing: [Personal<String>]) {
        self.secret = secret
        self.signing = signing
    }

    /// Several secrets written in one text, with commas between.
    public static func secrets(_ text: Personal<String>) -> [Personal<String>] {
        text.revealed.split(separator: ",").map { Personal($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
}

/// Payments as Stripe's API has them: intents, refunds, and signed events.
public struct StripeFormat: Sendable {
    public let settings: PaymentSettings

    public init(_ settings: PaymentSettings) { self.settings = settings }

    // MARK: What is asked

    private func post(_ path: String, _ fields: [(String, String)], key: EffectKey) -> OutboundCall {
        OutboundCall(
            .post, "\(settings.base)/v1/\(path)", headers: head + [OutboundCall.formType, ("Idempotency-Key", key.text)],
            body: Form.body(fields))
    }

    private func get(_ path: String, _ fields: [(String, String)] = []) -> OutboundCall {
        OutboundCall(.get, "\(settings.base)/v1/\(path)" + (fields.isEmpty ? "" : "?\(Form.text(fields))"), headers: head)
    }

    private var head: [(name: String, value: String)] {
        [OutboundCall.bearer(settings.secret), ("Stripe-Version", settings.version)]
    }

    public func opening(_ order: PaymentOrder, key: EffectKey) -> OutboundCall {
        post(
            "payment_intents",
            [
                ("amount", String(order.price.amount)), ("currency", order.price.currency),
                ("automatic_payment_methods[enabled]", "true"), ("metadata[reference]", order.reference.text),
            ], key: key)
    }

    public func looking(at id: String) -> OutboundCall { get("payment_intents/\(Form.encoded(id))") }

    public func cancelling(_ id: String, key: EffectKey) -> OutboundCall {
        post("payment_intents/\(Form.encoded(id))/cancel", [], key: key)
    }

    public func refunding(_ id: String, amount: Int?, reference: EffectKey, key: EffectKey) -> OutboundCall {
        let fields = [("payment_intent", id), ("metadata[reference]", reference.text)]
        return post("refunds", fields + (amount.map { [("amount", String($0))] } ?? []), key: key)
    }

    public func listing(since: Instant, after: String?) -> OutboundCall {
        let fields = [("limit", "100"), ("created[gte]", String(since.secondsSince1970))]
        return get("payment_intents", fields + (after.map { [("starting_after", $0)] } ?? []))
    }

    public func listingRefunds(of id: String) -> OutboundCall { get("refunds", [("payment_intent", id), ("limit", "100")]) }

    // MARK: What is answered

    /// - Parameter value: Reads a success; nil when it cannot be read.
    public func read<Value>(_ answer: OutboundAnswer, now: Instant, _ value: (JSON) -> Value?) -> Reading<Value> {
        let json = document(answer.body)
        let error = json?["error"]
        let code = plainCode(error?["code"]?.string ?? error?["type"]?.string)
        // Stripe keeps the first answer to a key, also when it was a fault: asking again brings it again, for a day.
        if answer.status >= 500, answer[header: "Idempotent-Replayed"] == "true" {
            return .unclear("it failed and repeats that (\(answer.status))")
        }
        // The first call with this key is still under way.
        if answer.status == 409, code == "idempotency_key_in_use" {
            return .notNow(after: nil, reason: "it is still at it (409)", isTheirs: false)
        }
        if let reading = Reading<Value>.standard(answer, isRepeatable: true, code: code, now: now) { return reading }
        guard let json, let value = value(json) else { return .garbled(isRepeatable: true) }
        return .value(value)
    }

    public static func payment(_ json: JSON) -> Payment? {
        guard json["object"]?.string == "payment_intent", let id = plainCode(json["id"]?.string),
            let amount = json["amount"]?.integer, let currency = json["currency"]?.string,
            let price = Money(Int(amount), currency),
            let state = json["status"]?.string.flatMap(state), let created = json["created"]?.integer
        else { return nil }
        return Payment(
            id: id, state: state, price: price, received: Int(json["amount_received"]?.integer ?? 0),
            reference: reference(json), createdAt: Instant(secondsSince1970: created),
            payerSecret: json["client_secret"]?.string.map { Personal($0) })
    }

    private static func state(_ status: String) -> PaymentState? {
        switch status {
        case "requires_payment_method", "requires_confirmation", "requires_action": .open
        case "processing", "requires_capture": .processing
        case "succeeded": .paid
        case "canceled": .cancelled
        default: nil
        }
    }

    public static func refund(_ json: JSON) -> Refund? {
        guard json["object"]?.string == "refund", let id = plainCode(json["id"]?.string),
            let payment = plainCode(json["payment_intent"]?.string), let amount = json["amount"]?.integer,
            let money = json["currency"]?.string.flatMap({ Money(Int(amount), $0) })
        else { return nil }
        let state: RefundState =
            switch json["status"]?.string {
            case "succeeded": .done
            case "failed", "canceled": .failed
            default: .pending
            }
        return Refund(id: id, payment: payment, amount: money, state: state, reference: reference(json))
    }

    private static func reference(_ json: JSON) -> EffectKey? { json["metadata"]?["reference"]?.string.flatMap { EffectKey($0) } }

    /// All of them or nothing: a page with one that cannot be read would let it be forgotten.
    public static func list<Element: Sendable>(_ json: JSON, _ element: (JSON) -> Element?, id: (Element) -> String) -> Page<
        Element
    >? {
        guard let data = json["data"]?.array, case .bool(let hasMore)? = json["has_more"]?.content else { return nil }
        let elements = data.compactMap(element)
        guard elements.count == data.count else { return nil }
        return Page(elements, next: hasMore ? elements.last.map(id) : nil)
    }

    // MARK: What comes in

    /// Seconds an event's signature is good for.
    public static let tolerance: Int64 = 300

    /// What an event tells, whose `Stripe-Signature` must be right: `t=` its time and `v1=` an HMAC-SHA256 over `t.body`.
    public func news(in call: IncomingCall, at now: Instant) throws(IncomingRefusal) -> PaymentNews {
        guard let (time, signatures) = call[header: "Stripe-Signature"].flatMap(Self.signature) else { throw .unsigned }
        let spoken = Data(Array("\(time).".utf8) + call.body)
        let keys = settings.signing.map { SymmetricKey(data: Data($0.revealed.utf8)) }
        let isTheirs = keys.contains { key in
            signatures.contains { HMAC<SHA256>.isValidAuthenticationCode(Data($0), authenticating: spoken, using: key) }
        }
        guard isTheirs else { throw .forged }
        guard let seconds = Int64(time), abs(now.secondsSince1970 - seconds) <= Self.tolerance else { throw .stale }
        guard let json = document(call.body), let news = Self.news(json) else { throw .unreadable }
        return news
    }

    /// The time as it was written, and every signature of the first version.
    private static func signature(_ header: String) -> (time: String, signatures: [[UInt8]])? {
        let parts = header.split(separator: ",").prefix(16).map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        let time = parts.first { $0.count == 2 && $0[0] == "t" }?[1]
        let signatures = parts.filter { $0.count == 2 && $0[0] == "v1" }.compactMap { hexadecimal($0[1]) }
        guard let time, Int64(time) != nil, !signatures.isEmpty else { return nil }
        return (time, signatures)
    }

    private static func news(_ json: JSON) -> PaymentNews? {
        guard let key = plainCode(json["id"]?.string), let type = json["type"]?.string, let created = json["created"]?.integer,
            let object = json["data"]?["object"]
        else { return nil }
        let at = Instant(secondsSince1970: created)
        switch object["object"]?.string {
        case "payment_intent": return payment(object).map { PaymentNews(key: key, at: at, kind: .payment($0)) }
        case "refund": return refund(object).map { PaymentNews(key: key, at: at, kind: .refund($0)) }
        default: return PaymentNews(key: key, at: at, kind: .other(String(type.prefix(64))))
        }
    }
}

/// Two digits a byte; nil when it is anything else.
func hexadecimal(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0, digits.count <= 256 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) else { return nil }
        bytes.append(byte)
    }
    return bytes
}
