import API
import Connectors
import Crypto
import Foundation
import Notation
import Partners

/// A payment provider that is only heard: what it says is signed as Stripe signs it.
struct SignedDesk: PaymentDesk {
    static let secret = "whsec_test"
    private let format = StripeFormat(PaymentSettings(secret: Personal("sk_test"), signing: [Personal(secret)]))

    func open(_ order: PaymentOrder, key: EffectKey) async -> Ending<Payment> { .never(reason: "only heard") }
    func payment(_ id: String) async -> Ending<Payment> { .never(reason: "only heard") }
    func cancel(_ id: String, key: EffectKey) async -> Ending<Payment> { .never(reason: "only heard") }
    func refund(_ id: String, amount: Int?, reference: EffectKey, key: EffectKey) async -> Ending<Refund> {
        .never(reason: "only heard")
    }
    func payments(since: Instant, after: String?) async -> Ending<Page<Payment>> { .never(reason: "only heard") }
    func refunds(of id: String) async -> Ending<[Refund]> { .never(reason: "only heard") }
    func news(in call: IncomingCall, at now: Instant) throws(IncomingRefusal) -> PaymentNews {
        try format.news(in: call, at: now)
    }

    static func signature(of body: String, at now: Instant, secret: String = secret) -> String {
        let spoken = Data("\(now.secondsSince1970).\(body)".utf8)
        let code = HMAC<SHA256>.authenticationCode(for: spoken, using: SymmetricKey(data: Data(secret.utf8)))
        let digits = code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return "t=\(now.secondsSince1970),v1=\(digits)"
    }

    static func event(_ id: String, status: String = "succeeded", reference: String = "r1") -> String {
        let object =
            #"{"id":"pi_1","object":"payment_intent","amount":4500,"amount_received":4500,"currency":"eur","status":"\#(status)","created":1772427600,"metadata":{"reference":"\#(reference)"}}"#
        return
            #"{"id":"\#(id)","object":"event","type":"payment_intent.succeeded","created":1772427600,"data":{"object":\#(object)}}"#
    }
}

/// A carrier of text messages that is only heard: what it says is signed as Twilio signs it.
struct SignedTexts: TextCarrier {
    static let token = "0123456789abcdef"
    static let address = "https://clinic.example/v1/incoming/texts"
    private let format = TwilioFormat(TextSettings(account: "AC00", token: Personal(token), sender: "+4930100200"))

    func send(_ text: TextMessage, key: EffectKey) async -> Ending<TextReceipt> { .never(reason: "only heard") }
    func find(_ text: TextMessage, since: Instant) async -> Ending<TextReceipt?> { .never(reason: "only heard") }
    func news(in call: IncomingCall) throws(IncomingRefusal) -> TextNews { try format.news(in: call) }

    static func signature(of fields: [(name: String, value: String)], at url: String = address) -> String {
        let spoken = Data(TwilioFormat.signed(url, fields).utf8)
        return Data(
            HMAC<Insecure.SHA1>.authenticationCode(for: spoken, using: SymmetricKey(data: Data(token.utf8)))
        ).base64EncodedString()
    }
}

extension IncomingDoors {
    static var signed: IncomingDoors {
        IncomingDoors(payments: SignedDesk(), texts: SignedTexts(), textAddress: SignedTexts.address)
    }
}
