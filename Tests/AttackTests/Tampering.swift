import Foundation
import LoopbackClient
import Notation
import Processes
import Testing
import Workflows

/// Addresses that try to mean more than they say.
@Suite struct Paths {
    private static let reading = "/v1/rooms"

    /// Beside what is there, and not it. The real address is answered 200.
    private static let detours =
        [
            "/V1/rooms", "/v1/ROOMS", "/v1/rooms;x=1", "/v1;x/rooms", "/v1/rooms.json", "/v1/rooms%00", "/v1/rooms%00.json",
            "/v1/rooms%2e", "/v1/rooms%20", "/v1/rooms%09", "/v1/rooms%0a", "/v1/rooms%0d%0aX-Evil:1", "/v1%2frooms",
            "/v1%2Frooms",
            "/v1%5crooms", "/v1\\rooms", "/v1/rooms\\", "/%76%31/rooms/..%2frooms", "/v1/%2e/rooms", "/v1/%2e%2e/v1/rooms",
            "/v1/./rooms", "/v1/../v1/rooms", "/./v1/rooms", "/../v1/rooms", "/v1/x/../rooms", "/v1/..;/v1/rooms",
            "/v1/.%2e/v1/rooms",
            "/%252e%252e/v1/rooms", "/v1%252frooms", "/v1/room%2573", "/v1/rooms%c0%af", "/v1/%c0%ae%c0%ae/v1/rooms",
            "/v1/rooms%e0%80%af",
            "/v1/rooms%ff", "/v1/%f0%80%80%afrooms", "/v1/%uff52ooms", "/v1/r%efbc8fooms", "/v1/rooms%", "/v1/rooms%2",
            "/v1/rooms%zz",
            "/v1/rooms~", "/v1/rooms*", "/v1/*", "/v1/rooms,", "/*", "/{id}", "/v1/rooms/{id}", "/v1/rooms/:id", "/v1/rooms/*",
            "/v1/rooms/**",
        ]

    /// Files that servers of other kinds give away.
    private static let files = [
        "/.git/config", "/.git/HEAD", "/.svn/entries", "/.env", "/.DS_Store", "/Package.swift", "/data/token.secret",
        "/token.secret",
        "/audit.key", "/clinic.db", "/etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "/....//....//etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/file:///etc/passwd", "/proc/self/environ", "/v1/", "/v1", "/", "/problems/..%2f..%2fetc", "/problems/%2e%2e%2fhealth",
        "/backup.zip", "/server-status", "/actuator/env", "/debug/pprof/", "/swagger-ui.html", "/phpinfo.php", "/wp-login.php",
        "/WEB-INF/web.xml", "/web.config", "/.well-known/../token.secret",
    ]

