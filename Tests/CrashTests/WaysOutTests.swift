import Foundation
import LoopbackClient
import Notation
import Processes
import Testing

/// MC-2, HB-7: what `/metrics` and `/health` of a real server show of those outside who fail, while somebody calls them and afterwards.
@Suite("Ways out")
final class WaysOutTests {
    private let folder: TemporaryFolder
    private let http = Loopback()
    private var data: String { folder.file("data") }
    /// Port 1 is nobody's.
    private static let nobody = "http://127.0.0.1:1"

    init() throws { folder = try TemporaryFolder("ways") }
    deinit { folder.remove() }

    private func start(_ environment: [String: String]) async throws -> RunningServer {
        try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", data, "--port", "0"], environment: environment,
            errors: folder.file("log"))
    }

    /// Lines of `/metrics` about the ways out: `calls_total{destination="oidc",outcome="later"}` to its figure.
    private func shown(_ server: RunningServer) async throws -> [String: Double] {
        let text = try await http.send("GET", server.base + "/metrics").text
        return text.split(separator: "\n").reduce(into: [:]) { all, line in
            let parts = line.split(separator: " ")
            guard parts.count == 2, parts[0].hasPrefix("mediconnect_outbound_") else { return }
            all[String(parts[0].dropFirst("mediconnect_outbound_".count))] = Double(parts[1])
        }
    }

    @Test("a provider of sign-ins that is down is left alone, and is not for ever when nobody comes any more")
    func signOn() async throws {
        let list = folder.file("providers.json")
        let text = """
            {"providers": [{"name": "mock", "issuer": "\(Self.nobody)", "clientId": "mediconnect", "roleClaim": "groups",
            "roles": {"reception": "desk"}, "base": "http://127.0.0.1"}]}
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: list))
        let server = try await start(["MEDICONNECT_OIDC_PROVIDERS": list])
        let breaker = #"breaker{destination="oidc"}"#
        func calls(_ outcome: String) -> String { #"calls_total{destination="oidc",outcome="\#(outcome)"}"# }
        #expect(try await shown(server)[breaker] == 0)
        let left = try await awaited(every: .milliseconds(50)) { () -> [String: Double]? in
            let answer = try await self.http.send("GET", server.base + "/v1/oidc/mock/start")
            #expect(answer.status == 503, "\(answer.text)")
            let shown = try await self.shown(server)
            return shown[breaker] == 2 && (shown[calls("resting")] ?? 0) > 0 ? shown : nil
        }
        #expect((left[#"opened_total{destination="oidc"}"#] ?? 0) >= 1)
        // Each of five was asked again, as long as there were repeats to spend.
        #expect((left[calls("later")] ?? 0) > 5 && (left[#"repeats_left{destination="oidc"}"#] ?? 10) < 10, "\(left)")
        #expect(left[calls("later")] == left[#"duration_seconds_count{destination="oidc"}"#])
        #expect(left[calls("done")] == 0 && left[calls("never")] == 0)
        // Nobody comes any more.
        let later = try await awaited(every: .milliseconds(50)) { () -> [String: Double]? in
            let shown = try await self.shown(server)
            return shown[breaker] == 1 ? shown : nil
        }
        #expect(later[calls("later")] == left[calls("later")] && later[calls("resting")] == left[calls("resting")])
        #expect(await server.stop() == 0)
        await http.close()
    }

    @Test("a webhook that fails is shown as left alone until it is taken away, and no longer")
    func webhook() async throws {
        // A trial: what one partner's address says of this machine holds for subscribers, too. Nobody is there, and one failure is enough.
        let server = try await start([
            "MEDICONNECT_PARTNERS_SIMULATOR": "true", "MEDICONNECT_SCHEDULING_PROVIDERS": "north=\(Self.nobody)/scheduling",
            "MEDICONNECT_SCHEDULING_TOKEN": "simulated-scheduling", "MEDICONNECT_PARTNERS_WEBHOOKS_CALLS": "1",
            "MEDICONNECT_PARTNERS_WEBHOOKS_REST": "900",
        ])
        let breaker = #"breaker{destination="webhooks"}"#
        let (status, lines) = try await ChildProcess.run(Programs.server, ["token", "--role", "admin", "--data", data])
        let token = try #require(lines.first)
        #expect(status == 0)
        var ids: [String] = []
        for number in 1...2 {
            let made = try await http.send(
                "POST", server.base + "/v1/webhooks", token: token, key: "make-\(number)",
                body: Array(#"{"url":"\#(Self.nobody)/webhooks/lab\#(number)","events":["*"]}"#.utf8))
            let id = try #require(try JSON(parsing: made.body)["id"]?.string, "\(made.text)")
            ids.append(id)
            #expect(
                try await http.send("POST", "\(server.base)/v1/webhooks/\(id)/test", token: token, key: "test-\(number)").status
                    == 202)
            // As many have failed as there are.
            _ = try await awaited(every: .milliseconds(50)) {
                try await self.shown(server)[#"opened_total{destination="webhooks"}"#] == Double(number) ? true : nil
            }
        }
        #expect(try await shown(server)[breaker] == 2)
        func act(_ method: String, _ path: String) async throws {
            let done = try await http.send(method, "\(server.base)/v1/webhooks/\(path)", token: token, key: "end-\(path)")
            #expect((200..<300).contains(done.status), "\(done.text)")
        }
        try await act("DELETE", ids[0])
        #expect(try await shown(server)[breaker] == 2, "the other is there")
        try await act("POST", "\(ids[1])/disabling")
        #expect(try await shown(server)[breaker] == 0)
        try await act("POST", "\(ids[1])/enabling")
        #expect(try await shown(server)[breaker] == 0, "it is somebody new")
        #expect(try await shown(server)[#"opened_total{destination="webhooks"}"#] == 2)
        #expect(await server.stop() == 0)
        await http.close()
    }
}
