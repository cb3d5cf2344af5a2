#if canImport(Glibc)
    import Glibc
#endif
import Foundation
import LoopbackClient
import Processes
import Testing

/// Clients that keep a server waiting on purpose.
@Suite("Slow clients")
struct SlowClientTests {
    @Test("a thousand clients that never finish their request change nothing for others, and are hung up on")
    func slowLoris() async throws {
        try await withServer(["MEDICONNECT_HTTP_HEADSECONDS": "3"]) { server, http in
            let slow = try (0..<1_000).map { number in
                let half = try HalfRequest(port: server.port, from: "127.0.0.\(2 + number % 4)", timeoutSeconds: 60)
                try half.send("POST /v1/appointments HTTP/1.1\r\nHost: clinic\r\nX-Slow: ")
                return half
            }
            // They have all been let in before anybody else is asked.
            var known = 0
            for _ in 0..<5_000 where known < 1_000 {
                known =
                    try await gauge("mediconnect_connections", server, http)
                    + gauge(#"mediconnect_connections_closed_total{reason="slow-head"}"#, server, http)
            }
            let token = await token(of: server)
            for _ in 0..<100 {
                #expect(try await http.send("GET", server.base + "/health/ready").status == 200)
                let search = try await http.send(
                    "GET", server.base + "/v1/free-times?visitType=\(Self.visit)&limit=1", token: token)
                #expect(search.status == 200 && search.text.contains("start"), "\(search.text.prefix(200))")
            }
            let booked = try await book(server, http, token)
            #expect(booked.status == 201, "\(booked.text.prefix(300))")
            for half in slow { #expect(half.received { _ in false } == "", "hung up on without an answer") }
            try await becomes {
                try await self.gauge(#"mediconnect_connections_closed_total{reason="slow-head"}"#, server, http) == 1_000
            }
            try await becomes { try await self.gauge("mediconnect_connections", server, http) < 100 }
        }
    }

    @Test("a body that stops coming is not waited for, however short it is")
    func slowBody() async throws {
        try await withServer(["MEDICONNECT_HTTP_HEADSECONDS": "1"]) { server, http in
            let half = try HalfRequest(port: server.port)
            try half.send(
                "POST /v1/sessions HTTP/1.1\r\nHost: clinic\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
            _ = half.received { _ in false }
            try await becomes {
                try await self.gauge(#"mediconnect_connections_closed_total{reason="slow-body"}"#, server, http) == 1
            }
        }
    }

    @Test("one address may have so many connections, and others have theirs")
    func perAddress() async throws {
        try await withServer(["MEDICONNECT_HTTP_CONNECTIONSPERADDRESS": "20"]) { server, http in
            let ask = "GET /health/live HTTP/1.1\r\nHost: clinic\r\nConnection: close\r\n\r\n"
            var many = try (0..<25).map { _ in try HalfRequest(port: server.port, from: "127.0.0.9") }
            #expect(try await http.send("GET", server.base + "/health/live").status == 200)
            // Who is hung up on may notice while speaking, or while listening.
            let answers = many.map { half in
                try? half.send(ask)
                return half.received { $0.hasSuffix("}") }
            }
            #expect(answers.count { $0.hasPrefix("HTTP/1.1 200") } == 20)
            #expect(answers.count { $0.isEmpty } == 5)
            // A connection has its place until both sides have hung up.
            many.removeAll()
            var open = 20
            for _ in 0..<5_000 where open >= 20 { open = try await gauge("mediconnect_connections", server, http) }
            let next = try HalfRequest(port: server.port, from: "127.0.0.9")
            try next.send(ask)
            #expect(next.received { $0.hasSuffix("}") }.hasPrefix("HTTP/1.1 200"))
        }
    }

    // Of the demonstration: a consultation, and who has the token it prints.
    private static let visit = "01900000-0000-7000-8000-000000000301"
    private static let patient = "01900000-0000-7000-8000-000000000501"

    private func token(of server: RunningServer) async -> String {
        for await line in server.process.lines where line.hasPrefix("TOKEN=") { return String(line.dropFirst(6)) }
        return ""
    }

    private func book(_ server: RunningServer, _ http: Loopback, _ token: String) async throws -> Loopback.Reply {
        let found = try await http.send(
            "GET", server.base + "/v1/free-times?visitType=\(Self.visit)&limit=1", token: token
        ).text
        let start = found.firstMatch(of: /"start":"([^"]+)"/)?.1 ?? ""
        let practitioner = found.firstMatch(of: /"practitioner":"([^"]+)"/)?.1 ?? ""
        let body = """
            {"visitType":"\(Self.visit)","practitioner":"\(practitioner)","start":"\(start)","patients":["\(Self.patient)"]}
            """
        return try await http.send(
            "POST", server.base + "/v1/appointments", token: token, key: "beside-the-slow", body: Array(body.utf8))
    }

    private func withServer(
        _ environment: [String: String], _ body: (RunningServer, Loopback) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder("slow")
        defer { folder.remove() }
        // A test has a socket for each of its clients.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 8_192)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let server = try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", folder.file("data"), "--port", "0"], environment: environment,
            errors: folder.file("log"))
        let http = Loopback()
        do { try await body(server, http) } catch {
            await http.close()
            _ = await server.stop()
            throw error
        }
        await http.close()
        #expect(await server.stop() == 0)
    }

    /// Whoever is hung up on may know it before it is counted.
    private func becomes(
        sourceLocation: SourceLocation = #_sourceLocation, _ look: () async throws -> Bool
    ) async throws {
        let limit = ContinuousClock.now + .seconds(60)
        while try await !look() {
            guard ContinuousClock.now < limit else {
                Issue.record("it did not become so within a minute", sourceLocation: sourceLocation)
                return
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// A figure of the server's own.
    private func gauge(_ name: String, _ server: RunningServer, _ http: Loopback) async throws -> Int {
        let text = try await http.send("GET", server.base + "/metrics").text
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { $0.split(separator: " ").last.flatMap { Double($0) } }.map { Int($0) } ?? 0
    }
}
