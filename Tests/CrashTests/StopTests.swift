import Foundation
import LoopbackClient
import Processes
import Testing

@Suite("Stopping")
struct StopTests {
    private static let patient = "01900000-0000-7000-8000-000000000501"
    private static let visitType = "01900000-0000-7000-8000-000000000301"

    @Test("after SIGTERM nobody new is let in, a booking under way is finished, and the exit code is 0")
    func drains() async throws {
        let folder = try TemporaryFolder("stop")
        defer { folder.remove() }
        let server = try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", folder.file("data"), "--port", "0"], errors: folder.file("log"))
        let http = Loopback()
        let token = try await token(folder)
        let booking = try await booking(http, server, token)
        let half = try HalfRequest(port: server.port)
        // A connection the server has not looked at yet may be closed: this one it has.
        try half.send("GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        #expect(half.received { $0.hasSuffix("}") }.hasPrefix("HTTP/1.1 200"))
        try half.send(booking.head)
        try half.send(String(booking.body.prefix(20)))
        // One event loop reads in turns: it has the head when a request sent after it is answered.
        #expect(try await http.send("GET", server.base + "/health/ready").status == 200)
        server.process.signal(SIGTERM)
        try await untilClosed(server)
        try half.send(String(booking.body.dropFirst(20)))
        let answer = half.received { $0.contains("\"version\":1}") }
        #expect(answer.hasPrefix("HTTP/1.1 201"), "\(answer)")
        #expect(await server.process.ended() == 0)
        await http.close()
        try await isThere(booking.id, folder, token)
    }

    /// The first free time, as a request cut in two.
    private func booking(_ http: Loopback, _ server: RunningServer, _ token: String) async throws -> (
        id: String, head: String, body: String
    ) {
        let found = try await http.send("GET", "\(server.base)/v1/free-times?visitType=\(Self.visitType)&limit=1", token: token)
        let start = try #require(found.text.firstMatch(of: /"start":"([^"]+)"/)?.1)
        let practitioner = try #require(found.text.firstMatch(of: /"practitioner":"([^"]+)"/)?.1)
        let id = "01970000-0000-7000-8000-0000000000aa"
        let body =
            #"{"id":"\#(id)","visitType":"\#(Self.visitType)","practitioner":"\#(practitioner)","start":"\#(start)","patients":["\#(Self.patient)"]}"#
        let head = """
            POST /v1/appointments HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(token)\r\nIdempotency-Key: half-a-booking\r
            Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n
            """
        return (id, head, body)
    }

    private func token(_ folder: TemporaryFolder) async throws -> String {
        let (_, output) = try await ChildProcess.run(
            Programs.server, ["token", "--role", "patient", "--subject", Self.patient, "--data", folder.file("data")])
        return try #require(output.first)
    }

    /// Until a new caller is told that the server is stopping, or finds nobody.
    private func untilClosed(_ server: RunningServer) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            let caller = Loopback(timeoutSeconds: 5)
            let reply = try? await caller.send("GET", server.base + "/health/ready")
            await caller.close()
            guard let reply, reply.status == 200 else { return }
            await Task.yield()
        }
        Issue.record("the server still lets callers in, a minute after SIGTERM")
    }

    private func isThere(_ id: String, _ folder: TemporaryFolder, _ token: String) async throws {
        let server = try await RunningServer.start(
            Programs.server, ["serve", "--data", folder.file("data"), "--port", "0"], errors: folder.file("log"))
        let http = Loopback()
        let reply = try await http.send("GET", "\(server.base)/v1/appointments/\(id)", token: token)
        #expect(reply.status == 200)
        #expect(reply.text.contains("\"state\":\"booked\""))
        await http.close()
        #expect(await server.stop() == 0)
    }
}
