import Foundation
import LoopbackClient
import Processes
import Testing

/// Staff who sign in with a real OpenID provider, oidc-provider-mock from PyPI, which is Flask and Authlib; the browser is curl. What an
/// ID token can be wrong in is tested in `Tests/APITests/SignOnTests`.
@Suite("Single sign-on")
final class SignOnTests {
    private let folder: TemporaryFolder
    private var log: String { folder.file("log") }
    /// Made by `./dev test`.
    private static let python = Programs.folder + "/../../sign-on/bin/python"

    init() throws { folder = try TemporaryFolder("sign-on") }
    deinit { folder.remove() }

    /// The provider leaves PKCE out; Authlib has it, so it is put in: without the right verifier no code is redeemed.
    private static let script = """
        import os, sys, socket
        os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
        import authlib.integrations.flask_oauth2 as flask_oauth2
        from authlib.oauth2.rfc7636 import CodeChallenge
        import oidc_provider_mock._app as mock
        import flask, werkzeug.serving
        challenges = {}
        class Challenge(CodeChallenge):
            def get_authorization_code_challenge(self, code): return challenges.get(code.code)
            def get_authorization_code_challenge_method(self, code): return "S256"
        save = mock.AuthorizationCodeGrant.save_authorization_code
        def saving(self, code, request):
            challenges[code] = flask.request.args["code_challenge"]
            assert flask.request.args["code_challenge_method"] == "S256"
            return save(self, code, request)
        mock.AuthorizationCodeGrant.save_authorization_code = saving
        register = flask_oauth2.AuthorizationServer.register_grant
        def registering(self, grant, extensions=None):
            register(self, grant, (extensions or []) + ([Challenge(required=True)] if extensions else []))
        flask_oauth2.AuthorizationServer.register_grant = registering
        from datetime import timedelta
        application = mock.app(require_nonce=True, access_token_max_age=timedelta(seconds=int(sys.argv[2])))
        application.debug = False
        server = werkzeug.serving.make_server("127.0.0.1", int(sys.argv[1]), application, threaded=True)
        print("listens on", server.server_port, flush=True)
        server.serve_forever()
        """

    private struct Running {
        let process: ChildProcess
        let port: Int
        var base: String { "http://127.0.0.1:\(port)" }
    }

    private func provider(port: Int = 0, seconds: Int = 300) async throws -> Running {
        let process = try ChildProcess(Self.python, ["-c", Self.script, String(port), String(seconds)], errors: log)
        for await line in process.lines {
            if let port = line.split(separator: " ").last.flatMap({ Int($0) }) { return Running(process: process, port: port) }
        }
        throw ProcessFault("the provider ended; ./dev test installs it. See \(try String(contentsOfFile: log, encoding: .utf8))")
    }

