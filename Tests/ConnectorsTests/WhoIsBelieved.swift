import Connectors
import Crypto
import Foundation
import Notation
import Partners
import Testing

/// What comes in from outside and says who sent it.
@Suite struct WhoIsBelieved {
    // MARK: Text messages

    /// The example in the tests of Twilio's own libraries.
    private let url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    private let fields = [
        ("Digits", "1234"), ("CallSid", "CA1234567890ABCDE"), ("To", "+18005551212"), ("Caller", "+14158675309"),
        ("From", "+14158675309"),
    ]
    private let signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8="

    private func refusal(
        _ url: String, _ fields: [(String, String)], _ signature: String?, token: String = "12345"
    ) -> IncomingRefusal? {
        let format = TwilioFormat(TextSettings(account: "AC1", token: Personal(token), sender: "+4930100200"))
        let body = fields.map { "\($0.0)=\($0.1.replacing("+", with: "%2B"))" }.joined(separator: "&")
        let call = IncomingCall(
            url: url, headers: signature.map { [("x-twilio-signature", $0)] } ?? [], body: Array(body.utf8))
        do {
            _ = try format.news(in: call)
            return nil
        } catch { return error }
    }

    @Test func `Twilio's own example is believed as far as it goes: it is theirs, and about no message`() {
        #expect(refusal(url, fields, signature) == .unreadable)
    }

    @Test func `whoever changes a field, the address or the secret is not believed`() {
        #expect(refusal(url + "&a=1", fields, signature) == .forged)
        #expect(refusal(url, fields + [("Extra", "1")], signature) == .forged)
        for index in fields.indices {
            var changed = fields
            changed[index].1 += "0"
            #expect(refusal(url, changed, signature) == .forged)
        }
        #expect(refusal(url, fields, signature, token: "12346") == .forged)
        #expect(refusal(url, fields, "SSOYDt4T1cUTdK1PDd93/VVr8B8=") == .forged)
        for none in [nil, "", "?", "RSOY"] { #expect(refusal(url, fields, none) == .unsigned) }
    }

    // MARK: Payments

    private let now = Instant("2026-03-02T09:00:00Z")!
    private let event = Array(
        #"{"id":"evt_1","type":"payment_intent.succeeded","created":1772442000,"data":{"object":{"object":"payment_intent","id":"pi_1","amount":4500,"amount_received":4500,"currency":"eur","status":"succeeded","created":1772441000,"metadata":{"reference":"r-1"}}}}"#
            .utf8)

    private func signature(_ body: [UInt8], at: Instant, _ secret: String = "whsec_a") -> String {
        let spoken = Array("\(at.secondsSince1970).".utf8) + body
        let code = HMAC<SHA256>.authenticationCode(for: Data(spoken), using: SymmetricKey(data: Data(secret.utf8)))
        let digits = code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return "t=\(at.secondsSince1970),v1=\(digits)"
    }

    private func heard(
        _ body: [UInt8], _ header: String?, secrets: [String] = ["whsec_a"]
    ) -> Result<PaymentNews, IncomingRefusal> {
        let format = StripeFormat(PaymentSettings(secret: Personal("s"), signing: secrets.map { Personal($0) }))
        let call = IncomingCall(
            url: "https://clinic.example/in", headers: header.map { [("Stripe-Signature", $0)] } ?? [], body: body)
        do { return .success(try format.news(in: call, at: now)) } catch { return .failure(error) }
    }

    @Test func `an event of the provider's says who paid what`() throws {
        let news = try heard(event, signature(event, at: now)).get()
        #expect(news.key == "evt_1")
        guard case .payment(let payment) = news.kind else { return #expect(Bool(false)) }
        #expect(payment.state == .paid && payment.received == 4500 && payment.reference == EffectKey("r-1"))
    }

    @Test func `a signature is good for five minutes, either way, and not a second more`() {
        for (seconds, isGood) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
            let header = signature(event, at: now + .seconds(seconds))
            #expect((try? heard(event, header).get()) != nil ? isGood : !isGood, "\(seconds)")
            if !isGood { #expect(heard(event, header) == .failure(.stale)) }
        }
    }

    @Test func `nobody else's event is believed, nor the provider's once it is changed`() {
        let header = signature(event, at: now)
        #expect(heard(event + [32], header) == .failure(.forged))
        #expect(heard(event, signature(event, at: now, "whsec_b")) == .failure(.forged))
        // A new time beside an old signature.
        let old = signature(event, at: now - .hours(1))
        #expect(heard(event, "t=\(now.secondsSince1970),\(old.split(separator: ",")[1])") == .failure(.forged))
        for none in [nil, "", "t=1", "v1=00", "t=x,v1=00", "t=1,v1=zz", "t=1,v0=00"] {
            #expect(heard(event, none) == .failure(.unsigned), "\(none ?? "-")")
        }
        let nothing = Array("[]".utf8)
        #expect(heard(nothing, signature(nothing, at: now)) == .failure(.unreadable))
    }

    @Test func `while one secret is replaced by another, both are good`() throws {
        for secret in ["whsec_a", "whsec_b"] {
            let header = signature(event, at: now, secret)
            #expect(try heard(event, header, secrets: ["whsec_b", "whsec_a"]).get().key == "evt_1")
        }
        #expect(heard(event, signature(event, at: now, "whsec_c"), secrets: ["whsec_b", "whsec_a"]) == .failure(.forged))
    }
}
