import Foundation
import LoopbackClient
import Notation
import Processes
import Testing

/// HB-3, MC-12, MC-2: what those outside have taken, and say afterwards that it came to nothing, through the whole program.
@Suite final class WhatFailsLater {
    private let folder: TemporaryFolder
    private let http = Loopback()
    private static let emma = "01900000-0000-7000-8000-000000000501"

    init() throws { folder = try TemporaryFolder("later") }
    deinit { folder.remove() }

    private struct Both {
        let simulator: RunningServer
        let server: RunningServer
        let admin: String
        /// Whoever is to pay sees with what.
        let payer: String
    }

    /// A clinic and whom it works with, which are told where to report.
    private func withBoth(_ settings: [String: String] = [:], port: Int = 0, _ body: (Both) async throws -> Void) async throws {
        let simulator = try await RunningServer.simulator(Programs.mediconnect, errors: folder.file("simulator"))
        for (name, secret) in [
            ("pay", "sk_test_simulated"), ("sign", "whsec_simulated"), ("sms", "simulated-token"), ("mail", "SG.simulated"),
        ] { try Data(secret.utf8).write(to: URL(fileURLWithPath: folder.file(name))) }
        let server = try await RunningServer.start(
            Programs.mediconnect, ["serve", "--demo", "--data", folder.file("data"), "--port", "\(port)"],
            environment: [
                "MEDICONNECT_PAYMENTS_URL": simulator.base + "/payments", "MEDICONNECT_PAYMENTS_SECRET_FILE": folder.file("pay"),
                "MEDICONNECT_PAYMENTS_SIGNING_FILE": folder.file("sign"),
                "MEDICONNECT_SMS_URL": simulator.base + "/sms", "MEDICONNECT_SMS_ACCOUNT": "AC00",
                "MEDICONNECT_SMS_SENDER": "+4930100200", "MEDICONNECT_SMS_TOKEN_FILE": folder.file("sms"),
                "MEDICONNECT_MAIL_SERVICE_URL": simulator.base + "/mail",
                "MEDICONNECT_MAIL_SERVICE_KEY_FILE": folder.file("mail"),
                "MEDICONNECT_MAIL_FROM": "City Clinic <noreply@clinic.example>",
            ].merging(settings) { $1 }, errors: folder.file("server"))
        let callback = Array(#"{"url":"\#(server.base)/v1/incoming/payments"}"#.utf8)
        #expect(try await http.send("PUT", "\(simulator.base)/callbacks/payments", body: callback).status == 200)
        let both = Both(
            simulator: simulator, server: server, admin: try await token("admin", "01900000-0000-7000-8000-000000000902"),
            payer: try await token("patient", Self.emma))
        let result: Result<Void, any Error>
        do { result = .success(try await body(both)) } catch { result = .failure(error) }
        await http.close()
        #expect(await server.stop() == 0)
        #expect(await simulator.stop() == 0)
        try result.get()
    }

    private func token(_ role: String, _ subject: String) async throws -> String {
        let issued = try await ChildProcess.run(
            Programs.mediconnect,
            ["token", "--data", folder.file("data"), "--role", role, "--subject", subject, "--minutes", "60"], errors: nil)
        return try #require(issued.output.last)
    }

    @discardableResult
    private func ask(
        _ method: String, _ path: String, _ both: Both, _ body: String? = nil, headers: [String: String] = [:],
        by caller: String? = nil
    ) async throws -> JSON {
        let reply = try await http.send(
            method, both.server.base + path, token: caller ?? both.admin, key: method == "GET" ? nil : "key-\(UUID())",
            headers: headers,
            body: body.map { Array($0.utf8) } ?? [])
        #expect((200..<300).contains(reply.status), "\(method) \(path): \(reply.text)")
        return try JSON(parsing: reply.body)
    }

    private func set(_ part: String, _ mode: String, _ both: Both) async throws {
        let reply = try await http.send("PUT", "\(both.simulator.base)/modes/\(part)", body: Array(mode.utf8))
        #expect(reply.status == 200, "\(reply.text)")
    }

    private func press(_ button: String, _ id: String, _ both: Both) async throws -> Int {
        try await http.send(
            "POST", "\(both.simulator.base)/pages/\(button)", headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: Array("id=\(id)".utf8)
        ).status
    }

    private func effects(_ part: String, _ what: String, _ both: Both) async throws -> [JSON] {
        let ledger = try JSON(parsing: try await http.send("GET", both.simulator.base + "/ledger?destination=\(part)").body)
        return (ledger["effects"]?.array ?? []).filter { $0["what"]?.string == what }
    }

    /// The `number`th time that is offered, far enough apart that nobody is in two places.
    private func book(_ number: Int, _ visitType: String, isHold: Bool, _ both: Both) async throws -> String {
        let items = try await ask("GET", "/v1/free-times?visitType=\(visitType)&limit=200", both)["items"]?.array ?? []
        let time = try #require(items.dropFirst(20 + number * 25).first, "\(items.count) free times")
        let body =
            #"{"visitType":"\#(visitType)","practitioner":"\#(time["practitioner"]?.string ?? "")","start":"\#(time["start"]?.string ?? "")","patients":["\#(Self.emma)"]\#(isHold ? #","hold":true"# : "")}"#
        return try #require(try await ask("POST", "/v1/appointments", both, body)["id"]?.string)
    }

    // MARK: Refunds

    /// Held, paid, booked, and given up when the provider is like this.
    private func givenUp(_ number: Int, _ visitType: String, _ both: Both, when mode: String = "{}") async throws -> String {
        let id = try await book(number, visitType, isHold: true, both)
        try await ask("POST", "/v1/appointments/\(id)/payment", both)
        let secret = try await awaited("the payment is open") {
            try await self.ask("GET", "/v1/appointments/\(id)/payment", both, by: both.payer)["payWith"]?.string
        }
        #expect(try await press("pay", secret.components(separatedBy: "_secret_")[0], both) == 303)
        _ = try await awaited("\(id) is booked") {
            try await self.ask("GET", "/v1/appointments/\(id)", both)["state"]?.string == "booked" ? true : nil
        }
        try await set("payments", mode, both)
        try await ask("POST", "/v1/appointments/\(id)/cancellation", both, "{}")
        return id
    }

    private func untilRefund(of id: String, is state: String, _ both: Both) async throws {
        _ = try await awaited("what goes back of \(id) is \(state)") {
            let refunds = try await self.ask("GET", "/v1/appointments/\(id)/payment", both)["refunds"]?.array ?? []
            return refunds.count == 1 && refunds[0]["state"]?.string == state ? true : nil
        }
    }

    /// The appointments whose money did not go back, as somebody has them to see to.
    private func troubles(_ both: Both) async throws -> [String] {
        let tasks = try await ask("GET", "/v1/tasks?state=open&limit=200", both)["items"]?.array ?? []
        return tasks.filter { $0["kind"]?.string == "refund-failed" }.compactMap { $0["appointment"]?.string }.sorted()
    }

    @Test func `a refund that was done and fails later is somebody's task, once, however it is told`() async throws {
        try await withBoth { both in
            let type =
                #"{"name":"Paid","durationMinutes":20,"specialty":"general-practice","policy":{"holdMinutes":30,"cancellationCutoffMinutes":0},"price":{"amount":4500,"currency":"eur","refunds":[{"hoursBefore":0,"percent":100}]}}"#
            let visit = try #require(try await ask("POST", "/v1/visit-types", both, type)["id"]?.string)
            // The control: what nobody calls back is done, and nobody's task.
            let plain = try await givenUp(0, visit, both)
            try await untilRefund(of: plain, is: "done", both)
            #expect(try await troubles(both).isEmpty)

            var failing: [String] = []
            for (number, mode) in [
                #"{"refundsFail":true}"#, #"{"refundsFail":true,"pending":true}"#,
                #"{"refundsFail":true,"duplicateWebhooks":true,"reorderedWebhooks":true}"#,
            ].enumerated() {
                let id = try await givenUp(number + 1, visit, both, when: mode)
                // What waits for the next webhook is told.
                _ = try await awaited("the provider has called it back") {
                    try await self.effects("payments", "failed refund", both).count == number + 1 ? true : nil
                }
                try await set("payments", "{}", both)
                try await untilRefund(of: id, is: "failed", both)
                failing.append(id)
                _ = try await awaited("it is a task") { try await self.troubles(both) == failing.sorted() ? true : nil }
            }
            #expect(try await effects("payments", "refund", both).map { $0["count"]?.integer } == [1, 1, 1, 1])
            // The payment has it again there, and the page says so.
            let page = try await http.send("GET", both.simulator.base + "/").text
            #expect(page.components(separatedBy: "back: 4500, failed").count == 4, "\(page)")

            // And the first, long after it was done.
            let refund = try #require(try await effects("payments", "refund", both).first?["made"]?.array?.first?.string)
            #expect(try await press("fail-refund", refund, both) == 303)
            try await untilRefund(of: plain, is: "failed", both)
            _ = try await awaited("it is a task") {
                try await self.troubles(both) == (failing + [plain]).sorted() ? true : nil
            }
            #expect(try await press("fail-refund", refund, both) == 409)
        }
    }

    // MARK: Text messages

    private func messages(of visit: String, _ both: Both) async throws -> [String] {
        let listed = try await ask("GET", "/v1/patients/\(Self.emma)/messages?limit=200", both)["items"]?.array ?? []
        return listed.filter { $0["appointment"]?.string == visit }.map {
            "\($0["channel"]?.string ?? "-") \($0["state"]?.string ?? "-")"
        }.sorted()
    }

    private func readsTexts(_ both: Both) async throws {
        let record = try await http.send("GET", "\(both.server.base)/v1/patients/\(Self.emma)", token: both.admin)
        try await ask(
            "PUT", "/v1/patients/\(Self.emma)", both,
            #"{"name":"Emma Sample","email":"emma@demo.example","phone":"+49 30 7654321"}"#,
            headers: ["If-Match": record.etag ?? ""])
        try await ask(
            "PUT", "/v1/patients/\(Self.emma)/preferences", both,
            #"{"channels":["sms","email"],"quietFrom":"00:00","quietUntil":"00:00","consents":{"sms":true,"email":true}}"#)
    }

    private static let checkUp = "01900000-0000-7000-8000-000000000301"

    @Test func `a text that was accepted and did not arrive is followed by a mail, once, also when its receipt is lost`()
        async throws
    {
        // Once to have an address of its own, for what the carrier tells.
        let first = try await RunningServer.start(
            Programs.mediconnect, ["serve", "--demo", "--data", folder.file("data"), "--port", "0"], errors: folder.file("first"))
        let port = first.port
        #expect(await first.stop() == 0)
        let settings = [
            "MEDICONNECT_SMS_CALLBACK": "http://127.0.0.1:\(port)/v1/incoming/texts", "MEDICONNECT_MESSAGES_PATIENCE": "20",
        ]
        try await withBoth(settings, port: port) { both in
            try await readsTexts(both)
            // The control: what arrives is followed by nothing.
            let plain = try await book(0, Self.checkUp, isHold: false, both)
            _ = try await awaited("it has arrived") {
                try await self.messages(of: plain, both) == ["sms delivered"] ? true : nil
            }
            for (number, (mode, what)) in [
                (#"{"receipts":"undelivered","duplicateWebhooks":true}"#, "undelivered"),
                (#"{"receipts":"failed","reorderedWebhooks":true,"lostWebhooks":false}"#, "failed"),
                (#"{"receipts":"undelivered","lostWebhooks":true}"#, "undelivered"),
            ].enumerated() {
                try await set("sms", mode, both)
                let visit = try await book(number + 1, Self.checkUp, isHold: false, both)
                _ = try await awaited("the carrier has taken it") {
                    try await self.effects("sms", "text", both).count == number + 2 ? true : nil
                }
                // One that waits for another is told.
                try await set("sms", "{}", both)
                _ = try await awaited("it goes by mail after \(mode)") {
                    try await self.messages(of: visit, both) == ["email handed-over", "sms failed"] ? true : nil
                }
                #expect(try await effects("sms", "\(what) text", both).last?["count"]?.integer == 1)
            }
            #expect(try await messages(of: plain, both) == ["sms delivered"])
            #expect(try await effects("mail", "mail", both).map { $0["count"]?.integer } == [1, 1, 1])
            let told = try JSON(parsing: try await http.send("GET", both.simulator.base + "/ledger?only=counts").body)
            // Sent, and what came of it.
            #expect(told["destinations"]?["sms"]?["webhooksLost"]?.integer == 2, "\(told.text)")
        }
    }

    // MARK: What it can be told

    @Test func `what nobody there can do is refused by its name, and changes nothing`() async throws {
        let simulator = try await RunningServer.simulator(Programs.mediconnect, errors: folder.file("simulator"))
        let place = simulator.base
        let before = try await http.send("GET", "\(place)/modes").text
        for (path, body, detail) in [
            ("modes/sms", #"{"receipts":"lost"}"#, "receipts must be undelivered or failed"),
            ("modes/sms", #"{"receipts":true}"#, "a member has another type than it must have"),
            ("modes/mail", #"{"receipts":"failed"}"#, "receipts means nothing to mail"),
            ("modes/sms", #"{"refundsFail":true}"#, "refundsFail means nothing to sms"),
            ("modes/fhir", #"{"lostWebhooks":true}"#, "lostWebhooks means nothing to fhir"),
            ("callbacks/smtp", #"{"url":"http://127.0.0.1:1/"}"#, "smtp reports nowhere: a callback is for sms and payments"),
            ("callbacks/broker", "{}", "broker reports nowhere: a callback is for sms and payments"),
            ("callbacks/fhir", #"{"url":"http://127.0.0.1:1/"}"#, "fhir reports nowhere: a callback is for sms and payments"),
        ] {
            let reply = try await http.send("PUT", "\(place)/\(path)", body: Array(body.utf8))
            #expect(reply.status == 400 && reply.text == #"{"error":"\#(detail)"}"#, "\(path) \(body): \(reply.text)")
        }
        #expect(try await http.send("GET", "\(place)/modes").text == before)
        await http.close()
        #expect(await simulator.stop() == 0)
    }
}
