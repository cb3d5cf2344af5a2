import Letters
import Notation
import Testing
import Workflows

/// What is asked for by letter, over HTTP; what letters promise is in `Promises.ALetterIsGoodOnce`.
@Suite struct AnAccountsLetters {
    @Test func `bring a new password to whom they were sent`() async throws {
        try await inHouse { visitor in
            let address = try await visitor.newcomer()
            let code = try await visitor.resetCode(for: address)
            let link = visitor.house.letters.letters.last?.words.text ?? ""
            #expect(link.contains("https://clinic.example/account/password?language=en#\(code)"))
            let new = #"{"code":"\#(code)","newPassword":"four other words entirely"}"#
            for _ in 0..<2 {
                #expect(try await visitor.send(.post("/v1/password-resets/completion", new), by: nil).status == 200)
            }
            let credentials = #"{"login":"\#(address)","password":"four other words entirely"}"#
            #expect(try await visitor.send(.post("/v1/sessions", credentials), by: nil).status == 201)
            visitor.house.clock.advance(by: .minutes(10))
            #expect(try await visitor.send(.post("/v1/password-resets/completion", new), by: nil).problem == "link-over")
        }
    }

    @Test func `are promised alike for an address somebody has and for one nobody has`() async throws {
        try await inHouse { visitor in
            let known = try await visitor.newcomer()
            var answers: Set<String> = []
            for address in [known, "nobody@clinic.example", "emma@clinic.example"] {
                let heard = try await visitor.send(
                    .post("/v1/password-resets", #"{"email":"\#(address)"}"#), by: nil, headers: ["X-Request-Id": "same"])
                #expect(heard.status == 202)
                answers.insert("\(heard.headers) \(heard.text)")
            }
            #expect(answers.count == 1)
            try await visitor.house.deliver()
            // Emma has an account with this login, and nobody has shown yet that letters reach her there.
            #expect(visitor.house.letters.letters.map(\.to.text.revealed) == [known])
        }
    }

    @Test func `come to who asks too often only after a while`() async throws {
        try await inHouse(freeTries: 5) { visitor in
            let ask = Ask.post("/v1/password-resets", #"{"email":"nobody@clinic.example"}"#)
            for _ in 0..<5 { #expect(try await visitor.send(ask, by: nil).status == 202) }
            let heard = try await visitor.send(ask, by: nil)
            #expect(heard.problem == "too-many-tries" && heard[header: "Retry-After"] == "1")
        }
    }
}
