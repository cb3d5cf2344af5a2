import API
import Admission
import Crypto
import Foundation
import Letters
import Notation
import Testing

/// What somebody sees who follows the link in a letter.
@Suite struct APage {
    static let kinds = LetterKind.allCases.filter { $0.path != nil }

    private func operation(_ kind: LetterKind, _ visitor: Visitor) -> String {
        visitor.house.api.routes.first { $0.shows == .letter(kind) && $0.changesSomething }?.operation ?? ""
    }

    /// A form with a good code.
    private func ask(_ kind: LetterKind, _ visitor: Visitor) async throws -> Ask {
        try await Sample.all[operation(kind, visitor)]!.ask(visitor)
    }

    @Test(arguments: kinds, WrittenLanguage.allCases)
    func `is there for every link in a letter, in the letter's language`(kind: LetterKind, language: WrittenLanguage) async throws
    {
        let stationery = try Stationery(from: Sender("City Clinic <noreply@clinic.example>")!, links: "https://clinic.example")
        let words = try stationery.words(of: kind, in: language, code: "mcl_00")
        try await inHouse { visitor in
            for text in [words.text, words.html] {
                let link = try #require(text.firstMatch(of: #/https:\/\/clinic\.example(\/[a-z\/-]+\?language=[a-z]+)#mcl_00/#))
                let heard = try await visitor.get(String(link.1), by: nil)
                #expect(heard.status == 200 && heard.text.contains("<html lang=\"\(language.rawValue)\">"))
                #expect(heard.text.contains("type=\"password\"") == [.invitation, .passwordReset].contains(kind))
            }
            let followed = try await visitor.get("\(kind.path ?? "")?utm_source=mail&language=de&zoom=1", by: nil)
            #expect(
                followed.status == 200 && followed.text.contains("lang=\"de\""), "what mail programs add to links does no harm")
            // What a browser asks for where the link says nothing.
            for (accepted, expected) in [("de-AT,de;q=0.9,en;q=0.8", "de"), ("it,fr;q=0.5", "fr"), ("it", "en"), ("", "en")] {
                let heard = try await visitor.get(kind.path ?? "", by: nil, headers: ["Accept-Language": accepted])
                #expect(heard.text.contains("<html lang=\"\(expected)\">"), "\(accepted)")
            }
        }
    }

    @Test(arguments: kinds)
    func `does what the letter is for, once, when its form is sent, and not when it is looked at`(kind: LetterKind) async throws {
        try await inHouse { visitor in
            let ask = try await ask(kind, visitor)
            let rows = try await visitor.rows()
            // As a program that looks at every link in a mail does.
            for _ in 0..<3 { try await visitor.get(ask.path, by: nil) }
            #expect(try await visitor.rows() == rows, "nothing is used up by looking")
            let done = try await visitor.send(ask, by: nil)
            #expect(done.status == 200 && done.text.contains("<h1>") && !done.text.contains("<form"), "\(done.text)")
            #expect(try await visitor.rows() != rows)
            visitor.house.clock.advance(by: .minutes(5))
            let again = try await visitor.send(ask, by: nil)
            #expect(again.status == 410 && again.text.contains("used already") && !again.text.contains("<form"), "\(again.text)")
        }
    }

    @Test(arguments: kinds)
    func `says what is wrong: too late, overtaken, not whole, somebody else's`(kind: LetterKind) async throws {
        try await inHouse { visitor in
            let late = try await ask(kind, visitor)
            visitor.house.clock.advance(by: .days(8))
            let over = try await visitor.send(late, by: nil)
            #expect(over.status == 410 && over.text.contains("The time of this link is over"), "\(over.text)")
            let german = try await visitor.send(
                Ask(method: "POST", path: "\(kind.path ?? "")?language=de", body: late.body, type: late.type), by: nil)
            #expect(german.text.contains("Die Zeit dieses Links ist vorbei") && german.text.contains("lang=\"de\""))
            let cut = String((late.body ?? "").prefix { $0 != "&" }.dropLast(2)) + "&newPassword=four+other+words+entirely"
            for body in [cut, "code=mcl_00&newPassword=four+other+words+entirely", "newPassword=four+other+words+entirely", ""] {
                let heard = try await visitor.send(Ask(method: "POST", path: late.path, body: body, type: late.type), by: nil)
                #expect(heard.status == 410 && heard.text.contains("not a code of ours"), "\(body): \(heard.text)")
                #expect(heard.text.contains("<form"), "it can be put right")
            }
            // A code of another kind of letter is none here.
            let other: LetterKind = kind == .verification ? .emailChange : .verification
            let foreign = try await ask(other, visitor)
            let code = (foreign.body ?? "").dropFirst(5).prefix { $0 != "&" }
            let heard = try await visitor.send(
                .letterForm(kind, code: String(code), password: "four other words entirely"), by: nil)
            #expect(heard.status == 410 && heard.text.contains("not a code of ours"))
        }
    }

    @Test func `of a new password says that it is good no more when there is another password`() async throws {
        try await inHouse { visitor in
            let address = try await visitor.newcomer()
            let (first, second) = (try await visitor.resetCode(for: address), try await visitor.resetCode(for: address))
            #expect(
                try await visitor.send(.letterForm(.passwordReset, code: second, password: "four other words"), by: nil).status
                    == 200)
            let heard = try await visitor.send(.letterForm(.passwordReset, code: first, password: "some other words"), by: nil)
            #expect(heard.status == 410 && heard.text.contains("has been changed since"), "\(heard.text)")
        }
    }

    @Test(arguments: [
        ("short", "8 characters at least"), ("password123", "tried first"),
        (String(repeating: "a b", count: 50), "128 characters"),
    ])
    func `says what is wrong with a password, keeps the code and never the password`(password: String, says: String) async throws
    {
        try await inHouse { visitor in
            let code = try await visitor.resetCode(for: try await visitor.newcomer())
            let heard = try await visitor.send(.letterForm(.passwordReset, code: code, password: password), by: nil)
            #expect(heard.status == 400 && heard.text.contains(says) && heard.text.contains("role=\"alert\""), "\(heard.text)")
            #expect(heard.text.contains("value=\"\(code)\"") && !heard.text.contains("value=\"\(password)"))
            let right = try await visitor.send(
                .letterForm(.passwordReset, code: " \(code)\r\n", password: "four other words entirely"), by: nil)
            #expect(right.status == 200, "what stands around a code that was pasted does not count")
        }
    }

    /// Of a page's text a browser runs and draws what the policy names by its digest, and loads nothing.
    @Test(arguments: kinds) func `runs and loads nothing but its own text, and tells nobody of it`(kind: LetterKind) async throws
    {
        try await inHouse { visitor in
            for ask in [Ask.get(kind.path ?? ""), .letterForm(kind, code: "mcl_00"), try await ask(kind, visitor)] {
                let heard = try await visitor.send(ask, by: nil)
                let policy = try #require(heard[header: "Content-Security-Policy"])
                for part in ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
                    #expect(policy.contains(part))
                }
                #expect(!policy.contains("unsafe") && !policy.contains("*") && !policy.contains("http"))
                #expect(heard[header: "Referrer-Policy"] == "no-referrer" && heard[header: "Cache-Control"] == "no-store")
                for (tag, directive) in [("script", "script-src"), ("style", "style-src")] {
                    for block in heard.text.matches(of: try Regex("<\(tag)>((?s:.*?))</\(tag)>", as: (Substring, Substring).self))
                    {
                        let digest = Data(SHA256.hash(data: Data(block.output.1.utf8))).base64EncodedString()
                        #expect(policy.contains("\(directive) 'sha256-\(digest)'"), "\(tag)")
                    }
                }
                #expect(!heard.text.contains("src=") && !heard.text.contains("://") && !heard.text.contains(" style="))
                #expect(heard.text.firstMatch(of: #/\son[a-z]+=/#) == nil)
            }
        }
    }

    @Test func `shows what was typed as text, whatever it would mean to a page`() async throws {
        try await inHouse { visitor in
            for text in TextInEveryField.texts + ["\"><script>alert(1)</script>", "'><img src=x onerror=alert(1)>"] {
                for kind in Self.kinds {
                    let heard = try await visitor.send(.letterForm(kind, code: text, password: text), by: nil)
                    #expect(heard.status == 410 || heard.status == 400, "\(text)")
                    #expect(!heard.text.contains("<script>alert") && !heard.text.contains("<img"))
                    let value = heard.text.firstMatch(of: #/name="code" value="([^"]*)"/#)
                    #expect(value != nil && value?.1.contains("<") == false, "\(text)")
                }
            }
        }
    }

    @Test(arguments: kinds) func `can be used with a keyboard, a reader and a phone`(kind: LetterKind) async throws {
        try await inHouse { visitor in
            for language in WrittenLanguage.allCases {
                let heard = try await visitor.get("\(kind.path ?? "")?language=\(language.rawValue)", by: nil)
                let text = heard.text
                #expect(text.contains("name=\"viewport\"") && text.matches(of: #/<h1>/#).count == 1 && text.contains("<title>"))
                let ids = Set(text.matches(of: #/ id="([a-z-]+)"/#).map { String($0.1) })
                for label in text.matches(of: #/ for="([a-z-]+)"/#) { #expect(ids.contains(String(label.1))) }
                for hint in text.matches(of: #/aria-describedby="([a-z-]+)"/#) { #expect(ids.contains(String(hint.1))) }
                // Every field has a name that is read out.
                for field in text.matches(of: #/<input id="([a-z-]+)" name=/#) {
                    #expect(text.contains("<label for=\"\(field.1)\">"), "\(field.1)")
                }
            }
        }
    }

    @Test func `is guessed at as seldom as a password, and says so as a page`() async throws {
        let door = Doorkeeper(
            limits: RateLimits([.signIn: .perMinute(5)]), proxies: TrustedProxies([NetworkRange("127.0.0.0/8")!]))
        try await onTheWire(door: door) { visitor async throws in
            let headers = ["X-Forwarded-For": "203.0.113.9"]
            let guess = Ask.letterForm(.passwordReset, code: "mcl_00", password: "four other words")
            for _ in 0..<5 { #expect(try await visitor.send(guess, by: nil, headers: headers).status == 410) }
            let refused = try await visitor.send(guess, by: nil, headers: headers)
            #expect(refused.status == 429 && refused.text.contains("too many tries") && refused[header: "Retry-After"] != nil)
            // Whoever only looks guesses nothing, and somebody else's limit is their own.
            #expect(try await visitor.get(guess.path, by: nil, headers: headers).status == 200)
            #expect(try await visitor.send(guess, by: nil, headers: ["X-Forwarded-For": "203.0.113.10"]).status == 410)
        }
    }

    @Test func `takes its form from its own page, as browsers send it, and from no other site's`() async throws {
        try await inHouse { visitor in
            let code = try await visitor.resetCode(for: try await visitor.newcomer())
            let form = Ask.letterForm(.passwordReset, code: code, password: "four other words entirely")
            for site in ["cross-site", "same-site"] {
                let foreign = try await visitor.send(form, by: nil, headers: ["Sec-Fetch-Site": site, "Origin": "null"])
                #expect(foreign.status == 403, "\(foreign.text)")
            }
            // A page that names nobody as referrer names no origin either.
            let own = try await visitor.send(form, by: nil, headers: ["Sec-Fetch-Site": "same-origin", "Origin": "null"])
            #expect(own.status == 200, "\(own.text)")
        }
    }

    @Test func `takes no JSON, and says nothing of the inside when something fails`() async throws {
        struct Unforeseen: Error {}
        try await inHouse { visitor in
            var json = Ask.post("/account/password", #"{"code":"mcl_00","newPassword":"four other words"}"#)
            let refused = try await visitor.send(json, by: nil)
            #expect(refused.status == 415)
            json.type = "application/x-www-form-urlencoded"
            let code = try await visitor.resetCode(for: try await visitor.newcomer())
            visitor.house.database.haunt(.writes(Unforeseen()))
            let failed = try await visitor.send(
                .letterForm(.passwordReset, code: code, password: "four other words entirely"), by: nil)
            visitor.house.database.haunt(.none)
            #expect(failed.status == 500 && failed.text.contains("cannot be done at the moment"), "\(failed.text)")
        }
    }
}