    @Test func `lead where they say, by the letter, or nowhere`() async throws {
        try await Target.withServer { target in
            func said(_ path: String) throws -> String {
                try #require(
                    try target.said(
                        to: Array(
                            "GET \(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(target.token)\r\nConnection: close\r\n\r\n"
                                .utf8)),
                    "\(path)")
            }
            #expect(try said(Paths.reading).statuses == [200])
            for path in Paths.detours + Paths.files {
                let answer = try said(path)
                #expect(answer.statuses == [404] || answer.statuses == [400], "\(path): \(answer.prefix(200))")
                #expect(!answer.contains("\"items\"") && !answer.contains("root:") && !answer.contains("X-Evil"), "\(path)")
            }
            // A slash more is the same address, and a digit written out is the digit.
            for path in ["/v1/rooms/", "//v1/rooms", "/v1//rooms"] {
                let answer = try said(path)
                #expect(answer.statuses == [200] || answer.statuses == [404], "\(path): \(answer.prefix(200))")
            }
            #expect(try await target.isWell())
        }
    }

    @Test func `are closed however they are written to who has no token`() async throws {
        try await Target.withServer { target in
            for path in ["/v1/rooms", "/v1/rooms/", "//v1/rooms", "/v1//rooms", "/v1/rooms?", "/v1/rooms?x", "/v1/%72ooms"]
                + Paths.detours
            {
                let said = try #require(
                    try target.said(to: Array("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)))
                #expect(!said.statuses.isEmpty && said.statuses.allSatisfy { [400, 401, 404].contains($0) }, "\(path)")
            }
        }
    }
}

/// Requests that say one thing in one place and another elsewhere.
@Suite struct Parameters {
    @Test func `a method in a header is not a method`() async throws {
        try await Target.withServer { target in
            for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"] {
                let reply = try await target.http.send(
                    "GET", target.server.base + "/v1/session-continuations", token: target.token, headers: [header: "POST"])
                #expect(reply.status == 405, "\(header)")
                let read = try await target.http.send(
                    "GET", target.server.base + "/v1/rooms", token: target.token, headers: [header: "DELETE"])
                #expect(read.status == 200, "\(header)")
            }
            let query = try await target.http.send("GET", target.server.base + "/v1/rooms?_method=DELETE", token: target.token)
            #expect(query.status == 400)
        }
    }

    @Test func `methods that show or tunnel are not answered`() async throws {
        try await Target.withServer { target in
            for method in ["TRACE", "OPTIONS", "HEAD", "PATCH", "PROPFIND", "LOCK", "SEARCH", "PURGE", "LINK"] {
                let said = try #require(
                    try target.said(
                        to: Array(
                            "\(method) /v1/rooms HTTP/1.1\r\nHost: a\r\nX-Secret: 1\r\nAuthorization: Bearer \(target.token)\r\nConnection: close\r\n\r\n"
                                .utf8)))
                #expect(said.statuses == [405], "\(method): \(said.prefix(200))")
                #expect(!said.contains("X-Secret") && !said.contains("\"items\""))
            }
        }
    }

    @Test func `a token in an address is none`() async throws {
        try await Target.withServer { target async throws in
            for query in ["access_token=\(target.token)", "token=\(target.token)", "Authorization=Bearer%20\(target.token)"] {
                #expect(try await target.http.send("GET", target.server.base + "/v1/rooms?\(query)").status == 401)
            }
            for headers in [["Cookie": "access_token=\(target.token)"], ["X-Authorization": "Bearer \(target.token)"]] {
                #expect(try await target.http.send("GET", target.server.base + "/v1/rooms", headers: headers).status == 401)
            }
        }
    }

    @Test func `who says who they are in a header of a proxy is nobody`() async throws {
        try await Target.withServer { target in
            for header in [
                "X-Forwarded-User", "X-Remote-User", "Remote-User", "X-User-Id", "X-Authenticated-User", "X-Role",
                "X-Original-URL",
                "X-Rewrite-URL", "X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "X-Forwarded-Host",
            ] {
                for value in ["admin", "127.0.0.1", "/health/live", DemoClinic.desk] {
                    let reply = try await target.http.send("GET", target.server.base + "/v1/rooms", headers: [header: value])
                    #expect(reply.status == 401, "\(header): \(value)")
                }
            }
        }
    }

    @Test func `one parameter has one value, of its kind, and there are not many of them`() async throws {
        try await Target.withServer { target in
            let times = "/v1/free-times?visitType=\(DemoClinic.visitType)"
            #expect(try await target.http.send("GET", target.server.base + times, token: target.token).status == 200)
            for more in [
                "&visitType=\(DemoClinic.visitType)", "&visittype=x", "&visitType[]=x", "&limit[]=1", "&limit=1&limit=2",
                "&limit%00=1",
                "&limit=1%00", "&limit=1;limit=2", "&limit=1,2", "&limit=0x10", "&limit=1e2", "&limit=%2B1", "&limit=-1",
                "&limit= 1".replacing(" ", with: "%20"),
                "&limit=99999999999999999999999", "&limit=NaN", "&limit=Infinity", "&limit=true", "&limit=null", "&limit=[1]",
                "&limit={}",
                "&limit=%EF%BC%91", "&__proto__=1", "&constructor=1", "&toString", "&cursor=../../x", "&cursor=%27%20OR%201=1--",
                "&" + (0..<2000).map { "p\($0)=1" }.joined(separator: "&"),
            ] {
                let said = try #require(
                    try target.said(
                        to: Array(
                            "GET \(times)\(more) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(target.token)\r\nConnection: close\r\n\r\n"
                                .utf8)))
                #expect(said.statuses == [400], "\(more.prefix(80)): \(said.prefix(200))")
            }
        }
    }
}
