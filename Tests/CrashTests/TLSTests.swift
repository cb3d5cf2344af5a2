import Foundation
import LoopbackClient
import Processes
import Testing

/// TLS as real clients see it: curl, openssl and Python against the real server (HB-6, ASVS 12.1).
@Suite("The server over TLS")
final class TLSTests {
    private let folder: TemporaryFolder
    private let credentials: Credentials
    private var log: String { folder.file("log") }

    init() throws {
        folder = try TemporaryFolder("tls")
        credentials = Credentials(folder: folder)
    }
    deinit { folder.remove() }

    private func start(_ settings: [String: String] = [:]) async throws -> RunningServer {
        if !FileManager.default.fileExists(atPath: credentials.certificate) { try await credentials.renew("first") }
        let all = ["MEDICONNECT_TLS_CERTIFICATE": credentials.certificate, "MEDICONNECT_TLS_KEY": credentials.key].merging(
            settings
        ) { $1 }
        return try await RunningServer.start(
            Programs.server, ["serve", "--data", folder.file("data"), "--port", "0"], environment: all, errors: log)
    }

    /// What curl says of a request whose certificate it checks: `2 200`, and the headers of the answer.
    private func curl(_ address: String, _ more: [String] = []) async throws -> (status: Int32, said: String) {
        let (status, lines) = try await ChildProcess.run(
            "/usr/bin/curl",
            ["-sS", "-D", "-", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", "--cacert", credentials.certificate]
                + more
                + [address], errors: nil)
        return (status, lines.joined(separator: "\n"))
    }

    /// Whose certificate a new connection is answered with, or what openssl says when there is no connection.
    private func subject(_ server: RunningServer, _ more: String = "") async throws -> String {
        let command =
            "openssl s_client -connect 127.0.0.1:\(server.port) \(more) </dev/null 2>&1 | grep -E 'subject=|alert|Protocol  :|no peer'"
        let (_, lines) = try await ChildProcess.run("/bin/sh", ["-c", command])
        return lines.joined(separator: "\n")
    }

    private func logged(_ event: String) -> Int {
        ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").ranges(of: "\"\(event)\"").count
    }

