import Foundation
import LoopbackClient
import Notation
import Processes
import Testing

/// The whole program against the simulator: a time is held, paid at the provider and booked by the provider's word, as it comes.
@Suite final class PaymentsThroughTheSimulator {
    private let folder: TemporaryFolder
    private let http = Loopback()

    init() throws { folder = try TemporaryFolder("paying") }
    deinit { folder.remove() }

    private struct Both {
        let simulator: RunningServer
        let server: RunningServer
        let emma: String
        let admin: String
        let visit: String
    }

    private func token(_ role: String, _ subject: String) async throws -> String {
        let issued = try await ChildProcess.run(
            Programs.mediconnect,
            ["token", "--data", folder.file("data"), "--role", role, "--subject", subject, "--minutes", "60"], errors: nil)
        return try #require(issued.output.last)
    }

    private func start() async throws -> Both {
        let simulator = try await RunningServer.simulator(Programs.mediconnect, errors: folder.file("simulator"))
        for (name, secret) in [("pay", "sk_test_simulated"), ("sign", "whsec_simulated")] {
            try Data(secret.utf8).write(to: URL(fileURLWithPath: folder.file(name)))
        }
        let server = try await RunningServer.start(
            Programs.mediconnect, ["serve", "--demo", "--data", folder.file("data"), "--port", "0"],
            environment: [
                "MEDICONNECT_PAYMENTS_URL": simulator.base + "/payments", "MEDICONNECT_PAYMENTS_SECRET_FILE": folder.file("pay"),
                "MEDICONNECT_PAYMENTS_SIGNING_FILE": folder.file("sign"),
            ], errors: folder.file("server"))
        try await set("callbacks", #"{"url":"\#(server.base)/v1/incoming/payments"}"#, simulator)
        let admin = try await token("admin", "01900000-0000-7000-8000-000000000902")
        let emma = try await token("patient", "01900000-0000-7000-8000-000000000501")
        let body =
            #"{"name":"Paid","durationMinutes":20,"specialty":"general-practice","policy":{"holdMinutes":30,"cancellationCutoffMinutes":0},"price":{"amount":4500,"currency":"eur","refunds":[{"hoursBefore":0,"percent":100}]}}"#
        let visit = try await http.send(
            "POST", server.base + "/v1/visit-types", token: admin, key: "visit", body: Array(body.utf8))
        #expect(visit.status == 201, "\(visit.text)")
        return Both(
            simulator: simulator, server: server, emma: emma, admin: admin,
            visit: try JSON(parsing: visit.body)["id"]?.string ?? "")
    }

    private func set(_ what: String, _ body: String, _ simulator: RunningServer) async throws {
        let reply = try await http.send("PUT", "\(simulator.base)/\(what)/payments", body: Array(body.utf8))
        #expect((200..<300).contains(reply.status), "\(reply.text)")
    }

    private func read(_ path: String, _ both: Both) async throws -> JSON {
        try JSON(parsing: try await http.send("GET", both.server.base + path, token: both.emma).body)
    }

    /// Emma holds the `number`th time that is offered, and asks for the payment: the appointment, and what the provider calls it.
    private func held(_ number: Int, _ both: Both) async throws -> (id: String, intent: String) {
        let offered = try await read("/v1/free-times?visitType=\(both.visit)&limit=200", both)
        let times = offered["items"]?.array ?? []
        // Far enough apart that she is not in two places.
        let chosen = try #require(times.dropFirst(number * 25).first, "\(offered.text)")
        let (start, doctor) = (chosen["start"]?.string ?? "", chosen["practitioner"]?.string ?? "")
        let patient = "01900000-0000-7000-8000-000000000501"
        let body =
            #"{"visitType":"\#(both.visit)","practitioner":"\#(doctor)","start":"\#(start)","patients":["\#(patient)"],"hold":true}"#
        let hold = try await http.send(
            "POST", both.server.base + "/v1/appointments", token: both.emma, key: "hold-\(number)", body: Array(body.utf8))
        #expect(hold.status == 201, "\(hold.text)")
        let id = try JSON(parsing: hold.body)["id"]?.string ?? ""
        let asked = try await http.send(
            "POST", both.server.base + "/v1/appointments/\(id)/payment", token: both.emma, key: "pay-\(number)")
        #expect(asked.status == 201, "\(asked.text)")
        let secret = try await awaited("the payment is open") {
            try await self.read("/v1/appointments/\(id)/payment", both)["payWith"]?.string
        }
        return (id, secret.components(separatedBy: "_secret_")[0])
    }

    /// Emma's browser pays.
    private func pay(_ intent: String, _ both: Both) async throws {
        let paid = try await http.send(
            "POST", "\(both.simulator.base)/payments/v1/payment_intents/\(intent)/confirm", token: "sk_test_simulated",
            key: "browser-\(intent)")
        #expect(paid.status == 200, "\(paid.text)")
    }

    private func untilBooked(_ id: String, _ both: Both) async throws {
        _ = try await awaited("\(id) is booked") {
            try await self.read("/v1/appointments/\(id)", both)["state"]?.string == "booked" ? true : nil
        }
    }

    private func webhooksTaken(_ both: Both) async throws -> Int64 {
        let ledger = try JSON(parsing: try await http.send("GET", both.simulator.base + "/ledger?destination=payments").body)
        return ledger["destinations"]?["payments"]?["webhooksTaken"]?.integer ?? 0
    }

    private func numbers(_ both: Both) async throws -> [Int64] {
        (try await read("/v1/invoices?patient=01900000-0000-7000-8000-000000000501", both)["items"]?.array ?? [])
            .compactMap { $0["number"]?.integer }
    }

    @Test func `a time is held, paid and booked, told twice, late or in another order, and what is cancelled comes back`()
        async throws
    {
        let both = try await start()
        let unpaid = try await held(0, both)
        let refused = try await http.send(
            "POST", both.server.base + "/v1/appointments/\(unpaid.id)/confirmation", token: both.emma, key: "confirm")
        #expect(refused.status == 402, "\(refused.text)")
        try await pay(unpaid.intent, both)
        try await untilBooked(unpaid.id, both)

        try await set("modes", #"{"duplicateWebhooks":true}"#, both.simulator)
        let twice = try await held(1, both)
        try await pay(twice.intent, both)
        try await untilBooked(twice.id, both)

        try await set("modes", #"{"lateWebhooks":2000}"#, both.simulator)
        let late = try await held(2, both)
        let told = try await webhooksTaken(both)
        try await pay(late.intent, both)
        let meanwhile = try await read("/v1/appointments/\(late.id)", both)["state"]?.string
        // As long as nobody has told.
        if try await webhooksTaken(both) == told { #expect(meanwhile == "pending") }
        try await untilBooked(late.id, both)
        #expect(try await webhooksTaken(both) > told)

        // The refund is told of before the payment it gives back.
        try await set("modes", #"{"reorderedWebhooks":true}"#, both.simulator)
        let reordered = try await held(3, both)
        try await pay(reordered.intent, both)
        let next = try await held(4, both)
        try await pay(next.intent, both)
        for one in [reordered, next] { try await untilBooked(one.id, both) }
        #expect(try await numbers(both) == Array(1...5))

        try await set("modes", "{}", both.simulator)
        let cancelled = try await http.send(
            "POST", both.server.base + "/v1/appointments/\(twice.id)/cancellation", token: both.emma, key: "cancel",
            body: Array("{}".utf8))
        #expect(cancelled.status == 200, "\(cancelled.text)")
        _ = try await awaited("the money is back") {
            let refunds = try await self.read("/v1/appointments/\(twice.id)/payment", both)["refunds"]?.array ?? []
            return refunds.count == 1 && refunds[0]["state"]?.string == "done" ? refunds : nil
        }
        #expect(try await numbers(both) == Array(1...6))
        let ledger = try JSON(
            parsing: try await http.send("GET", both.simulator.base + "/ledger?destination=payments").body)
        let effects = ledger["effects"]?.array ?? []
        #expect(effects.count == 6 && effects.allSatisfy { $0["count"]?.integer == 1 }, "five payments and a refund, each once")
        #expect(await both.server.stop() == 0)
        #expect(await both.simulator.stop() == 0)
        await http.close()
    }

    @Test func `what nobody told of comes to light when it is compared`() async throws {
        let both = try await start()
        let lost = try await held(0, both)
        // Told to nobody: the address is another.
        try await set("callbacks", #"{"url":"http://127.0.0.1:9/"}"#, both.simulator)
        try await pay(lost.intent, both)
        #expect(await both.server.stop() == 0)
        let compared = try await ChildProcess.run(
            Programs.mediconnect, ["payments", "reconcile", "--data", folder.file("data")],
            environment: [
                "MEDICONNECT_PAYMENTS_URL": both.simulator.base + "/payments", "MEDICONNECT_PARTNERS_SIMULATOR": "true",
                "MEDICONNECT_PAYMENTS_SECRET_FILE": folder.file("pay"),
                "MEDICONNECT_PAYMENTS_SIGNING_FILE": folder.file("sign"),
            ], errors: nil)
        #expect(compared.status == 0 && compared.output.first?.contains("1 made good") == true, "\(compared.output)")
        let server = try await RunningServer.start(
            Programs.mediconnect, ["serve", "--data", folder.file("data"), "--port", "0"], errors: folder.file("again"))
        let found = try await http.send("GET", "\(server.base)/v1/appointments/\(lost.id)", token: both.emma)
        #expect(try JSON(parsing: found.body)["state"]?.string == "booked", "\(found.text)")
        #expect(await server.stop() == 0)
        #expect(await both.simulator.stop() == 0)
        await http.close()
    }
}
