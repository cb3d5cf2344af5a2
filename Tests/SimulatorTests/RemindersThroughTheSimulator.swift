import Foundation
import LoopbackClient
import Notation
import Processes
import Testing

/// The whole program against the simulator: a reminder by text message, its receipt, an answer that cancels the visit; and a mail where the
/// carrier of text messages fails.
@Suite final class RemindersThroughTheSimulator {
    private let folder: TemporaryFolder
    private let http = Loopback()
    private static let patient = "01900000-0000-7000-8000-000000000501"

    init() throws { folder = try TemporaryFolder("reminders") }
    deinit { folder.remove() }

    private func token(_ role: String) async throws -> String {
        let (status, lines) = try await ChildProcess.run(
            Programs.mediconnect, ["token", "--role", role, "--data", folder.file("data")])
        #expect(status == 0)
        return try #require(lines.first)
    }

    private func ask(_ method: String, _ url: String, _ token: String, _ body: String? = nil) async throws -> JSON {
        let reply = try await http.send(
            method, url, token: token, key: method == "GET" ? nil : "key-\(UUID())", body: body.map { Array($0.utf8) } ?? [])
        #expect((200..<300).contains(reply.status), "\(method) \(url): \(reply.text)")
        return try JSON(parsing: reply.body)
    }

    private func start(_ port: Int, _ environment: [String: String] = [:]) async throws -> RunningServer {
        try await RunningServer.start(
            Programs.mediconnect, ["serve", "--demo", "--data", folder.file("data"), "--port", "\(port)"],
            environment: environment,
            errors: folder.file("server-\(UUID())"))
    }