    private func server(_ provider: Running) async throws -> RunningServer {
        let list = folder.file("providers.json")
        let text = """
            {"providers": [{"name": "mock", "issuer": "\(provider.base)", "clientId": "mediconnect", "clientSecretFile": "client.secret",
            "link": "email", "emailDomains": ["demo.example"], "roleClaim": "groups", "roles": {"reception": "desk"},
            "base": "http://127.0.0.1", "factors": "assured", "landing": "/health/live"}]}
            """
        try Data("a secret\n".utf8).write(to: URL(fileURLWithPath: folder.file("client.secret")))
        try Data(text.utf8).write(to: URL(fileURLWithPath: list))
        return try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", folder.file("data"), "--port", "0"],
            environment: ["MEDICONNECT_OIDC_PROVIDERS": list], errors: log)
    }

    /// A request as a browser sends it, with the cookies it keeps. The status, where it is sent, and the body.
    private func browse(_ address: String, _ more: [String] = [], jar: String = "jar") async throws -> (
        status: Int, location: String, body: String
    ) {
        let cookies = folder.file(jar)
        let (_, lines) = try await ChildProcess.run(
            "/usr/bin/curl", ["-sS", "-b", cookies, "-c", cookies, "-w", "\n%{http_code} %header{location}"] + more + [address],
            errors: nil)
        let last = (lines.last ?? "").split(separator: " ", omittingEmptySubsequences: false)
        return (Int(last[0]) ?? 0, last.count > 1 ? String(last[1]) : "", lines.dropLast().joined(separator: "\n"))
    }

    /// Says who somebody is at the provider.
    private func introduce(_ subject: String, _ claims: String, to provider: Running) async throws {
        let heard = try await browse(
            "\(provider.base)/users/\(subject)", ["-X", "PUT", "-H", "Content-Type: application/json", "-d", claims], jar: "none")
        try #require(heard.status == 204, "\(heard.body)")
    }

    /// Begins, and agrees at the provider. The address the browser is sent back to, at this server.
    private func agreed(_ subject: String, _ server: RunningServer, jar: String = "jar") async throws -> String {
        let begun = try await browse("\(server.base)/v1/oidc/mock/start", jar: jar)
        try #require(begun.status == 302, "\(begun.body)")
        let back = try await browse(begun.location, ["-d", "sub=\(subject)"], jar: "none")
        try #require(back.status == 302 && back.location.hasPrefix("http://127.0.0.1/v1/oidc/mock/callback?"), "\(back.body)")
        // The provider knows the server without its port, which a test learns too late to write it down.
        return back.location.replacing("http://127.0.0.1/", with: server.base + "/")
    }

    private static let desk = #"{"email":"desk@demo.example","email_verified":true,"groups":["reception"]}"#

    @Test("the desk signs in with a real provider, stays in when it is gone, and comes back with one that has other keys")
    func wholeWay() async throws {
        let first = try await provider()
        let server = try await server(first)
        try await introduce("alice", Self.desk, to: first)
        let back = try await agreed("alice", server)
        let entered = try await browse(back)
        #expect(entered.status == 303 && entered.location == "/health/live", "\(entered.body)")
        let sessions = try await browse("\(server.base)/v1/sessions")
        #expect(sessions.status == 200 && sessions.body.contains(#""role":"desk""#), "\(sessions.body)")
        // The code is used, and the errand done.
        #expect(try await browse(back).status == 401)
        // Somebody nobody here knows, and somebody whose address nobody has verified.
        for (subject, claims) in [
            ("mallory", #"{"email":"admin@demo.example","email_verified":false,"groups":["reception"]}"#),
            ("trudy", #"{"email":"nobody@demo.example","email_verified":true,"groups":["reception"]}"#),
            ("desk@demo.example", #"{"email":"desk@demo.example","email_verified":true,"groups":["reception"]}"#),
        ] {
            try await introduce(subject, claims, to: first)
            let heard = try await browse(try await agreed(subject, server, jar: subject), jar: subject)
            #expect(heard.status == 401 && heard.body.contains("identity-refused"), "\(subject): \(heard.body)")
        }
        // An answer to somebody else's errand.
        let stolen = try await agreed("alice", server, jar: "mine")
        _ = try await agreed("alice", server, jar: "theirs")
        #expect(try await browse(stolen, jar: "theirs").body.contains("identity-refused"))
        await first.process.kill()
        let down = try await browse("\(server.base)/v1/sessions")
        #expect(down.status == 200, "who is in stays in")
        let password = try await password(server)
        let signedIn = try await browse(
            "\(server.base)/v1/sessions",
            ["-H", "Content-Type: application/json", "-d", #"{"login":"desk@demo.example","password":"\#(password)"}"#],
            jar: "none")
        #expect(signedIn.status == 201, "\(signedIn.body)")
        #expect(await server.stop() == 0)
    }

    @Test("a provider that is down is said to be, one that was never there too, and expired tokens open nothing")
    func trouble() async throws {
        let old = try await provider(seconds: -3_600)
        let server = try await server(old)
        try await introduce("alice", Self.desk, to: old)
        let expired = try await browse(try await agreed("alice", server))
        #expect(expired.status == 401 && expired.body.contains("identity-refused"), "\(expired.body)")
        let logged = try String(contentsOfFile: log, encoding: .utf8)
        #expect(logged.contains("the ID token has expired"), "the operator is told why")
        // It comes back with another key, under the same address.
        await old.process.kill()
        let begun = try await browse("\(server.base)/v1/oidc/mock/start")
        #expect(begun.status == 302, "what it says of itself is remembered")
        let missed = try await browse(
            "\(server.base)/v1/oidc/mock/callback?code=x&state=\(begun.location.firstMatch(of: /state=([^&]+)/).map { String($0.1) } ?? "")"
        )
        #expect(missed.status == 503 && missed.body.contains("provider-unavailable"), "\(missed.body)")
        #expect(await server.stop() == 0)
        let never = try await self.server(old)
        let heard = try await browse("\(never.base)/v1/oidc/mock/start")
        #expect(heard.status == 503 && heard.body.contains("provider-unavailable"), "\(heard.body)")
        // With a new key, and a server that has seen the old one nowhere: its keys are read when they are needed.
        let new = try await provider(port: old.port)
        try await introduce("alice", Self.desk, to: new)
        #expect(try await browse(try await agreed("alice", never)).status == 303)
        await new.process.kill()
        #expect(await never.stop() == 0)
    }

    /// What the demonstration printed.
    private func password(_ server: RunningServer) async throws -> String {
        for await line in server.process.lines {
            if let password = line.firstMatch(of: /all with the password ([0-9a-f]+)/) { return String(password.1) }
        }
        throw ProcessFault("the demonstration says no password")
    }
}
