import API
import Identity
import Notation
import Testing
import Workflows

/// Signing in over HTTP; what sessions promise is in `Promises.NobodyElseIsSignedIn`.
@Suite struct Sessions {
    private func bearer(_ grant: Heard) -> [String: String] { ["Authorization": "Bearer \(grant["accessToken"]?.string ?? "")"] }

    @Test func `gives a token that is good for a quarter of an hour, and one that brings the next`() async throws {
        try await inHouse { visitor in
            let grant = try await visitor.signedIn(.emma)
            #expect(grant["role"]?.string == "patient" && grant["subject"]?.string == Known.emma)
            #expect(grant["accessTokenExpiresAt"]?.string == "2026-03-02T05:15:00Z")
            #expect(grant["refreshTokenExpiresAt"]?.string == "2026-03-09T05:00:00Z")
            #expect(grant[header: "Cache-Control"] == "no-store")
            let path = "/v1/patients/\(Known.emma)"
            #expect(try await visitor.get(path, by: nil, headers: bearer(grant)).status == 200)
            visitor.house.clock.advance(by: .minutes(15))
            #expect(try await visitor.get(path, by: nil, headers: bearer(grant)).problem == "token-invalid")
            let token = grant["refreshToken"]?.string ?? ""
            let next = try await visitor.send(
                .post("/v1/session-continuations", #"{"refreshToken":"\#(token)"}"#), by: nil)
            #expect(next.status == 200 && next["session"]?.string == grant["session"]?.string)
            #expect(try await visitor.get(path, by: nil, headers: bearer(next)).status == 200)
        }
    }

    @Test func `tells the same for a login nobody has, a wrong password and a locked account`() async throws {
        try await inHouse { visitor in
            try await visitor.house.accounts.set(.locked, login: Who.noah.login, by: "test", request: "test")
            let asks = [
                Known.credentials(.emma, password: "not the one"), Known.credentials(.noah),
                #"{"login":"nobody@clinic.example","password":"correct horse battery staple"}"#,
            ]
            var answers: Set<String> = []
            for ask in asks {
                let heard = try await visitor.send(.post("/v1/sessions", ask), by: nil, headers: ["X-Request-Id": "same"])
                #expect(heard.status == 401 && heard.problem == "credentials-wrong")
                answers.insert("\(heard.headers) \(heard.text)")
            }
            #expect(answers.count == 1)
        }
    }

    @Test func `says how long somebody has to wait who has tried too often`() async throws {
        try await inHouse(freeTries: AccountSettings().freeTries) { visitor in
            let wrong = Ask.post("/v1/sessions", Known.credentials(.emma, password: "not the one"))
            for _ in 0..<5 { #expect(try await visitor.send(wrong, by: nil).problem == "credentials-wrong") }
            let heard = try await visitor.send(.post("/v1/sessions", Known.credentials(.emma)), by: nil)
            #expect(heard.status == 429 && heard[header: "Retry-After"] == "1")
            // Others are not kept waiting, nor who is signed in.
            _ = try await visitor.signedIn(.noah)
            visitor.house.clock.advance(by: .seconds(1))
            _ = try await visitor.signedIn(.emma)
        }
    }

    @Test func `a session that has ended is over for its access token at once`() async throws {
        try await inHouse { visitor in
            // The tests' own session is the first.
            let (phone, laptop) = (try await visitor.signedIn(.emma), try await visitor.signedIn(.emma))
            let listed = try await visitor.get("/v1/sessions", by: nil, headers: bearer(laptop))
            #expect(listed.items.count == 3)
            #expect(listed.items.map { $0["current"] } == [JSON(.bool(false)), JSON(.bool(false)), JSON(.bool(true))])
            let ended = try await visitor.send(
                .delete("/v1/sessions/\(phone["session"]?.string ?? "")"), by: nil, headers: bearer(laptop))
            #expect(ended.status == 200)
            #expect(try await visitor.get("/v1/locations", by: nil, headers: bearer(phone)).problem == "session-ended")
            #expect(try await visitor.get("/v1/locations", by: nil, headers: bearer(laptop)).status == 200)
            #expect(try await visitor.get("/v1/sessions", by: nil, headers: bearer(laptop)).items.count == 2)
        }
    }

    @Test func `names the field when a password cannot be chosen`() async throws {
        try await inHouse { visitor in
            for new in ["short", "password1", String(repeating: "long", count: 33)] {
                let heard = try await visitor.send(
                    .put("/v1/password", #"{"oldPassword":"\#(Known.passwordText)","newPassword":"\#(new)"}"#, ifMatch: nil),
                    by: .emma)
                #expect(heard.problem == "invalid-fields" && heard.pointers == ["#/newPassword"], "\(new)")
            }
        }
    }

    @Test func `an authenticator is added, needed, and taken away`() async throws {
        try await inHouse { visitor in
            let proof = #"{"password":"\#(Known.passwordText)"}"#
            #expect(
                try await visitor.send(.post("/v1/second-factor", #"{"password":"not the one"}"#), by: .emma).problem
                    == "credentials-wrong")
            let made = try await visitor.send(.post("/v1/second-factor", proof), by: .emma)
            let address = made["address"]?.string ?? ""
            #expect(made.status == 201 && address.hasPrefix("otpauth://totp/MediConnect:emma%40clinic.example?secret="))
            let secret = try #require(OneTimeSecret(typed: made["secret"]?.string ?? ""))
            let clock = visitor.house.clock
            func post(_ path: String, _ more: String) async throws -> Heard {
                try await visitor.send(.post(path, more), by: .emma)
            }
            let wrong = try await post("/v1/second-factor/confirmation", #"{"code":"000000"}"#)
            #expect(wrong.problem == "invalid-fields" && wrong.pointers == ["#/code"])
            let confirmed = try await post("/v1/second-factor/confirmation", #"{"code":"\#(secret.code(at: clock.now))"}"#)
            #expect(confirmed.status == 200 && confirmed["recoveryCodes"]?.array?.count == 10)
            let bare = try await visitor.send(.post("/v1/sessions", Known.credentials(.emma)), by: nil)
            #expect(bare.status == 401 && bare.problem == "second-factor-needed")
            clock.advance(by: .seconds(30))
            let code = #""code":"\#(secret.code(at: clock.now))""#
            #expect(try await visitor.send(.post("/v1/sessions", Known.credentials(.emma, more: code)), by: nil).status == 201)
            let recovery = confirmed["recoveryCodes"]?.array?[0].string ?? ""
            let removed = try await post(
                "/v1/second-factor/removal", #"{"password":"\#(Known.passwordText)","code":"\#(recovery)"}"#)
            #expect(removed.status == 200)
            _ = try await visitor.signedIn(.emma)
        }
    }

    @Test func `belongs to a person: a token made at the command line has none`() async throws {
        try await inHouse { visitor in
            let token = try await visitor.house.tokens.issue(for: Who.admin.caller, lasting: .hours(1))
            let headers = ["Authorization": "Bearer \(token)"]
            #expect(try await visitor.get("/v1/locations", by: nil, headers: headers).status == 200)
            #expect(try await visitor.get("/v1/sessions", by: nil, headers: headers).problem == "not-permitted")
        }
    }
}
