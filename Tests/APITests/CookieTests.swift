import API
import Foundation
import HTTPTypes
import Identity
import Notation
import Storage
import Testing
import Workflows

/// A browser: keeps what it is told to keep, and sends it along whoever wrote the page.
private struct Browser {
    static let origin = "https://clinic.example"

    let cookies: [String: String]
    let csrfToken: String
    let heard: Heard

    init(_ heard: Heard) {
        var cookies: [String: String] = [:]
        for line in heard.headers[values: .setCookie] {
            let pair = line.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
            cookies[String(pair[0])] = pair.count > 1 ? String(pair[1]) : ""
        }
        self.cookies = cookies
        self.heard = heard
        csrfToken = heard["csrfToken"]?.string ?? ""
    }

    var session: String { heard["session"]?.string ?? "" }
    var cookie: [String: String] { ["Cookie": cookies.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: "; ")] }
    /// What a script of the clinic's own page sends, and the browser adds.
    var own: [String: String] {
        cookie.merging(["X-CSRF-Token": csrfToken, "Origin": Self.origin, "Sec-Fetch-Site": "same-origin"]) { $1 }
    }
}

extension Visitor {
    fileprivate func browser(_ who: Who, headers: [String: String] = [:]) async throws -> Browser {
        let heard = try await send(
            .post("/v1/sessions", Known.credentials(who, more: #""as":"cookie""#)), by: nil, headers: headers)
        try #require(heard.status == 201, "\(heard.text)")
        return Browser(heard)
    }
}

/// Sessions that a browser keeps (ASVS 3.3, 3.5): no script can read them, and no other site can use them.
@Suite struct ASessionInCookies {
    @Test func `is given in cookies that no script, no neighbour and no eavesdropper reads`() async throws {
        try await inHouse { visitor in
            let browser = try await visitor.browser(.emma)
            #expect(browser.heard["accessToken"] == nil && browser.heard["refreshToken"] == nil)
            let lines = browser.heard.headers[values: .setCookie]
            #expect(lines.count == 3)
            for line in lines {
                #expect(
                    line.hasPrefix("__Host-mc-") && line.contains("; Path=/; Secure; SameSite=Strict") && !line.contains("Domain")
                )
                #expect(line.hasSuffix("; HttpOnly") != line.hasPrefix("__Host-mc-csrf="), "\(line)")
            }
            #expect(lines.contains { $0.contains("mc-access=") && $0.contains("Max-Age=900;") })
            #expect(lines.contains { $0.contains("mc-refresh=mcr_") && $0.contains("Max-Age=604800;") })
            #expect(browser.cookies["__Host-mc-csrf"] == browser.csrfToken && browser.csrfToken.count == 64)
            // Who asks for none is given none.
            #expect(try await visitor.signedIn(.emma).headers[values: .setCookie].isEmpty)
        }
    }

    @Test func `reads and changes what a token does`() async throws {
        try await inHouse { visitor in
            let browser = try await visitor.browser(.emma)
            let path = "/v1/patients/\(Known.emma)"
            #expect(try await visitor.get(path, by: nil, headers: browser.cookie).status == 200)
            let booking = Ask.post("/v1/appointments", Known.booking(at: visitor.house.newStart()))
            let heard = try await visitor.send(booking, by: nil, headers: browser.own)
            #expect(heard.status == 201, "\(heard.text)")
            // Firefox and Safari of some years ago say one of the two.
            for missing in ["Origin", "Sec-Fetch-Site"] {
                let booking = Ask.post("/v1/appointments", Known.booking(at: visitor.house.newStart()))
                let heard = try await visitor.send(booking, by: nil, headers: browser.own.merging([missing: ""]) { $1 })
                #expect(heard.status == 201, "\(missing): \(heard.text)")
            }
        }
    }

    /// Each differs in one thing from what the clinic's own page sends.
    private static let attacks: [(what: String, headers: [String: String])] = [
        ("no token", ["X-CSRF-Token": ""]), ("a wrong token", ["X-CSRF-Token": String(repeating: "0", count: 64)]),
        ("half a token", ["X-CSRF-Token": "00"]),
        ("a token of other digits", ["X-CSRF-Token": String(repeating: "٣", count: 64)]),
        ("another site, says the browser", ["Sec-Fetch-Site": "cross-site"]),
        ("a neighbour, says the browser", ["Sec-Fetch-Site": "same-site"]),
        ("something new, says the browser", ["Sec-Fetch-Site": "rubbish"]),
        ("nothing is said of where", ["Sec-Fetch-Site": "", "Origin": ""]),
        ("typed, which changes nothing", ["Sec-Fetch-Site": "none", "Origin": ""]),
        ("another origin", ["Origin": "https://evil.example"]), ("a frame without an origin", ["Origin": "null"]),
        ("in the clear", ["Origin": "http://clinic.example"]), ("another port", ["Origin": "https://clinic.example:8443"]),
        ("a longer name", ["Origin": "https://clinic.example.evil.example"]),
        ("a name before it", ["Origin": "https://evilclinic.example"]),
        ("a user of that name", ["Origin": "https://clinic.example@evil.example"]),
        ("two origins", ["Origin": "https://clinic.example https://evil.example"]), ("no address", ["Origin": "clinic.example"]),
        ("this machine's name in front", ["Origin": "http://localhost.evil.example"]),
    ]

    @Test func `is no use to another site: nothing is changed`() async throws {
        try await inHouse { visitor in
            let (browser, other) = (try await visitor.browser(.admin), try await visitor.browser(.admin))
            let before = try await Everything.of(visitor.house)
            for route in visitor.house.api.routes where route.changesSomething && route.needsToken {
                let ask = try await #require(Sample.all[route.operation]).ask(visitor)
                let prepared = try await Everything.of(visitor.house)
                for (what, headers) in Self.attacks + [("another session's token", ["X-CSRF-Token": other.csrfToken])] {
                    let heard = try await visitor.send(ask, by: nil, headers: browser.own.merging(headers) { $1 })
                    #expect(heard.problem == "cross-site", "\(route.operation), \(what): \(heard.status) \(heard.text)")
                }
                #expect(try await Everything.of(visitor.house) == prepared, "\(route.operation)")
            }
            #expect(try await Everything.of(visitor.house) != before, "what the samples prepare is seen")
        }
    }

    @Test func `another site's page does not even read`() async throws {
        try await inHouse { visitor in
            let browser = try await visitor.browser(.emma)
            for site in ["cross-site", "same-site"] {
                let heard = try await visitor.get(
                    "/v1/patients/\(Known.emma)", by: nil, headers: browser.cookie.merging(["Sec-Fetch-Site": site]) { $1 })
                #expect(heard.problem == "cross-site")
            }
        }
    }

    @Test func `looking changes nothing`() async throws {
        try await inHouse { visitor in
            let browser = try await visitor.browser(.admin)
            for route in visitor.house.api.routes where route.method == .get {
                let ask = try await #require(Sample.all[route.operation]).ask(visitor)
                let before = try await Everything.of(visitor.house)
                _ = try await visitor.send(ask, by: nil, headers: browser.cookie)
                #expect(try await Everything.of(visitor.house) == before, "\(route.operation)")
            }
        }
    }

    @Test func `is not looked at where there is a token, right or wrong`() async throws {
        try await inHouse { visitor in
            let (browser, path) = (try await visitor.browser(.emma), "/v1/patients/\(Known.emma)")
            func status(_ authorization: String, _ path: String) async throws -> Int {
                try await visitor.get(path, by: nil, headers: browser.cookie.merging(["Authorization": authorization]) { $1 })
                    .status
            }
            let noah = "Bearer \(try await visitor.house.token(.noah))"
            #expect(try await status(noah, path) == 404, "Noah does not see Emma")
            #expect(try await status(noah, "/v1/patients/\(Known.noah)") == 200)
            for wrong in ["Bearer rubbish", "Basic YTpi", "Bearer ", "rubbish"] { #expect(try await status(wrong, path) == 401) }
            // A token needs none of what cookies need: no browser sends it by itself.
            let booking = Ask.post("/v1/appointments", Known.booking(at: visitor.house.newStart()))
            let heard = try await visitor.send(
                booking, by: .desk, headers: browser.cookie.merging(["Sec-Fetch-Site": "cross-site"]) { $1 })
            #expect(heard.status == 201)
        }
    }

    @Test func `is refused when somebody has added to it`() async throws {
        try await inHouse { visitor in
            let (emma, noah) = (try await visitor.browser(.emma), try await visitor.browser(.noah))
            let both = (emma.cookie["Cookie"] ?? "") + "; " + (noah.cookie["Cookie"] ?? "")
            #expect(try await visitor.get("/v1/locations", by: nil, headers: ["Cookie": both]).problem == "token-invalid")
            // Under the same name without what only this host can set it is somebody's else.
            let plain = (emma.cookie["Cookie"] ?? "").replacing("__Host-", with: "")
            #expect(try await visitor.get("/v1/locations", by: nil, headers: ["Cookie": plain]).problem == "token-missing")
            // A token from the command line was never given as a cookie.
            let token = try await visitor.house.tokens.issue(for: Who.admin.caller, lasting: .hours(1))
            let heard = try await visitor.get("/v1/locations", by: nil, headers: ["Cookie": "__Host-mc-access=\(token)"])
            #expect(heard.problem == "token-invalid")
        }
    }

    @Test func `is another clinic's nowhere else`() async throws {
        try await inHouse { visitor in
            let browser = try await visitor.browser(.emma)
            try await inHouse(secret: 8) { elsewhere in
                let heard = try await elsewhere.get("/v1/locations", by: nil, headers: browser.cookie)
                #expect(heard.problem == "token-invalid")
                let next = try await elsewhere.send(.post("/v1/session-continuations", "{}"), by: nil, headers: browser.own)
                #expect(next.problem == "session-ended")
                // Nor does the clinic's own session take the other's word for where it comes from.
                let own = try await elsewhere.browser(.emma)
                let mixed = own.own.merging(["X-CSRF-Token": browser.csrfToken]) { $1 }
                let booking = Ask.post("/v1/appointments", Known.booking(at: elsewhere.house.newStart()))
                #expect(try await elsewhere.send(booking, by: nil, headers: mixed).problem == "cross-site")
            }
        }
    }

    @Test func `goes on by its own page alone`() async throws {
        try await inHouse { visitor in
            let browser = try await visitor.browser(.emma)
            let next = Ask.post("/v1/session-continuations", "{}")
            for (what, headers) in Self.attacks {
                let heard = try await visitor.send(next, by: nil, headers: browser.own.merging(headers) { $1 })
                #expect(heard.problem == "cross-site", "\(what): \(heard.text)")
            }
            visitor.house.clock.advance(by: .minutes(15))
            #expect(try await visitor.get("/v1/locations", by: nil, headers: browser.cookie).problem == "token-invalid")
            let heard = try await visitor.send(next, by: nil, headers: browser.own)
            #expect(heard.status == 200 && heard["accessToken"] == nil, "\(heard.text)")
            let again = Browser(heard)
            #expect(again.session == browser.session && again.csrfToken == browser.csrfToken)
            #expect(again.cookies["__Host-mc-refresh"] != browser.cookies["__Host-mc-refresh"])
            #expect(try await visitor.get("/v1/locations", by: nil, headers: again.cookie).status == 200)
            let none = try await visitor.send(next, by: nil)
            #expect(none.problem == "invalid-fields" && none.pointers == ["#/refreshToken"])
        }
    }

    @Test func `is begun by its own page alone`() async throws {
        try await inHouse { visitor in
            let ask = Ask.post("/v1/sessions", Known.credentials(.emma, more: #""as":"cookie""#))
            for headers in [["Sec-Fetch-Site": "cross-site"], ["Origin": "https://evil.example"], ["Origin": "null"]] {
                let heard = try await visitor.send(ask, by: nil, headers: headers)
                #expect(heard.problem == "cross-site" && heard.headers[values: .setCookie].isEmpty)
            }
            // Another port of this machine is another origin.
            #expect(try await visitor.send(ask, by: nil, headers: ["Origin": "http://localhost:9"]).problem == "cross-site")
            for headers in [["Sec-Fetch-Site": "same-origin", "Origin": Browser.origin], [:]] {
                #expect(try await visitor.send(ask, by: nil, headers: headers).status == 201)
            }
        }
    }

    @Test func `ends where it is ended, and leaves nothing in the browser`() async throws {
        try await inHouse { visitor in
            let (browser, other) = (try await visitor.browser(.emma), try await visitor.browser(.emma))
            let elsewhere = try await visitor.send(.delete("/v1/sessions/\(other.session)"), by: nil, headers: browser.own)
            #expect(elsewhere.status == 200 && elsewhere.headers[values: .setCookie].isEmpty)
            let here = try await visitor.send(.delete("/v1/sessions/\(browser.session)"), by: nil, headers: browser.own)
            #expect(here.status == 200)
            let lines = here.headers[values: .setCookie]
            #expect(lines.count == 3 && lines.allSatisfy { $0.contains("=; Max-Age=0; Path=/; Secure") })
            #expect(try await visitor.get("/v1/locations", by: nil, headers: browser.cookie).problem == "session-ended")
        }
    }
}

/// What is in the clinic, in numbers that change with it; the audit may grow by looking.
private struct Everything: Query {
    static func of(_ house: House) async throws -> String {
        try await house.database.read { try $0.first(Everything()) } ?? ""
    }

    private static let parts = [
        "count(*) || '/' || coalesce(sum(version), 0) FROM appointment",
        "count(*) || '/' || coalesce(sum(version), 0) FROM patient",
        "count(*) FROM claim", "count(*) FROM event", "count(*) FROM outbox", "count(*) FROM notice", "count(*) FROM idempotency",
        "count(*) FROM account", "count(*) || '/' || sum(turn) || '/' || count(ended_at) FROM session",
        "count(*) FROM second_factor",
        "sum(value) FROM revision",
    ]
    static let sql = SQL(
        sqlite: "SELECT " + parts.map { "(SELECT \($0))" }.joined(separator: " || ' ' || "), postgres: "SELECT ''")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}