    /// Waits for the log to speak of something once more.
    private func says(_ event: String, _ act: () async throws -> Void) async throws {
        let before = logged(event)
        try await act()
        let limit = ContinuousClock.now + .seconds(60)
        while logged(event) == before {
            guard ContinuousClock.now < limit else {
                Issue.record("nothing was said of \(event)")
                return
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test("speaks HTTP/2 and HTTP/1.1, to whom each is natural, and tells browsers to come by no other door")
    func versions() async throws {
        let server = try await start()
        #expect(server.base.hasPrefix("https://"))
        for (more, version) in [(["--http2"], "2"), (["--http1.1"], "1.1")] {
            let heard = try await curl(server.base + "/health/ready", more)
            #expect(heard.said.hasSuffix("\(version) 200"), "\(heard.said)")
            #expect(
                heard.said.lowercased().contains("strict-transport-security: max-age=63072000; includesubdomains"),
                "\(heard.said)")
            // A problem says so too, and an address nobody has.
            for path in ["/v1/appointments", "/nowhere"] {
                #expect(try await curl(server.base + path, more).said.lowercased().contains("strict-transport-security"))
            }
        }
        let health = try await ChildProcess.run(
            "/usr/bin/curl", ["-sS", "--cacert", credentials.certificate, server.base + "/health"], errors: nil
        ).output.joined()
        #expect(health.contains(#""certificate":"ok""#), "\(health)")
        // Whoever does not know the certificate goes away.
        try await credentials.make("stranger")
        let stranger = try await curl(server.base + "/health", ["--cacert", folder.file("stranger.certificate.pem")])
        #expect(stranger.status == 60, "\(stranger.said)")
        #expect(await server.stop() == 0)
    }

    @Test("what is older than it wants is refused", arguments: [("1.2", ["-tls1_2", "-tls1_3"]), ("1.3", ["-tls1_3"])])
    func oldVersions(minimum: String, accepted: [String]) async throws {
        let server = try await start(["MEDICONNECT_TLS_MINIMUM": minimum])
        for version in ["-tls1", "-tls1_1", "-tls1_2", "-tls1_3"] {
            let heard = try await subject(server, "\(version) -cipher ALL:@SECLEVEL=0")
            #expect(heard.contains("CN = first") == accepted.contains(version), "\(version): \(heard)")
            // It is the server that refuses, not the client that does not try.
            if !accepted.contains(version) { #expect(heard.contains("alert protocol version"), "\(version): \(heard)") }
        }
        if minimum == "1.2" {
            // Without forward secrecy or an authenticated cipher nothing is agreed upon.
            for cipher in ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"] {
                let heard = try await subject(server, "-tls1_2 -cipher \(cipher):@SECLEVEL=0")
                #expect(!heard.contains("CN = first") && heard.contains("alert handshake failure"), "\(cipher): \(heard)")
            }
        }
        #expect(await server.stop() == 0)
    }

    @Test("a new certificate is there for the next connection, and the open ones go on")
    func renewal() async throws {
        let server = try await start()
        let script = """
            import http.client, signal, ssl
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
            connection = http.client.HTTPSConnection("127.0.0.1", \(server.port), context=ssl._create_unverified_context())
            connection.connect()
            socket = connection.sock
            def ask():
                connection.request("GET", "/health/live")
                answer = connection.getresponse()
                answer.read()
                print(answer.status, "the same" if connection.sock is socket else "another", flush=True)
            ask()
            signal.sigwait([signal.SIGUSR1])
            ask()
            """
        let client = try ChildProcess("/usr/bin/python3", ["-c", script], errors: log)
        var lines = client.lines.makeAsyncIterator()
        #expect(await lines.next() == "200 the same")
        #expect(try await subject(server).contains("CN = first"))
        try await says("tls.read") { try await credentials.renew("second") }
        #expect(try await subject(server).contains("CN = second"))
        #expect(try await curl(server.base + "/health/live").said.hasSuffix("2 200"), "and it is the whole of it")
        // On a signal too.
        try await says("tls.read") { server.process.signal(SIGHUP) }
        client.signal(SIGUSR1)
        #expect(await lines.next() == "200 the same", "the connection of before")
        #expect(await client.ended() == 0)
        #expect(await server.stop() == 0)
    }

    @Test("a certificate that cannot be used is refused, and the one before goes on")
    func brokenRenewal() async throws {
        let server = try await start()
        try await credentials.make("second")
        try await credentials.makeExpired("expired")
        let rubbish = Data("-----BEGIN CERTIFICATE-----\nrubbish\n".utf8)
        let wrongs: [(String, () throws -> Void)] = [
            ("rubbish", { [credentials] in try rubbish.write(to: URL(fileURLWithPath: credentials.certificate)) }),
            (
                "somebody else's key",
                { [credentials] in
                    try credentials.place("first", "certificate"); try credentials.place("second", "key")
                }
            ),
            (
                "expired",
                { [credentials] in
                    try credentials.place("expired", "certificate"); try credentials.place("expired", "key")
                }
            ),
            ("gone", { [credentials] in try FileManager.default.removeItem(atPath: credentials.key) }),
        ]
        for (what, act) in wrongs {
            try await says("tls.wrong") { try act() }
            #expect(try await subject(server).contains("CN = first"), "\(what)")
        }
        try await says("tls.read") {
            try credentials.place("second", "certificate")
            try credentials.place("second", "key")
        }
        #expect(try await subject(server).contains("CN = second"))
        #expect(await server.stop() == 0)
    }

    @Test("who connects and does not get as far as speaking loses the connection")
    func silence() async throws {
        let server = try await start(["MEDICONNECT_TLS_HANDSHAKE": "1"])
        let silent = try HalfRequest(port: server.port)
        #expect(silent.received { _ in false } == "", "and the server is the one who ends it")
        // Who has spoken in time may then be silent for longer.
        let script = """
            import select, socket, ssl
            connection = ssl._create_unverified_context().wrap_socket(socket.create_connection(("127.0.0.1", \(server.port))))
            ended = select.select([connection], [], [], 2.5)[0] and not connection.recv(1)
            print("ended" if ended else "open")
            """
        #expect(try await ChildProcess.run("/usr/bin/python3", ["-c", script], errors: log).output == ["open"])
        #expect(await server.stop() == 0)
    }

    @Test("plain HTTP is there beside it only when it was asked for, and says nothing of TLS")
    func plainDoor() async throws {
        var server = try await start()
        // Whoever speaks plainly at the door of TLS hears nothing.
        #expect(try await curl("http://127.0.0.1:\(server.port)/health/live").status != 0)
        #expect(await server.stop() == 0)
        #expect(logged("server.listening") == 1)
        try FileManager.default.removeItem(atPath: log)
        server = try await start(["MEDICONNECT_HTTP_PLAIN_PORT": "0"])
        let limit = ContinuousClock.now + .seconds(60)
        while logged("server.listening") < 2, ContinuousClock.now < limit { try await Task.sleep(for: .milliseconds(20)) }
        let ports = try String(contentsOfFile: log, encoding: .utf8).matches(of: /"port":"?([0-9]+)/).compactMap { Int($0.1) }
        let plain = try #require(ports.first { $0 != server.port })
        let heard = try await curl("http://127.0.0.1:\(plain)/health/live")
        #expect(heard.said.hasSuffix("1.1 200") && !heard.said.lowercased().contains("strict-transport"), "\(heard.said)")
        #expect(await server.stop() == 0)
    }

    @Test("says at the start what is wrong with its files")
    func mistakes() async throws {
        try await credentials.renew("first")
        try await credentials.make("second")
        let (good, key) = (credentials.certificate, credentials.key)
        let all: [([String: String], String)] = [
            (["CERTIFICATE": good], "one needs the other"), (["CERTIFICATE": good, "KEY": good], "holds no private key"),
            (["CERTIFICATE": key, "KEY": key], "holds no certificates"),
            (["CERTIFICATE": good, "KEY": folder.file("second.key.pem")], "is not that of the certificate"),
            (["CERTIFICATE": good, "KEY": key, "MINIMUM": "1.1"], "must be 1.2 or 1.3"),
            (["CERTIFICATE": "/nowhere", "KEY": key], "holds no certificates"),
        ]
        for (settings, complaint) in all {
            let environment = Dictionary(uniqueKeysWithValues: settings.map { ("MEDICONNECT_TLS_\($0)", $1) })
            let (status, said) = try await ChildProcess.run(
                Programs.server, ["serve", "--data", folder.file("data"), "--port", "0"], environment: environment, errors: nil)
            #expect(status == 1 && said.contains { $0.contains(complaint) }, "\(settings): \(said)")
        }
    }
}
