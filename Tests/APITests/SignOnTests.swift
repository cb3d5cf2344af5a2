import API
import Crypto
import Foundation
import HTTPTypes
import Identity
import Notation
import People
import Resilience
import SingleSignOn
import Testing
import Workflows

extension Visitor {
    /// Begins, and returns where the browser is sent and what it takes along.
    fileprivate func begun(_ query: String = "") async throws -> (address: String, cookie: String) {
        let heard = try await get("/v1/oidc/hospital/start\(query)", by: nil)
        try #require(heard.status == 302, "\(heard.text)")
        let line = try #require(heard.headers[values: .setCookie].first)
        return (heard[header: "Location"] ?? "", String(line.prefix { $0 != ";" }))
    }

    /// Comes back, with what was taken along unless something else is given.
    fileprivate func returns(_ path: String, cookie: String?) async throws -> Heard {
        try await get(path, by: nil, headers: cookie.map { ["Cookie": $0] } ?? [:])
    }

    /// The whole way, with a token as the test would have it.
    fileprivate func signOn(
        claims: [String: String] = [:], header: String? = nil, forged: Bool = false, query: String = ""
    ) async throws -> Heard {
        let (address, cookie) = try await begun(query)
        let back = house.provider.agree(
            to: address, at: house.clock.now, claims: claims, header: header, forged: forged)
        return try await returns(back, cookie: cookie)
    }
}

extension Heard {
    /// The session's cookies, as the browser sends them.
    fileprivate var session: [String: String] {
        let pairs = headers[values: .setCookie].map { String($0.prefix { $0 != ";" }) }
        return ["Cookie": pairs.joined(separator: "; ")]
    }
}

