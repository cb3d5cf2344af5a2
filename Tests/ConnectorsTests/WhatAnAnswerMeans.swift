import Connectors
import Notation
import Partners
import Testing

@Suite struct WhatAnAnswerMeans {
    private let now = Instant("2026-03-02T09:00:00Z")!

    private func reading(_ status: Int, _ isRepeatable: Bool, _ headers: [(name: String, value: String)] = []) -> String {
        switch Reading<Int>.standard(OutboundAnswer(status: status, headers: headers), isRepeatable: isRepeatable, now: now) {
        case nil: "success"
        case .value: "value"
        case .notNow(let after, _, let isTheirs): "later \(after.map { Int($0.seconds) } ?? -1) \(isTheirs ? "theirs" : "ours")"
        case .refused: "never"
        case .unclear: "unknown"
        }
    }

    @Test(arguments: [
        (200, "success", "success"), (202, "success", "success"), (301, "later -1 ours", "later -1 ours"),
        (400, "never", "never"), (401, "later -1 ours", "later -1 ours"), (402, "never", "never"),
        (403, "later -1 ours", "later -1 ours"), (404, "never", "never"), (408, "later -1 theirs", "later -1 theirs"),
        (409, "never", "never"), (410, "never", "never"), (422, "never", "never"), (425, "later -1 theirs", "later -1 theirs"),
        (429, "later -1 theirs", "later -1 theirs"), (500, "later -1 theirs", "unknown"), (502, "later -1 theirs", "unknown"),
        (503, "later -1 theirs", "later -1 theirs"), (504, "later -1 theirs", "unknown"),
    ])
    func `a status means the same everywhere, but for who would do it twice`(status: Int, knowsRepeats: String, doesNot: String) {
        #expect(reading(status, true) == knowsRepeats)
        #expect(reading(status, false) == doesNot)
    }

    @Test(arguments: [
        ("7", 7), ("0", 0), ("999999999", 86_400), ("Mon, 02 Mar 2026 09:01:00 GMT", 60), ("Mon, 02 Mar 2026 08:00:00 GMT", 0),
        ("-5", -1), ("soon", -1), ("", -1),
    ])
    func `who asks to be left alone is understood in seconds and in dates`(text: String, seconds: Int) {
        #expect(reading(429, true, [("Retry-After", text)]) == "later \(seconds) theirs")
    }

    @Test func `a reason says nothing that came from the other side but its code`() {
        let form = TwilioFormat(TextSettings(account: "AC1", token: Personal("t"), sender: "+4930100200"))
        let answer = OutboundAnswer(status: 400, body: Array(#"{"code":21211,"message":"Anna Meier +49170 is wrong"}"#.utf8))
        #expect(form.receipt(answer, now: now) == .refused("it said no (400, 21211)"))
        let stripe = StripeFormat(PaymentSettings(secret: Personal("s"), signing: []))
        let odd = OutboundAnswer(status: 402, body: Array(#"{"error":{"code":"Anna Meier's card"}}"#.utf8))
        let reading: Reading<Payment> = stripe.read(odd, now: now, StripeFormat.payment)
        #expect(reading == .refused("it said no (402)"))
    }

    @Test func `a fault that a provider repeats for its key is looked into, not asked for again`() {
        let stripe = StripeFormat(PaymentSettings(secret: Personal("s"), signing: []))
        func reading(_ headers: [(name: String, value: String)]) -> Reading<Payment> {
            stripe.read(OutboundAnswer(status: 500, headers: headers), now: now, StripeFormat.payment)
        }
        guard case .unclear = reading([("Idempotent-Replayed", "true")]) else { return #expect(Bool(false)) }
        guard case .notNow = reading([]) else { return #expect(Bool(false)) }
    }

    @Test func `a page of payments with one that cannot be read is no page`() throws {
        let good = #"{"object":"payment_intent","id":"pi_1","amount":1,"currency":"eur","status":"succeeded","created":1}"#
        func page(_ list: String) throws -> Page<Payment>? {
            StripeFormat.list(try JSON(parsing: #"{"data":[\#(list)],"has_more":false}"#), StripeFormat.payment) { $0.id }
        }
        #expect(try page(good)?.elements.count == 1)
        #expect(try page("\(good),{}") == nil)
    }

    // MARK: What is sent

    @Test func `a text message is a form, in the account's name, and tells where its outcome goes`() {
        var settings = TextSettings(account: "AC1", token: Personal("token"), sender: "+4930100200")
        settings.callback = "https://clinic.example/in/texts"
        let text = TextMessage(to: PhoneNumber("+491701234567")!, words: Personal("Bis 9 & ü"), expires: now + .seconds(90))
        let call = TwilioFormat(settings).sending(text, key: EffectKey("m-1")!, now: now)
        #expect(call.url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json" && call.method == .post)
        #expect(call.headers.contains { $0 == ("Authorization", "Basic QUMxOnRva2Vu") })
        #expect(
            String(decoding: call.body, as: UTF8.self)
                == "To=%2B491701234567&Body=Bis%209%20%26%20%C3%BC&From=%2B4930100200&StatusCallback=https%3A%2F%2Fclinic.example%2Fin%2Ftexts%3Fkey%3Dm-1&ValidityPeriod=90"
        )
    }

    @Test func `a payment is asked for with its key, its version and our reference, and nothing about anybody`() {
        let order = PaymentOrder(Money(4500, "eur")!, reference: EffectKey("r-1")!)
        let call = StripeFormat(PaymentSettings(secret: Personal("sk_1"), signing: [])).opening(order, key: EffectKey("k-1")!)
        #expect(call.url == "https://api.stripe.com/v1/payment_intents")
        #expect(call.headers.contains { $0 == ("Idempotency-Key", "k-1") })
        #expect(call.headers.contains { $0 == ("Authorization", "Bearer sk_1") })
        #expect(call.headers.contains { $0 == ("Stripe-Version", "2024-06-20") })
        #expect(
            String(decoding: call.body, as: UTF8.self)
                == "amount=4500&currency=eur&automatic_payment_methods%5Benabled%5D=true&metadata%5Breference%5D=r-1")
    }

    @Test func `a request to another calendar names what is wrong with it by its fields`() throws {
        func problems(_ id: String, _ request: String, _ provider: String, _ time: String, _ name: String) -> [String] {
            do {
                _ = try SchedulingOrder(
                    id: id, requestID: request, provider: provider, time: time, patientName: Personal(name), allowed: ["north"])
                return []
            } catch { return error.problems.map(\.pointer) }
        }
        let (time, long) = ("2026-03-02T09:00:00+01:00", String(repeating: "a", count: 129))
        #expect(problems("a-1", "r-1", "north", time, "Anna") == [])
        #expect(problems("", "r-1", "north", time, "Anna") == ["#/id"])
        #expect(problems(String(repeating: "a", count: 65), "r-1", "north", time, "Anna") == ["#/id"])
        #expect(
            problems("a-1", "r 1", "south", "2026-03-02T09:00:00", long) == [
                "#/request_id", "#/provider", "#/time", "#/patient_name",
            ])
        #expect(problems("a-1", "r-1", "north", time, "") == ["#/patient_name"])
    }

    @Test(arguments: ["", "4930100200", "+0301234567", "+49 30 1234567", "+12345", "+1234567890123456", "+4930１23456"])
    func `what is no telephone number is none`(text: String) { #expect(PhoneNumber(text) == nil) }
}
