import API
import Notation
import Storage
import Testing

/// What partners tell over HTTP: only their signature counts.
@Suite struct WhatPartnersTell {
    private func tell(_ visitor: Visitor, _ body: String, _ signature: String?) async throws -> Heard {
        try await visitor.send(
            .post("/v1/incoming/payments", body), by: nil, withKey: false,
            headers: signature.map { ["Stripe-Signature": $0] } ?? [:])
    }

    @Test(arguments: Shelter.allCases) func `of a payment is kept once, and answered as often as it is told`(shelter: Shelter)
        async throws
    {
        try await inHouse(shelter: shelter, incoming: .signed) { visitor in
            let body = SignedDesk.event("evt_1")
            let signature = SignedDesk.signature(of: body, at: visitor.house.clock.now)
            for _ in 0..<3 { #expect(try await tell(visitor, body, signature).status == 200) }
            #expect(try await visitor.kept() == 1)
            try await visitor.house.deliver()
            #expect(try await tell(visitor, body, signature).status == 200)
            #expect(try await visitor.kept() == 1)
        }
    }

    @Test func `is not kept when nobody signed it, somebody else did, long ago, or it says nothing`() async throws {
        try await inHouse(incoming: .signed) { visitor in
            let (body, now) = (SignedDesk.event("evt_1"), visitor.house.clock.now)
            let right = SignedDesk.signature(of: body, at: now)
            #expect(try await tell(visitor, body, nil).problem == "call-unsigned")
            #expect(try await tell(visitor, body, "v1=zz").problem == "call-unsigned")
            let other = SignedDesk.signature(of: body, at: now, secret: "whsec_other")
            #expect(try await tell(visitor, body, other).problem == "call-forged")
            #expect(try await tell(visitor, SignedDesk.event("evt_2"), right).problem == "call-forged")
            let old = SignedDesk.signature(of: body, at: now - .seconds(301))
            #expect(try await tell(visitor, body, old).problem == "call-stale")
            for odd in ["", "no JSON", "{}", #"{"id":"evt_1"}"#] {
                let heard = try await tell(visitor, odd, SignedDesk.signature(of: odd, at: now))
                #expect(heard.problem == "call-unreadable", "\(odd): \(heard.text)")
            }
            let long = String(repeating: "x", count: 64 * 1024 + 1)
            #expect(try await tell(visitor, long, SignedDesk.signature(of: long, at: now)).problem == "body-too-large")
            #expect(try await visitor.kept() == 0)
            #expect(try await tell(visitor, body, right).status == 200, "the control")
        }
    }

    @Test func `of a text message is signed over the address it was told to report to`() async throws {
        try await inHouse(incoming: .signed) { visitor in
            let fields = [(name: "MessageSid", value: "SM1"), (name: "MessageStatus", value: "delivered")]
            func tell(_ query: String, signedFor url: String) async throws -> Heard {
                try await visitor.send(
                    .form("/v1/incoming/texts\(query)", ["MessageSid": "SM1", "MessageStatus": "delivered"]), by: nil,
                    withKey: false, headers: ["X-Twilio-Signature": SignedTexts.signature(of: fields, at: url)])
            }
            #expect(try await tell("?key=a%3A1", signedFor: SignedTexts.address).problem == "call-forged")
            #expect(try await tell("?key=a%3A2", signedFor: "\(SignedTexts.address)?key=a%3A1").problem == "call-forged")
            #expect(try await visitor.kept() == 0)
            for _ in 0..<2 {
                #expect(try await tell("?key=a%3A1", signedFor: "\(SignedTexts.address)?key=a%3A1").status == 200)
            }
            #expect(try await visitor.kept() == 1)
            try await visitor.house.deliver()
            let reply = [(name: "Body", value: "YES"), (name: "From", value: "+49301"), (name: "MessageSid", value: "SM2")]
            let unreadable = try await visitor.send(
                .form("/v1/incoming/texts", ["Body": "YES", "From": "+49301", "MessageSid": "SM2"]), by: nil, withKey: false,
                headers: ["X-Twilio-Signature": SignedTexts.signature(of: reply)])
            #expect(unreadable.problem == "call-unreadable", "no telephone is that short")
        }
    }

    @Test func `to a clinic that works with nobody is not found`() async throws {
        try await inHouse(incoming: IncomingDoors()) { visitor in
            let heard = try await tell(visitor, "{}", "t=1,v1=00")
            #expect(heard.problem == "not-found")
        }
    }
}

extension Visitor {
    fileprivate func kept() async throws -> Int { try await house.database.read { try $0.first(Kept()) ?? -1 } }
}

private struct Kept: Query {
    static let sql: SQL = "SELECT count(*) FROM incoming"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}
