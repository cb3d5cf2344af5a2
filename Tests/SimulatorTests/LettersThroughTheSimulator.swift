#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif
import Foundation
import LoopbackClient
import Notation
import Processes
import Testing

/// The whole program against the simulator: what it sends, what it counts, and whom it leaves alone when it is told to.
@Suite final class LettersThroughTheSimulator {
    private let folder: TemporaryFolder
    private let http = Loopback()

    init() throws { folder = try TemporaryFolder("through") }
    deinit { folder.remove() }

    private func write(_ settings: String) throws {
        try Data(settings.utf8).write(to: URL(fileURLWithPath: folder.file("settings.json")), options: .atomic)
    }

    private func tally(_ simulator: RunningServer) async throws -> (requests: Int64, effects: [JSON]) {
        let ledger = try JSON(parsing: try await http.send("GET", simulator.base + "/ledger?destination=mail").body)
        return (ledger["destinations"]?["mail"]?["requests"]?.integer ?? -1, ledger["effects"]?.array ?? [])
    }

    private func ask(_ server: RunningServer, for login: String) async throws {
        let body = Array(#"{"email":"\#(login)"}"#.utf8)
        #expect(try await http.send("POST", server.base + "/v1/password-resets", token: "none", body: body).status == 202)
    }

    @Test func `a letter goes out once, is counted, and goes to nobody once its service is left alone by hand`() async throws {
        let simulator = try await RunningServer.simulator(Programs.mediconnect, errors: folder.file("simulator"))
        try write("{}")
        try Data("SG.simulated".utf8).write(to: URL(fileURLWithPath: folder.file("key")))
        let server = try await RunningServer.start(
            Programs.mediconnect,
            ["serve", "--demo", "--data", folder.file("data"), "--port", "0", "--settings", folder.file("settings.json")],
            environment: [
                "MEDICONNECT_MAIL_SERVICE_URL": simulator.base + "/mail", "MEDICONNECT_MAIL_SERVICE_KEY_FILE": folder.file("key"),
                "MEDICONNECT_MAIL_FROM": "City Clinic <noreply@clinic.example>",
            ], errors: folder.file("server"))
        try await ask(server, for: "desk@demo.example")
        let first = try await awaited {
            let found = try await self.tally(simulator)
            return found.effects.isEmpty ? nil : found
        }
        #expect(first.requests == 1 && first.effects.map { $0["count"]?.integer } == [1])
        let page = try await http.send("GET", simulator.base + "/").text
        #expect(page.contains("desk@demo.example"))
        let code = try #require(page.split(whereSeparator: \.isNewline).first { $0.hasPrefix("mcl_") })
        let body = Array(#"{"code":"\#(code)","newPassword":"four other words entirely"}"#.utf8)
        let completed = try await http.send("POST", server.base + "/v1/password-resets/completion", token: "none", body: body)
        #expect(completed.status == 200)
        // The first letter, and by and by the one that says that the password is another.
        _ = try await awaited {
            let counts = try await self.http.send("GET", server.base + "/metrics").text
            return counts.contains(#"mediconnect_outbound_calls_total{destination="mail",outcome="done"} 2"#) ? counts : nil
        }
        #expect(try await http.send("GET", server.base + "/health").text.contains(#""partner.mail":"ok""#))

        try write(#"{"partners":{"open":"mail"}}"#)
        server.process.signal(SIGHUP)
        _ = try await awaited {
            let health = try await self.http.send("GET", server.base + "/health").text
            return health.contains(#""partner.mail":"left alone by hand""#) ? health : nil
        }
        try await ask(server, for: "doctor@demo.example")
        _ = try await awaited {
            let counts = try await self.http.send("GET", server.base + "/metrics").text
            return counts.contains(#"destination="mail",outcome="resting"} 0"#) ? nil : counts
        }
        let known = try await tally(simulator)
        #expect(known.requests == 2 && known.effects.allSatisfy { $0["count"]?.integer == 1 })
        #expect(await server.stop() == 0)
        #expect(await simulator.stop() == 0)
        await http.close()
    }
}
