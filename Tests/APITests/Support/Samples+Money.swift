import Notation
import Partners
import TestKit
import Testing
import Workflows

extension Sample {
    /// What visits cost.
    static let money: [String: Sample] = [
        "askPayment": Sample("yhnhyynh") { .post("/v1/appointments/\(try await $0.heldForMoney().id)/payment") },
        "readPayment": Sample("yhnhyyyh") { visitor in
            let id = try await visitor.heldForMoney().id
            let asked = try await visitor.do("payment", to: id)
            try #require(asked.status == 201, "\(asked.text)")
            return .get("/v1/appointments/\(id)/payment")
        },
        "recordRefund": Sample("nhnhnyyh") {
            .post("/v1/appointments/\(try await $0.paidVisit())/payment/refunds", Known.handed())
        },
        "readInvoice": Sample("yhhhhyyh") { .get("/v1/invoices/\(try await $0.charged())") },
        "listInvoices": Sample("ynnnnyyn") { _ in .get("/v1/invoices?patient=\(Known.emma)") },
    ]
}

extension Visitor {
    /// Emma holds a time that costs 45.00 €.
    func heldForMoney(by who: Who = .desk) async throws -> Heard {
        let body =
            #"{"name":"Paid visit","durationMinutes":20,"specialty":"general","price":{"amount":4500,"currency":"eur","refunds":[{"hoursBefore":24,"percent":100}]}}"#
        let visit = try await send(.post("/v1/visit-types", body), by: .admin)
        try #require(visit.status == 201, "\(visit.text)")
        return try await booked(visit: visit.id, more: #""hold":true"#, by: who)
    }

    /// The same, paid.
    func paidVisit() async throws -> String {
        let invoice = try await charged()
        return try #require(try await get("/v1/invoices/\(invoice)", by: .admin)["appointment"]?.string)
    }

    /// The same, paid: the invoice.
    func charged() async throws -> String {
        let id = try await heldForMoney().id
        _ = try await self.do("payment", to: id)
        try await house.deliver()
        let intent = try #require(house.desk.intents.last)
        house.desk.pay(intent.id)
        _ = try await house.clinic.reconcilePayments(at: house.desk, since: house.clock.now)
        let invoices = try await get("/v1/invoices?limit=200", by: .admin)
        return try #require(invoices.items.last?["id"]?.string, "\(invoices.text)")
    }
}

extension Known {
    /// Something was given back at the provider, under a name of its own.
    static func handed(_ amount: Int = 1_000, name: String = "re_by_hand") -> String {
        #"{"amount":\#(amount),"way":"provider","providerRefund":"\#(name)","givenAt":"2026-03-01T10:00:00Z","reason":"asked for it"}"#
    }
}
