import Foundation
import LoopbackClient
import Notation
import Processes
import Testing
import Workflows

/// What a page of somebody else's may make a browser do with this server, which is nothing.
@Suite struct Browsers {
    /// One request of each kind of answer: data, text, none, a problem of each layer.
    private static let requests: [(method: String, path: String, hasToken: Bool)] = [
        ("GET", "/health/live", false), ("GET", "/health", false), ("GET", "/metrics", false), ("GET", "/openapi.json", false),
        ("GET", "/problems", false), ("GET", "/problems/not-found", false), ("GET", "/.well-known/security.txt", false),
        ("GET", "/v1/rooms", true), ("GET", "/v1/rooms", false), ("GET", "/nowhere", true), ("DELETE", "/v1/rooms", true),
        ("POST", "/v1/appointments", true), ("POST", "/v1/sessions", false), ("GET", "/v1/rooms?x=1", true),
        ("GET", "/v1/rooms?%", true), ("GET", "/account/password", false), ("POST", "/account/password", false),
    ]

    private func each(
        of target: Target, headers: String = "", _ body: (_ request: String, _ said: String) throws -> Void
    ) throws {
        for (method, path, hasToken) in Browsers.requests {
            let token = hasToken ? "Authorization: Bearer \(target.token)\r\n" : ""
            let request =
                "\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(token)\(headers)Content-Length: 0\r\nConnection: close\r\n\r\n"
            let said = try #require(try target.said(to: Array(request.utf8)), "\(method) \(path)")
            try body("\(method) \(path)", said)
        }
    }

    private func header(_ name: String, in said: String) -> String? {
        let head = said.components(separatedBy: "\r\n\r\n")[0]
        return head.components(separatedBy: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
            .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }

    @Test func `every answer says how a browser has to take it`() async throws {
        try await Target.withServer { target in
            try each(of: target) { request, said in
                #expect(header("X-Content-Type-Options", in: said) == "nosniff", "\(request)")
                let policy = header("Content-Security-Policy", in: said) ?? ""
                #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "\(request)")
                #expect(policy.contains("base-uri 'none'"), "\(request)")
                #expect(header("Referrer-Policy", in: said) == "no-referrer", "\(request)")
                let type = header("Content-Type", in: said) ?? ""
                // JSON is UTF-8 and has no charset (RFC 8259 §11); text says so.
                #expect(
                    ["application/json", "application/problem+json"].contains(type) || type.hasSuffix("; charset=utf-8"),
                    "\(request): \(type)")
                #expect(header("Server", in: said) == nil && header("X-Powered-By", in: said) == nil, "\(request)")
            }
        }
    }

    @Test func `no other site's page is let in`() async throws {
        try await Target.withServer { target in
            for origin in [
                "https://evil.example", "null", "http://127.0.0.1:\(target.server.port)", "https://clinic.example.evil.example",
            ] {
                try each(of: target, headers: "Origin: \(origin)\r\n") { request, said in
                    #expect(!said.lowercased().contains("access-control-"), "\(request) \(origin)")
                }
                let preflight = try #require(
                    try target.said(
                        to: Array(
                            "OPTIONS /v1/appointments HTTP/1.1\r\nHost: a\r\nOrigin: \(origin)\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
                                .utf8)))
                #expect(preflight.statuses == [405] && !preflight.lowercased().contains("access-control-"))
            }
            // What a form can send without asking first: no token, no JSON.
            for type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
                let reply = try await target.http.send(
                    "POST", target.server.base + "/v1/sessions", headers: ["Content-Type": type], body: [])
                #expect(reply.status == 400 || reply.status == 415, "\(type)")
                let said = try #require(
                    try target.said(
                        to: Array(
                            "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
                                .utf8)))
                #expect(said.statuses == [415], "\(type): \(said.prefix(100))")
            }
        }
    }

    @Test func `nobody is sent elsewhere`() async throws {
        try await Target.withServer { target in
            try each(of: target, headers: "X-Forwarded-Proto: http\r\nX-Forwarded-Host: evil.example\r\n") { request, said in
                #expect(said.statuses.allSatisfy { !(300..<400).contains($0) }, "\(request)")
                #expect(header("Location", in: said) == nil && !said.contains("evil.example"), "\(request)")
            }
        }
    }

    @Test func `what needs no token is what is named`() async throws {
        try await Target.withServer { target in
            let description = try JSON(parsing: try await target.http.send("GET", target.server.base + "/openapi.json").body)
            let open = (description["paths"]?.members ?? []).flatMap { path in
                (path.value.members ?? []).filter { $0.value["security"]?.array?.isEmpty == true }.map {
                    "\($0.name) \(path.name)"
                }
            }
            #expect(
                Set(open).isSubset(of: Browsers.openOnPurpose), "\(Set(open).subtracting(Browsers.openOnPurpose)) is open")
        }
    }

    /// Who adds one says so here, and in `SECURITY.md`.
    private static let openOnPurpose: Set<String> = [
        "get /health", "get /health/live", "get /health/ready", "get /metrics", "get /problems", "get /problems/{id}",
        "get /openapi.json",
        "get /.well-known/security.txt", "post /v1/sessions", "post /v1/session-continuations",
        "post /v1/token", "post /v1/password-resets", "post /v1/password-resets/completion",
        "post /v1/email-verifications/completion", "post /v1/email-changes/completion", "post /v1/email-changes/undoing",
        "post /v1/accounts/invitations/acceptance",
        // Signed by whoever sends it.
        "post /v1/incoming/payments", "post /v1/incoming/texts",
        // The pages behind the links in letters, and their forms.
        "get /account/invitation", "get /account/email", "get /account/password", "get /account/new-email",
        "get /account/old-email", "post /account/invitation", "post /account/email", "post /account/password",
        "post /account/new-email", "post /account/old-email",
        // The pages behind the links in messages to patients, and their forms.
        "get /visit/answer", "get /visit/unsubscribe", "post /visit/answer", "post /visit/unsubscribe",
        // Without a provider in the settings there is nothing behind them.
        "get /v1/oidc/{provider}/start", "get /v1/oidc/{provider}/callback",
    ]

    @Test func `a fresh clinic lets nobody in`() async throws {
        try await Target.withServer(demo: false) { target in
            for login in ["admin", "root", "sa", "test", "desk@demo.example", "admin@demo.example", "mediconnect"] {
                for password in ["admin", "password", "changeme", login] {
                    let body = #"{"login":"\#(login)","password":"\#(password)"}"#
                    let reply = try await target.http.send("POST", target.server.base + "/v1/sessions", body: Array(body.utf8))
                    #expect(reply.status == 401, "\(login): \(reply.text)")
                }
            }
        }
    }
}
