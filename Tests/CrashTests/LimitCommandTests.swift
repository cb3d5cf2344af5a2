import Foundation
import LoopbackClient
import Processes
import Testing

/// Limits of the real program: on by default, and set while it runs.
@Suite("Limits of a running server")
struct LimitCommandTests {
    @Test("a server limits everybody unless it is told not to, and takes other limits on SIGHUP")
    func followsItsFile() async throws {
        let folder = try TemporaryFolder("limits")
        defer { folder.remove() }
        let file = folder.file("settings.json")
        try write(#"{"limits":{"user":10}}"#, to: file)
        let server = try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", folder.file("data"), "--port", "0", "--settings", file],
            environment: ["MEDICONNECT_LIMITS_RATES": "on"], errors: folder.file("log"))
        let http = Loopback()
        let token = try await token(folder)
        func searches() async throws -> Int {
            for count in 0..<200 {
                let reply = try await http.send("GET", server.base + "/v1/mailbox", token: token)
                if reply.status == 429 { return count }
                #expect(reply.status == 200)
            }
            return 200
        }
        // Six at once, and one more every six seconds: a slow machine may see one or two of those.
        let first = try await searches()
        #expect((6...12).contains(first))
        try write(#"{"limits":{"user":"rubbish"}}"#, to: file)
        try await said("settings.refused", by: server, in: folder)
        #expect(try await searches() < 6)
        try write(#"{"limits":{"user":0}}"#, to: file)
        try await said("settings.read", by: server, in: folder)
        #expect(try await searches() == 200)
        await http.close()
        #expect(await server.stop() == 0)
    }

    /// Sends SIGHUP and returns when the log has the event.
    private func said(_ event: String, by server: RunningServer, in folder: TemporaryFolder) async throws {
        server.process.signal(SIGHUP)
        for _ in 0..<400 {
            if try String(contentsOfFile: folder.file("log"), encoding: .utf8).contains(event) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("the server never said \(event)")
    }

    private func write(_ text: String, to file: String) throws {
        try text.write(toFile: file, atomically: true, encoding: .utf8)
    }

    private func token(_ folder: TemporaryFolder) async throws -> String {
        let (_, output) = try await ChildProcess.run(Programs.server, ["token", "--role", "desk", "--data", folder.file("data")])
        return try #require(output.first)
    }
}
