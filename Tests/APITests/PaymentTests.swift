import Notation
import Partners
import People
import TestKit
import Testing
import Workflows

/// A visit that costs something, over HTTP (HB-3).
@Suite struct APaidVisit {
    private func paid(_ visitor: Visitor, _ id: String) async throws {
        try await visitor.house.deliver()
        let intent = try #require(visitor.house.desk.intents.last)
        let now = visitor.house.clock.now
        let done = visitor.house.desk.pay(intent.id)
        let object =
            #"{"id":"\#(done.id)","object":"payment_intent","amount":4500,"amount_received":4500,"currency":"eur","status":"succeeded","created":\#(now.secondsSince1970),"metadata":{"reference":"\#(done.reference!.text)"}}"#
        let body =
            #"{"id":"evt_\#(done.id)","object":"event","type":"payment_intent.succeeded","created":\#(now.secondsSince1970),"data":{"object":\#(object)}}"#
        for _ in 0..<2 {
            let heard = try await visitor.send(
                .post("/v1/incoming/payments", body), by: nil, withKey: false,
                headers: ["Stripe-Signature": SignedDesk.signature(of: body, at: now)])
            #expect(heard.status == 200)
        }
        try await visitor.house.deliver()
    }

    @Test(arguments: Shelter.allCases) func `is held, paid, booked, charged and given back`(shelter: Shelter) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let hold = try await visitor.heldForMoney(by: .emma)
            let path = "/v1/appointments/\(hold.id)/payment"
            #expect(try await visitor.do("confirmation", to: hold.id, by: .emma).problem == "payment-needed")
            let forged = try await visitor.do("confirmation", to: hold.id, #"{"unpaidReason":"please"}"#, by: .emma)
            #expect(forged.pointers == ["#/unpaidReason"])
            #expect(try await visitor.get(path, by: .emma).problem == "not-found", "nobody has asked yet")
            let stale = try await visitor.do("payment", to: hold.id, by: .emma, ifMatch: "\"v7\"")
            #expect(stale.problem == "changed-meanwhile")
            let asked = try await visitor.do("payment", to: hold.id, by: .emma, key: "once")
            #expect(asked.status == 201 && asked["state"]?.string == "opening", "\(asked.text)")
            #expect(try await visitor.do("payment", to: hold.id, by: .emma, key: "once").isRepeat)
            try await visitor.house.deliver()
            #expect(try await visitor.do("payment", to: hold.id).id == asked.id, "the desk hears of the same")
            #expect(visitor.house.desk.intents.count == 1)
            let open = try await visitor.get(path, by: .emma)
            #expect(open["state"]?.string == "open" && open["payWith"]?.string?.hasSuffix("quax") == true)
            for who in [Who.desk, .admin, .billing] {
                let seen = try await visitor.get(path, by: who)
                #expect(seen["state"]?.string == "open" && seen["payWith"] == nil && !seen.text.contains("quax"), "\(who)")
            }
            try await paid(visitor, hold.id)
            #expect(try await visitor.state(of: hold.id) == "booked")
            let done = try await visitor.get(path, by: .emma)
            #expect(done["state"]?.string == "paid" && done["payWith"] == nil && done["received"]?.integer == 4500)
            let cancelled = try await visitor.do("cancellation", to: hold.id, "{}", by: .emma)
            #expect(cancelled.status == 200, "\(cancelled.text)")
            try await visitor.house.deliver()
            let back = try await visitor.get(path, by: .emma)
            #expect(back["refunds"]?.array?.count == 1 && back["refunds"]?.array?[0]["amount"]?.integer == 4500)
            let invoices = try await visitor.get("/v1/invoices?patient=\(Known.emma)&limit=1", by: .emma)
            #expect(invoices.items.map { $0["kind"]?.string } == ["invoice"])
            let rest = try await visitor.get("/v1/invoices?patient=\(Known.emma)&cursor=\(invoices.next ?? "")", by: .emma)
            #expect(rest.items.map { $0["kind"]?.string } == ["credit-note"] && rest.next == nil)
            #expect(rest.items.map { $0["number"]?.integer } == [2])
            let mail = try await visitor.get("/v1/mailbox", by: .emma)
            #expect(mail.items.contains { $0["kind"]?.string == "refund" && $0["details"]?["amount"]?.integer == 4500 })
            let export = try await visitor.get("/v1/patients/\(Known.emma)/export", by: .emma)
            #expect(export["invoices"]?.array?.count == 2)
        }
    }

    @Test func `that costs nothing has nothing to pay, and one that is over nothing to hold`() async throws {
        try await inHouse { visitor in
            let free = try await visitor.held()
            #expect(try await visitor.do("payment", to: free.id).problem == "nothing-to-pay")
            let hold = try await visitor.heldForMoney()
            visitor.house.clock.advance(by: .minutes(6))
            #expect(try await visitor.do("payment", to: hold.id).problem == "hold-expired")
        }
    }

    @Test func `is confirmed unpaid by the desk with a reason, and stands in the audit`() async throws {
        try await inHouse { visitor in
            let hold = try await visitor.heldForMoney()
            #expect(try await visitor.do("confirmation", to: hold.id).problem == "override-needs-reason")
            let confirmed = try await visitor.do("confirmation", to: hold.id, #"{"unpaidReason":"pays cash"}"#)
            #expect(confirmed["state"]?.string == "booked", "\(confirmed.text)")
            let audit = try await visitor.get("/v1/appointments/\(hold.id)/audit")
            #expect(audit.items.contains { $0["reason"]?.string == "pays cash" })
        }
    }

    @Test func `has a price that says what is wrong with it`() async throws {
        try await inHouse { visitor in
            for (price, pointer) in [
                (#"{"amount":0,"currency":"eur"}"#, "#/price/amount"), (#"{"amount":1,"currency":"EUR"}"#, "#/price/currency"),
                (#"{"amount":1}"#, "#/price/currency"), (#"{"amount":1,"currency":"eur","vat":19}"#, "#/price/vat"),
                (#"{"amount":1,"currency":"eur","refunds":[{"hoursBefore":-1,"percent":5}]}"#, "#/price/refunds/0/hoursBefore"),
                (
                    #"{"amount":1,"currency":"eur","refunds":[{"hoursBefore":1,"percent":5},{"hoursBefore":1,"percent":6}]}"#,
                    "#/price/refunds"
                ),
            ] {
                let body = #"{"name":"Paid","durationMinutes":20,"specialty":"general","price":\#(price)}"#
                let heard = try await visitor.send(.post("/v1/visit-types", body), by: .admin)
                #expect(heard.problem == "invalid-fields" && heard.pointers == [pointer], "\(price): \(heard.text)")
            }
        }
    }
}