    private func kept(_ name: String, _ text: String) throws -> String {
        let path = folder.file(name)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// A start that is free, days ahead.
    private func freeStart(_ server: RunningServer, _ token: String, after earlier: Instant? = nil) async throws -> JSON {
        let from = (earlier ?? Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)) + .days(4)) + .minutes(31)
        let found = try await ask(
            "GET", "\(server.base)/v1/free-times?visitType=01900000-0000-7000-8000-000000000301&from=\(from)&limit=1", token)
        return try #require(found["items"]?.array?.first)
    }

    /// Whole minutes from now to a start, so that a reminder so long before it comes within a minute and a half, and not within the half minute
    /// that a busy machine may take until the visit is booked.
    private func minutes(to start: Instant) -> Int {
        let left = start.microseconds - Int64(Date().timeIntervalSince1970 * 1_000_000) - 30_000_000
        return Int(left / 60_000_000)
    }

    private func book(_ time: JSON, _ server: RunningServer, _ token: String) async throws -> String {
        let (start, practitioner) = (time["start"]?.string ?? "", time["practitioner"]?.string ?? "")
        let body =
            #"{"visitType":"01900000-0000-7000-8000-000000000301","practitioner":"\#(practitioner)","start":"\#(start)","patients":["\#(Self.patient)"]}"#
        return try #require(try await ask("POST", "\(server.base)/v1/appointments", token, body)["id"]?.string)
    }

    /// Of one visit, or of all: the demonstration has others of the same patient, whose time may come.
    private func reminders(_ server: RunningServer, _ token: String, of visit: String? = nil) async throws -> [JSON] {
        let listed = try await ask("GET", "\(server.base)/v1/patients/\(Self.patient)/messages?limit=200", token)
        return (listed["items"]?.array ?? []).filter {
            $0["kind"]?.string == "reminder" && (visit == nil || $0["appointment"]?.string == visit)
        }
    }

    @Test
    func `a reminder goes by text message, its receipt comes back, the answer cancels the visit; and by mail where texts fail`()
        async throws
    {
        let simulator = try await RunningServer.simulator(Programs.mediconnect, errors: folder.file("simulator"))
        // Once to make the clinic, and to have an address of its own for what the carrier tells.
        var server = try await start(0)
        let (port, desk) = (server.port, try await token("desk"))
        let time = try await freeStart(server, desk)
        let start = try #require(time["start"]?.string.flatMap { Instant($0) })
        #expect(await server.stop() == 0)
        let callback = "http://127.0.0.1:\(port)/v1/incoming/texts"
        var environment = [
            "MEDICONNECT_SMS_URL": simulator.base + "/sms", "MEDICONNECT_SMS_ACCOUNT": "AC00",
            "MEDICONNECT_SMS_SENDER": "+4930100200",
            "MEDICONNECT_SMS_TOKEN_FILE": try kept("sms.token", "simulated-token"), "MEDICONNECT_SMS_CALLBACK": callback,
            "MEDICONNECT_MAIL_SERVICE_URL": simulator.base + "/mail",
            "MEDICONNECT_MAIL_SERVICE_KEY_FILE": try kept("mail.key", "SG.simulated"),
            "MEDICONNECT_MAIL_FROM": "City Clinic <noreply@clinic.example>", "MEDICONNECT_MESSAGES_PATIENCE": "10",
            "MEDICONNECT_MESSAGES_REMINDERS": "\(minutes(to: start))",
        ]
        server = try await self.start(port, environment)
        let body = Array(#"{"url":"\#(callback)"}"#.utf8)
        #expect(try await http.send("PUT", simulator.base + "/callbacks/sms", token: "none", body: body).status == 200)
        let record = try await http.send("GET", "\(server.base)/v1/patients/\(Self.patient)", token: desk)
        let changed = try await http.send(
            "PUT", "\(server.base)/v1/patients/\(Self.patient)", token: desk, key: "phone", headers: ["If-Match": "\"v1\""],
            body: Array(#"{"name":"Emma Sample","email":"emma@demo.example","phone":"+49 30 7654321"}"#.utf8))
        #expect(record.status == 200 && changed.status == 200, "\(changed.text)")
        _ = try await ask(
            "PUT", "\(server.base)/v1/patients/\(Self.patient)/preferences", desk,
            #"{"channels":["sms","email"],"quietFrom":"00:00","quietUntil":"00:00","consents":{"sms":true,"email":true}}"#)
        let visit = try await book(time, server, desk)
        let delivered = try await awaited(every: .milliseconds(100)) { () -> JSON? in
            try await self.reminders(server, desk, of: visit).first { $0["state"]?.string == "delivered" }
        }
        #expect(delivered["channel"]?.string == "sms" && delivered["to"]?.string == "+49***21")

        // Its answer, as a telephone gives it.
        let effects =
            try JSON(parsing: try await http.send("GET", simulator.base + "/ledger?destination=sms").body)["effects"]?.array ?? []
        let sent = try #require(effects.first { $0["key"]?.string?.hasPrefix(delivered["id"]?.string ?? "-") ?? false })
        #expect(sent["count"]?.integer == 1)
        let sid = try #require(sent["made"]?.string ?? sent["made"]?.array?.last?.string)
        let reply = try await http.send(
            "POST", "\(simulator.base)/pages/answer", token: "none",
            headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: Array("id=\(sid)&words=ABSAGEN".utf8))
        #expect((200..<400).contains(reply.status), "\(reply.text)")
        _ = try await awaited(every: .milliseconds(100)) { () -> Bool? in
            let state = try await self.ask("GET", "\(server.base)/v1/appointments/\(visit)", desk)["state"]?.string
            return state == "cancelled" ? true : nil
        }
        #expect(try await reminders(server, desk, of: visit).map { $0["answer"]?.string } == ["cancel"])

        // From now on every text message fails.
        let next = try await freeStart(server, desk, after: start)
        let later = try #require(next["start"]?.string.flatMap { Instant($0) })
        #expect(await server.stop() == 0)
        environment["MEDICONNECT_MESSAGES_REMINDERS"] = "\(minutes(to: later))"
        server = try await self.start(port, environment)
        let mode = Array(#"{"errors":1}"#.utf8)
        #expect(try await http.send("PUT", simulator.base + "/modes/sms", token: "none", body: mode).status == 200)
        _ = try await book(next, server, desk)
        let mailed = try await awaited(every: .milliseconds(100)) { () -> [JSON]? in
            let about = try await self.reminders(server, desk).filter { $0["start"]?.string == later.description }
            return about.contains { $0["state"]?.string == "handed-over" } ? about : nil
        }
        #expect(
            mailed.map { $0["channel"]?.string } == ["sms", "email"]
                && mailed.map { $0["state"]?.string } == ["failed", "handed-over"])
        let page = try await http.send("GET", simulator.base + "/").text
        #expect(page.contains("emma@demo.example") && page.contains("We remind you of your appointment"))
        #expect(await server.stop() == 0)
        #expect(await simulator.stop() == 0)
        await http.close()
    }
}
