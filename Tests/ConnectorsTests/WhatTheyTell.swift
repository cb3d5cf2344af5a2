import Connectors
import NIOHTTP1
import Notation
import Partners
import Testing

/// Webhooks from the simulator, which signs them itself.
@Suite struct WhatTheyTell {
    private let order = PaymentOrder(Money(4500, "eur")!, reference: EffectKey("visit-1")!)
    private var now: Instant { Surroundings.machine().clock.now }

    private func call(_ visit: Place.Visit, _ place: Place) -> IncomingCall {
        let headers = visit.headers.map { line -> (name: String, value: String) in
            let parts = line.split(separator: ": ", maxSplits: 1)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
        return IncomingCall(url: "http://127.0.0.1:\(place.port)\(visit.target)", headers: headers, body: visit.body)
    }

    private func withPlace(_ body: (TrialSimulator, Place) async throws -> Void) async throws {
        let place = try await Place(.answers(.ok))
        try await TrialSimulator.run { try await body($0, place) }
        try await place.close()
    }

    @Test func `who pays is told, in the provider's name`() async throws {
        try await withPlace { simulator, place in
            let payments = simulator.payments(try simulator.way(.payments))
            try await simulator.tell("payments", to: "http://127.0.0.1:\(place.port)/in/payments")
            let id = try #require(await payments.open(order, key: EffectKey("p")!).value).id
            try await simulator.press("pay", "id=\(id)")
            await place.visited()
            let news = try payments.news(in: call(place.visits[0], place), at: now)
            guard case .payment(let payment) = news.kind else { return #expect(Bool(false)) }
            #expect(payment.id == id && payment.state == .paid && payment.received == 4500)
            #expect(payment.reference == order.reference)
            // Said again an hour later, it is not believed.
            #expect(throws: IncomingRefusal.stale) { try payments.news(in: call(place.visits[0], place), at: now + .hours(1)) }
            var forged = place.visits[0]
            forged.body = Array(String(decoding: forged.body, as: UTF8.self).replacing("4500", with: "9999").utf8)
            #expect(throws: IncomingRefusal.forged) { try payments.news(in: call(forged, place), at: now) }
        }
    }

    @Test func `what is told twice has the same key`() async throws {
        try await withPlace { simulator, place in
            let payments = simulator.payments(try simulator.way(.payments))
            try await simulator.tell("payments", to: "http://127.0.0.1:\(place.port)/in")
            try await simulator.set("payments", #"{"duplicateWebhooks":true}"#)
            let id = try #require(await payments.open(order, key: EffectKey("p")!).value).id
            try await simulator.press("pay", "id=\(id)")
            await place.visited()
            await place.visited()
            let keys = try place.visits.map { try payments.news(in: call($0, place), at: now).key }
            #expect(keys.count == 2 && keys[0] == keys[1])
        }
    }

    @Test func `what is told in the wrong order says when it happened`() async throws {
        try await withPlace { simulator, place in
            let payments = simulator.payments(try simulator.way(.payments))
            try await simulator.tell("payments", to: "http://127.0.0.1:\(place.port)/in")
            try await simulator.set("payments", #"{"reorderedWebhooks":true}"#)
            let id = try #require(await payments.open(order, key: EffectKey("p")!).value).id
            try await simulator.press("pay", "id=\(id)")
            _ = await payments.refund(id, amount: nil, reference: order.reference, key: EffectKey("b")!)
            await place.visited()
            await place.visited()
            let kinds = try place.visits.map { try payments.news(in: call($0, place), at: now).kind }
            guard case .refund(let refund) = kinds[0], case .payment = kinds[1] else { return #expect(Bool(false), "\(kinds)") }
            #expect(refund.payment == id && refund.amount == order.price)
        }
    }

    @Test func `what is told twice and in the wrong order comes twice, the later before the earlier`() async throws {
        try await withPlace { simulator, place in
            let payments = simulator.payments(try simulator.way(.payments))
            try await simulator.tell("payments", to: "http://127.0.0.1:\(place.port)/in")
            try await simulator.set("payments", #"{"reorderedWebhooks":true,"duplicateWebhooks":true}"#)
            let id = try #require(await payments.open(order, key: EffectKey("p")!).value).id
            try await simulator.press("pay", "id=\(id)")
            _ = await payments.refund(id, amount: nil, reference: order.reference, key: EffectKey("b")!)
            for _ in 0..<4 { await place.visited() }
            let news = try place.visits.map { try payments.news(in: call($0, place), at: now) }
            #expect(
                news.map { if case .refund = $0.kind { "refund" } else { "payment" } } == [
                    "refund", "refund", "payment", "payment",
                ])
            #expect(Set(news.map(\.key)).count == 2)
            // One that waits alone is told as often when the mode ends.
            let other = try #require(await payments.open(order, key: EffectKey("q")!).value)
            try await simulator.press("pay", "id=\(other.id)")
            try await simulator.set("payments", "{}")
            for _ in 0..<2 { await place.visited() }
            #expect(place.visits.count == 6)
        }
    }

    @Test func `what is told late is signed when it is told`() async throws {
        try await withPlace { simulator, place in
            let payments = simulator.payments(try simulator.way(.payments))
            try await simulator.tell("payments", to: "http://127.0.0.1:\(place.port)/in")
            try await simulator.set("payments", #"{"lateWebhooks":300}"#)
            let id = try #require(await payments.open(order, key: EffectKey("p")!).value).id
            let paidAt = MachineClock().now
            try await simulator.press("pay", "id=\(id)")
            await place.visited()
            #expect(MachineClock().now - paidAt >= .milliseconds(300), "it is told no sooner than it was set to be")
            #expect(try payments.news(in: call(place.visits[0], place), at: now).key.hasPrefix("evt_"))
        }
    }

    @Test func `a carrier tells what became of a message, and who answered it`() async throws {
        try await withPlace { simulator, place in
            let address = "http://127.0.0.1:\(place.port)/in/texts"
            let texts = simulator.texts(try simulator.way(.texts), callback: address)
            try await simulator.tell("sms", to: address)
            let number = PhoneNumber("+491701234567")!
            let text = TextMessage(to: number, words: Personal("Kommen Sie um 9? Antworten Sie mit JA."))
            let receipt = try #require(await texts.send(text, key: EffectKey("text-1")!).value)
            await place.visited()
            await place.visited()
            let news = try place.visits.map { try texts.news(in: call($0, place)) }
            #expect(
                news.map(\.kind) == [
                    .state(.sent, about: EffectKey("text-1"), code: nil),
                    .state(.delivered, about: EffectKey("text-1"), code: nil),
                ])
            #expect(news.map(\.key) == ["\(receipt.id):sent", "\(receipt.id):delivered"])
            #expect(try await simulator.press("answer", "id=\(receipt.id)&words=JA+%26+gern") == 303)
            await place.visited()
            #expect(try texts.news(in: call(place.visits[2], place)).kind == .reply(from: number, words: Personal("JA & gern")))
            var forged = place.visits[2]
            forged.body = Array(String(decoding: forged.body, as: UTF8.self).replacing("JA", with: "NO").utf8)
            #expect(throws: IncomingRefusal.forged) { try texts.news(in: call(forged, place)) }
            // The same words at another address of ours are not meant.
            var elsewhere = place.visits[2]
            elsewhere.target = "/in/other"
            #expect(throws: IncomingRefusal.forged) { try texts.news(in: call(elsewhere, place)) }
        }
    }
}