/// Staff whom an identity provider knows (OpenID Connect Core); against a real provider in `Tests/CrashTests/SignOnTests`.
@Suite struct ASignOn {
    @Test func `begins at the provider with what only this browser can finish`() async throws {
        try await inHouse { visitor async throws in
            let heard = try await visitor.get("/v1/oidc/hospital/start", by: nil)
            let address = heard[header: "Location"] ?? ""
            #expect(address.hasPrefix("https://login.hospital.example/authorize?tenant=1&"))
            let asked = FakeProvider.fields(String(address.split(separator: "?")[1]))
            #expect(asked["response_type"] == "code" && asked["scope"] == "openid email" && asked["client_id"] == "mediconnect")
            #expect(asked["redirect_uri"] == "https://clinic.example/v1/oidc/hospital/callback")
            #expect(asked["code_challenge_method"] == "S256")
            for secret in ["state", "nonce", "code_challenge"] { #expect(asked[secret]?.count == 43, "256 bits") }
            let line = try #require(heard.headers[values: .setCookie].first)
            #expect(
                line.hasPrefix("__Host-mc-errand=") && line.hasSuffix("; Max-Age=600; Path=/; Secure; SameSite=Lax; HttpOnly"))
            for secret in ["state", "nonce"] { #expect(!line.contains(asked[secret] ?? "")) }
            let again = FakeProvider.fields(String(try await visitor.begun().address.split(separator: "?")[1]))
            #expect(again["state"] != asked["state"] && again["nonce"] != asked["nonce"])
            #expect(visitor.house.provider.timesAsked("/.well-known/openid-configuration") == 1, "it is remembered")
            #expect(try await visitor.get("/v1/oidc/nowhere/start", by: nil).problem == "not-found")
        }
    }

    @Test func `ends in a session of the account, in cookies, and in a link that lasts`() async throws {
        try await inHouse { visitor async throws in
            let heard = try await visitor.signOn()
            #expect(heard.status == 303 && heard[header: "Location"] == "/welcome" && heard.body.isEmpty, "\(heard.text)")
            #expect(heard.headers[values: .setCookie].contains { $0.hasPrefix("__Host-mc-errand=; Max-Age=0") })
            let sessions = try await visitor.get("/v1/sessions", by: nil, headers: heard.session)
            #expect(sessions.items.last?["role"]?.string == "desk" && sessions.items.last?["current"] == JSON(.bool(true)))
            // By then the subject alone says who it is.
            let later = try await visitor.signOn(claims: ["email": #""another@clinic.example""#])
            #expect(later.status == 303)
            // And nobody else becomes them by having their address: it was given on.
            let other = try await visitor.signOn(claims: ["sub": #""4712""#])
            #expect(other.problem == "identity-refused")
        }
    }

    /// Everything that is wrong with an ID token, one thing at a time.
    private static let wrongs: [(what: String, claims: [String: String], header: String?)] = [
        ("another nonce", ["nonce": #""another""#], nil), ("no nonce", ["nonce": ""], nil),
        ("another issuer", ["iss": #""https://login.hospital.example/""#], nil), ("no issuer", ["iss": ""], nil),
        ("for somebody else", ["aud": #""billing""#], nil), ("for nobody", ["aud": ""], nil),
        ("for several, and nobody asked", ["aud": #"["mediconnect","billing"]"#], nil),
        ("asked for by somebody else", ["aud": #"["mediconnect","billing"]"#, "azp": #""billing""#], nil),
        ("another party alone", ["azp": #""billing""#], nil), ("a party that is none", ["azp": "1"], nil),
        ("without times", ["iat": ""], nil), ("without end", ["exp": ""], nil), ("an end in words", ["exp": #""tomorrow""#], nil),
        ("expired", ["exp": "\(now - 60)"], nil), ("of the future", ["iat": "\(now + 61)"], nil),
        ("old", ["iat": "\(now - 600)"], nil), ("not valid yet", ["nbf": "\(now + 61)"], nil), ("nobody's", ["sub": ""], nil),
        ("a number's", ["sub": "4711"], nil), ("another access token's", ["at_hash": #""AAAAAAAAAAAAAAAAAAAAAA""#], nil),
        ("alg none", [:], #"{"alg":"none","kid":"first"}"#), ("alg HS256", [:], #"{"alg":"HS256","kid":"first"}"#),
        ("alg HS256 with a shared key", [:], #"{"alg":"HS256","kid":"shared"}"#),
        ("alg ES384 with an ES256 key", [:], #"{"alg":"ES384","kid":"first"}"#),
        ("a kid that is a number", [:], #"{"alg":"ES256","kid":1}"#),
        ("an unknown kid", [:], #"{"alg":"ES256","kid":"../keys"}"#),
        ("something critical", [:], #"{"alg":"ES256","kid":"first","crit":["b64"],"b64":false}"#),
        ("another kind of token", [:], #"{"alg":"ES256","kid":"first","typ":"at+jwt"}"#),
    ]
    private static let now = Known.morning.secondsSince1970

    @Test func `is refused when anything about the ID token is wrong`() async throws {
        try await inHouse { visitor async throws in
            for (what, claims, header) in Self.wrongs {
                let heard = try await visitor.signOn(claims: claims, header: header)
                #expect(heard.problem == "identity-refused", "\(what): \(heard.status) \(heard.text)")
                #expect(heard.headers[values: .setCookie].isEmpty, "\(what)")
            }
            #expect(try await visitor.signOn(forged: true).problem == "identity-refused")
            // What is odd and right.
            let hash = Base64URL.text(Array(SHA256.hash(data: Array("an access token".utf8))).prefix(16))
            for claims in [
                ["aud": #"["mediconnect","billing"]"#, "azp": #""mediconnect""#], ["exp": "\(Self.now - 59)"],
                ["iat": "\(Self.now + 60)"], ["nbf": "\(Self.now + 60)"], ["at_hash": "\"\(hash)\""],
            ] { #expect(try await visitor.signOn(claims: claims).status == 303, "\(claims)") }
            // A provider with one key need not name it.
            #expect(try await visitor.signOn(header: #"{"alg":"ES256"}"#).status == 303)
        }
    }

    @Test func `is finished once, in time, by the browser that began it, with the answer to its own question`() async throws {
        try await inHouse { visitor async throws in
            let (provider, clock) = (visitor.house.provider, visitor.house.clock)
            let (mine, other) = (try await visitor.begun(), try await visitor.begun())
            let back = provider.agree(to: mine.address, at: clock.now)
            func refused(_ path: String, _ cookie: String?) async throws {
                let heard = try await visitor.returns(path, cookie: cookie)
                #expect(heard.problem == "identity-refused", "\(heard.status) \(heard.text)")
            }
            try await refused(back, nil)
            // Somebody else's answer: an attacker signs the victim in as themselves.
            try await refused(back, other.cookie)
            try await refused(back.replacing("state=", with: "state=A"), mine.cookie)
            try await refused(String(back.split(separator: "&")[0]), mine.cookie)
            try await refused(back.replacing("code=", with: "kode="), mine.cookie)
            try await refused(back + "&error=access_denied", mine.cookie)
            try await refused(back + "&iss=https://evil.example", mine.cookie)
            // The errand is ours to the last sign.
            let last = mine.cookie.last == "A" ? "B" : "A"
            try await refused(back, String(mine.cookie.dropLast()) + last)
            try await refused(back, "__Host-mc-errand=rubbish")
            try await refused(back, mine.cookie + "; " + other.cookie)
            let fine = try await visitor.returns(
                back + "&iss=https://login.hospital.example&session_state=x", cookie: mine.cookie)
            #expect(fine.status == 303, "\(fine.text)")
            try await refused(back, mine.cookie)
            // Ten minutes are enough.
            let late = try await visitor.begun()
            let answer = provider.agree(to: late.address, at: clock.now + .minutes(10))
            clock.advance(by: .minutes(10))
            try await refused(answer, late.cookie)
        }
    }

    @Test func `opens no door to who is nobody here, or not in this way`() async throws {
        try await inHouse { visitor async throws in
            for (what, claims) in [
                ("an address nobody has", ["email": #""nobody@clinic.example""#]),
                ("an address nobody has verified", ["email_verified": "false"]),
                ("of which nothing is said", ["email_verified": ""]),
                ("which is said in words", ["email_verified": #""true""#]),
                ("of another domain", ["email": #""desk@clinic.example.evil.example""#]),
                ("of two domains", ["email": #""desk@evil.example@clinic.example""#]),
                ("a patient's", ["email": #""emma@clinic.example""#]), ("no group", ["groups": ""]),
                ("a group that means nothing", ["groups": #"["choir"]"#]),
                ("a group for what they are not", ["groups": #"["it","doctors"]"#]),
            ] {
                #expect(try await visitor.signOn(claims: claims).problem == "identity-refused", "\(what)")
            }
            #expect(try await visitor.signOn(query: "?role=admin").problem == "identity-refused")
            #expect(try await visitor.signOn(query: "?role=desk").status == 303)
            try await visitor.house.accounts.set(.locked, login: Who.desk.login, by: "test", request: "test")
            #expect(try await visitor.signOn().problem == "identity-refused", "locked is locked")
        }
    }

    @Test func `asks for a second factor where the clinic does, and the provider has not`() async throws {
        try await inHouse { visitor async throws in
            let clock = visitor.house.clock
            let secret = try await visitor.house.addFactor(.desk)
            for methods in [#"["pwd"]"#, "", #""otp""#] {
                #expect(try await visitor.signOn(claims: ["amr": methods]).problem == "second-factor-needed")
            }
            let heard = try await visitor.signOn(claims: ["amr": #"["pwd","mfa"]"#])
            #expect(heard.status == 303)
            // It is not asked for again when the session goes on.
            clock.advance(by: .seconds(30))
            #expect(secret.code(at: clock.now).count == 6)
        }
    }

    @Test func `follows the provider when it rotates its keys, and does not run after every unknown one`() async throws {
        try await inHouse { visitor async throws in
            let (provider, clock) = (visitor.house.provider, visitor.house.clock)
            #expect(try await visitor.signOn().status == 303)
            provider.rotate(to: "second")
            // Just read: it has to wait.
            for _ in 0..<5 { #expect(try await visitor.signOn().problem == "identity-refused") }
            #expect(provider.timesAsked("/keys") == 1)
            clock.advance(by: .seconds(30))
            #expect(try await visitor.signOn().status == 303)
            for _ in 0..<5 {
                #expect(try await visitor.signOn(header: #"{"alg":"ES256","kid":"made-up"}"#).problem == "identity-refused")
            }
            #expect(provider.timesAsked("/keys") == 2)
        }
    }

    @Test func `says so when the provider cannot be used, and the password goes on`() async throws {
        try await inHouse { visitor async throws in
            let provider = visitor.house.provider
            provider.go(down: true)
            let heard = try await visitor.get("/v1/oidc/hospital/start", by: nil)
            #expect(heard.problem == "provider-unavailable" && heard[header: "Retry-After"] == "30")
            _ = try await visitor.signedIn(.desk)
            provider.go(down: false)
            let (address, cookie) = try await visitor.begun()
            let back = provider.agree(to: address, at: visitor.house.clock.now)
            provider.go(down: true)
            #expect(try await visitor.returns(back, cookie: cookie).problem == "provider-unavailable")
            provider.go(down: false)
            #expect(try await visitor.returns(back, cookie: cookie).status == 303, "the code was not used")
        }
    }

    @Test func `leaves a provider alone that fails, says so at once, and tries it again when it has rested (MC-2)`() async throws
    {
        try await inHouse { visitor async throws in
            let (provider, breaker) = (visitor.house.provider, visitor.house.breaker)
            let path = "/.well-known/openid-configuration"
            provider.go(down: true)
            for _ in 0..<9 {
                #expect(try await visitor.get("/v1/oidc/hospital/start", by: nil).problem == "provider-unavailable")
            }
            #expect(provider.timesAsked(path) == 5, "four were told without asking")
            #expect(breaker.state.isOpen && breaker.counts.refused == 4)
            provider.go(down: false)
            #expect(try await visitor.get("/v1/oidc/hospital/start", by: nil).problem == "provider-unavailable")
            _ = try await visitor.signedIn(.desk)
            visitor.house.clock.advance(by: .seconds(6))
            #expect(try await visitor.signOn().status == 303)
            #expect(breaker.state == .closed)
        }
    }

    @Test(
        arguments: [
            ("issuer", #""https://evil.example""#), ("token_endpoint", #""http://login.hospital.example/token""#),
            ("jwks_uri", #""file:///etc/passwd""#), ("authorization_endpoint", "1"), ("token_endpoint", #""https://a b/""#),
            ("response_types_supported", #"["id_token"]"#), ("code_challenge_methods_supported", #"["plain"]"#),
        ]) func `believes no provider that is not what was asked for`(member: String, value: String) async throws
    {
        try await inHouse { visitor async throws in
            visitor.house.provider.say(member, value)
            #expect(try await visitor.get("/v1/oidc/hospital/start", by: nil).problem == "provider-unavailable")
        }
    }
}

/// The list of providers as an operator writes it.
@Suite struct AListOfProviders {
    private func read(_ entry: String) throws -> [Provider] {
        try Provider.list(parsing: Array(#"{"providers":[{\#(entry)}]}"#.utf8), base: "https://clinic.example") {
            $0 == "secret" ? "shh" : nil
        }
    }
    private static let good =
        #""name":"h","issuer":"https://login.example","clientId":"m","roleClaim":"groups","roles":{"a":"desk"}"#

    @Test func `is read, and what is left out is the careful choice`() throws {
        let one = try #require(try read(Self.good + #","clientSecretFile":"secret""#).first)
        #expect(one.linking == .bySubject && one.factors == .claimed && one.landing == "/" && one.tenant == nil)
        #expect(one.callback == "https://clinic.example/v1/oidc/h/callback" && "\(one)".contains("shh") == false)
        #expect(one.rule.allowed(by: try JSON(parsing: #"{"groups":"a"}"#)) == [.desk])
    }

    @Test(
        arguments: [
            (#","issuer":"http://login.example""#, "issuer: must start with https"), (#","colour":"blue""#, "is not known here"),
            (#","roles":{"a":"patient"}"#, "must be one of the staff's roles"), (#","roles":{}"#, "must say which value"),
            (#","clientSecretFile":"nowhere""#, "cannot be read"), (#","link":"email""#, "must list the domains"),
            (#","link":"anybody""#, "must be subject or email"), (#","landing":"//evil.example""#, "must be a path"),
            (#","landing":"https://evil.example""#, "must be a path"), (#","factors":"none""#, "must be claimed or assured"),
            (#","name":"../x""#, "lower-case"), (#","emailDomains":["a.example"]"#, "goes with"),
        ]) func `says what is wrong with it`(change: String, complaint: String) throws
    {
        // The last of two members wins nowhere: an entry is made without the one it replaces.
        let name = change.dropFirst(2).prefix { $0 != "\"" }
        let kept = Self.good.split(separator: #",""#).filter { !$0.hasPrefix("\(name)\"") && !$0.hasPrefix("\"\(name)\"") }
        let entry = kept.joined(separator: #",""#) + change
        do {
            _ = try read(entry.hasPrefix("\"") ? entry : "\"" + entry)
            Issue.record("\(change) is taken")
        } catch let problems as ProviderProblems {
            #expect(problems.lines.contains { $0.contains(complaint) }, "\(problems.lines)")
        }
    }
}
