import Foundation
import LoopbackClient
import Processes
import Testing
import TrialMail

/// Letters from the real program to a real mail server, killed in between.
@Suite("Letters")
final class LettersArriveTests {
    private let folder: TemporaryFolder
    private let http = Loopback()
    private var data: String { folder.file("data") }

    init() throws { folder = try TemporaryFolder("letters") }
    deinit { folder.remove() }

    private func start(_ environment: [String: String] = [:]) async throws -> RunningServer {
        try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", data, "--port", "0"], environment: environment,
            errors: folder.file("log-\(UUID())"))
    }

    private func post(_ server: RunningServer, _ path: String, _ body: String) async throws -> Int {
        try await http.send("POST", server.base + path, token: "none", body: Array(body.utf8)).status
    }

    /// Lines end in CRLF, which is one sign.
    private func code(in message: String) -> String? {
        message.split(whereSeparator: \.isNewline).first { $0.hasPrefix("mcl_") }.map(String.init)
    }

    @Test("a server killed after a letter was handed over sends the same letter again, and its code is good once")
    func killed() async throws {
        try await TrialMailServer.run(.startTLS, login: ("clinic", "secret")) { mail in
            let password = folder.file("password")
            try Data("secret\n".utf8).write(to: URL(fileURLWithPath: password))
            let environment = [
                "MEDICONNECT_MAIL_URL": "smtp://localhost:\(mail.port)",
                "MEDICONNECT_MAIL_FROM": "City Clinic <noreply@clinic.example>",
                "MEDICONNECT_MAIL_AUTHORITIES": mail.authority, "MEDICONNECT_MAIL_USER": "clinic",
                "MEDICONNECT_MAIL_PASSWORD_FILE": password, "MEDICONNECT_MAIL_LANGUAGE": "de",
            ]
            var server = try await start(environment)
            let address = "silent-once@demo.example"
            let token = try await token()
            let patient = "01900000-0000-7000-8000-000000000501"
            let invited = try await http.send(
                "POST", server.base + "/v1/accounts/invitations", token: token, key: "invite-1",
                body: Array(#"{"email":"\#(address)","role":"patient","subject":"\#(patient)"}"#.utf8))
            #expect(invited.status == 201, "\(invited.text)")
            // It has the letter and says nothing; then the server dies.
            _ = try await awaited { try mail.arrivals().first }
            await server.process.kill()
            server = try await start(environment)
            let arrivals = try await awaited { () -> [TrialMailServer.Arrival]? in
                let arrivals = try mail.arrivals()
                return arrivals.count >= 2 ? arrivals : nil
            }
            #expect(Set(arrivals.map(\.message)).count == 1 && arrivals[0].to == address)
            let body = #"{"code":"\#(try #require(code(in: arrivals[0].message)))","newPassword":"four other words entirely"}"#
            #expect(try await post(server, "/v1/accounts/invitations/acceptance", body) == 200)
            let credentials = #"{"login":"\#(address)","password":"four other words entirely"}"#
            #expect(try await post(server, "/v1/sessions", credentials) == 201)
            #expect(await server.stop() == 0)
        }
        await http.close()
    }

    @Test("a mail server is left alone by hand, which shows, and has each letter once when it is called again")
    func leftAlone() async throws {
        try await TrialMailServer.run(.startTLS, login: ("clinic", "secret")) { mail in
            let (settings, password) = (folder.file("settings.json"), folder.file("password"))
            try Data("secret\n".utf8).write(to: URL(fileURLWithPath: password))
            try Data(#"{"partners":{"open":"mail"}}"#.utf8).write(to: URL(fileURLWithPath: settings))
            let server = try await RunningServer.start(
                Programs.server, ["serve", "--demo", "--data", data, "--port", "0", "--settings", settings],
                environment: [
                    "MEDICONNECT_MAIL_URL": "smtp://localhost:\(mail.port)",
                    "MEDICONNECT_MAIL_FROM": "City Clinic <noreply@clinic.example>",
                    "MEDICONNECT_MAIL_AUTHORITIES": mail.authority, "MEDICONNECT_MAIL_USER": "clinic",
                    "MEDICONNECT_MAIL_PASSWORD_FILE": password,
                ], errors: folder.file("log-\(UUID())"))
            #expect(try await post(server, "/v1/password-resets", #"{"email":"desk@demo.example"}"#) == 202)
            // Somebody has looked at the letter, and it waits again.
            let metrics = try await awaited { () -> String? in
                let metrics = try await self.http.send("GET", server.base + "/metrics").text
                return metrics.contains(#"mediconnect_outbox_settled_total{state="ready",topic="account.letter"}"#)
                    ? metrics : nil
            }
            #expect(try mail.arrivals().isEmpty)
            let health = try await http.send("GET", server.base + "/health").text
            #expect(health.contains(#""partner.mail":"left alone by hand""#), "\(health)")
            #expect(metrics.contains(#"mediconnect_outbound_breaker{destination="mail"} 3"#))

            try Data("{}".utf8).write(to: URL(fileURLWithPath: settings))
            server.process.signal(SIGHUP)
            _ = try await awaited { try mail.arrivals().first }
            #expect(await server.stop() == 0)
            #expect(try mail.arrivals().count == 1)
        }
        await http.close()
    }

    @Test("without a mail server letters are in the folder, and the guide's way through works")
    func inTheFolder() async throws {
        let server = try await start()
        #expect(try await post(server, "/v1/password-resets", #"{"email":"desk@demo.example"}"#) == 202)
        let mail = data + "/mail"
        let text = try await awaited { () -> String? in
            guard let name = try? FileManager.default.contentsOfDirectory(atPath: mail).first(where: { $0.hasSuffix(".eml") })
            else {
                return nil
            }
            return try String(contentsOfFile: mail + "/" + name, encoding: .utf8)
        }
        let body = #"{"code":"\#(try #require(code(in: text)))","newPassword":"four other words entirely"}"#
        #expect(try await post(server, "/v1/password-resets/completion", body) == 200)
        #expect(
            try await post(server, "/v1/sessions", #"{"login":"desk@demo.example","password":"four other words entirely"}"#)
                == 201)
        #expect(await server.stop() == 0)
        await http.close()
    }

    private func token() async throws -> String {
        let (status, lines) = try await ChildProcess.run(Programs.server, ["token", "--role", "desk", "--data", data])
        #expect(status == 0)
        return try #require(lines.first)
    }
}
