import API
import Letters
import Notation
import People
import Testing
import Workflows

/// How patients are reached, what they are told, and what they answer on a page.
@Suite struct Messages {
    private static let preferences = "/v1/patients/\(Known.emma)/preferences"

    @Test func `a patient says how they want to be reached, and each consent keeps who said it`() async throws {
        try await inHouse { visitor in
            let first = try await visitor.get(Self.preferences, by: .emma)
            #expect(first.etag == nil && first["channels"]?.array?.compactMap(\.string) == ["email", "sms", "push"])
            let set = try await visitor.send(
                .put(
                    Self.preferences,
                    #"{"channels":["sms","email"],"language":"fr","quietFrom":"22:00","quietUntil":"06:30","zone":"Europe/Paris","consents":{"sms":true}}"#,
                    ifMatch: nil), by: .emma)
            #expect(set.status == 200 && set.etag == "\"v1\"", "\(set.text)")
            let later = try await visitor.send(
                .put(Self.preferences, #"{"channels":["sms"],"consents":{"email":false}}"#, ifMatch: "\"v1\""), by: .desk)
            #expect(later.etag == "\"v2\"")
            let read = try await visitor.get(Self.preferences, by: .emma)
            #expect(read["quietFrom"] == nil && read["language"] == nil, "it is said anew, as a whole")
            #expect(read["consents"]?["sms"]?["given"]?.content == .bool(true))
            #expect(read["consents"]?["sms"]?["by"]?.string == Who.emma.caller.principal)
            #expect(read["consents"]?["email"]?["given"]?.content == .bool(false))
            #expect(read["consents"]?["email"]?["by"]?.string == Who.desk.caller.principal)
            let stale = try await visitor.send(.put(Self.preferences, #"{"channels":[]}"#, ifMatch: "\"v1\""), by: .emma)
            #expect(stale.problem == "changed-meanwhile")
        }
    }

    @Test(arguments: [
        (#"{}"#, "#/channels"), (#"{"channels":["fax"]}"#, "#/channels/0"), (#"{"channels":["sms","sms"]}"#, "#/channels"),
        (#"{"channels":[],"quietFrom":"22:00"}"#, "#/quietUntil"), (#"{"channels":[],"zone":"Moon/Base"}"#, "#/zone"),
        (#"{"channels":[],"quietFrom":"22:61","quietUntil":"07:00"}"#, "#/quietFrom"),
        (#"{"channels":[],"consents":{"fax":true}}"#, "#/consents/fax"),
        (#"{"channels":[],"consents":{"sms":"yes"}}"#, "#/consents/sms"),
    ])
    func `what is wrong with it is named, and changes nothing`(body: String, pointer: String) async throws {
        try await inHouse { visitor in
            let before = RowCounts.withoutAudit(try await visitor.rows())
            let heard = try await visitor.send(.put(Self.preferences, body, ifMatch: nil), by: .emma)
            #expect(heard.status == 400 && heard.pointers == [pointer], "\(heard.text)")
            #expect(RowCounts.withoutAudit(try await visitor.rows()) == before)
        }
    }

    @Test func `what went out is there for the patient, with the address masked, and in the export`() async throws {
        try await inHouse { visitor in
            _ = try await visitor.reminded()
            let listed = try await visitor.get("/v1/patients/\(Known.emma)/messages", by: .emma)
            #expect(listed.items.map { $0["to"]?.string } == ["e***@***"] && listed.items[0]["state"]?.string == "handed-over")
            #expect(!listed.text.contains("emma@example.org"))
            let export = try await visitor.get("/v1/patients/\(Known.emma)/export", by: .emma)
            #expect(export["messages"]?.array?.count == 1 && export["preferences"]?["version"]?.integer == 0)
        }
    }

    @Test(arguments: WrittenLanguage.allCases)
    func `the page asks once, and looking at it does nothing`(language: WrittenLanguage) async throws {
        try await inHouse { visitor in
            let asked = try await visitor.reminded()
            let rows = try await visitor.rows()
            for choice in ["", "&answer=cancel", "&answer=call", "&answer=nonsense"] {
                let page = try await visitor.get("\(MessagePage.answer)?language=\(language.rawValue)\(choice)", by: nil)
                #expect(page.status == 200 && page.text.contains("<html lang=\"\(language.rawValue)\">"))
                let buttons = page.text.matches(of: #/name="answer" value="([a-z]+)"/#).map { String($0.1) }
                #expect(
                    buttons
                        == (choice == "&answer=cancel"
                            ? ["cancel"] : choice == "&answer=call" ? ["call"] : ["confirm", "cancel", "call"]))
            }
            #expect(try await visitor.rows() == rows, "nothing is done by looking")
            let path = "\(MessagePage.answer)?language=\(language.rawValue)"
            let done = try await visitor.send(.form(path, ["code": " \(asked.answer)\n", "answer": "cancel"]), by: nil)
            #expect(done.status == 200 && !done.text.contains("<form"), "\(done.text)")
            let again = try await visitor.send(.form(path, ["code": asked.answer, "answer": "cancel"]), by: nil)
            #expect(again.status == 200, "saying it twice is no mistake")
            #expect(try await visitor.get("/v1/appointments/\(asked.appointment)")["state"]?.string == "cancelled")
            let over = try await visitor.send(.form(path, ["code": asked.answer, "answer": "confirm"]), by: nil)
            #expect(over.status == 410 && over.text.contains("role=\"alert\"") && !over.text.contains("<form"))
            let wrong = try await visitor.send(.form(path, ["code": "mca_<b>", "answer": "confirm"]), by: nil)
            #expect(wrong.status == 410 && wrong.text.contains("mca_&lt;b&gt;") && wrong.text.contains("<form"))
            let none = try await visitor.send(.form(path, ["code": asked.answer]), by: nil)
            #expect(none.status == 400 && none.text.contains("role=\"alert\""))
            let elsewhere = try await visitor.send(
                .form(path, ["code": asked.answer, "answer": "call"]), by: nil, headers: ["Sec-Fetch-Site": "cross-site"])
            #expect(elsewhere.status == 403)
        }
    }

    @Test func `a mail program ends mails with one press, as RFC 8058 has it, and a person with two`() async throws {
        try await inHouse { visitor in
            let asked = try await visitor.reminded()
            let path = "\(MessagePage.unsubscribe)?language=de&code=\(asked.unsubscribe)"
            let rows = try await visitor.rows()
            let page = try await visitor.get(path, by: nil)
            #expect(page.text.contains("<form") && page.text.contains("lang=\"de\""))
            #expect(try await visitor.rows() == rows)
            // Both forms the RFC allows, without a header that only pages send.
            for (type, body) in [
                ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"),
                (
                    "multipart/form-data; boundary=x",
                    "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"
                ),
            ] {
                let done = try await visitor.send(Ask(method: "POST", path: path, body: body, type: type), by: nil)
                #expect(done.status == 200, "\(type): \(done.text)")
            }
            let read = try await visitor.get(Self.preferences, by: .emma)
            #expect(read["consents"]?["email"]?["given"]?.content == .bool(false))
            #expect(read["consents"]?["sms"] == nil)
            let answerOnly = "\(MessagePage.unsubscribe)?language=de&code=\(asked.answer)"
            #expect(try await visitor.send(.form(answerOnly, [:]), by: nil).status == 410)
        }
    }

    @Test func `who wants to be called is on the desk's list until somebody has called`() async throws {
        try await inHouse { visitor in
            let asked = try await visitor.reminded()
            _ = try await visitor.send(
                .form("\(MessagePage.answer)?language=en", ["code": asked.answer, "answer": "call"]), by: nil)
            let waiting = try await visitor.get("/v1/call-requests")
            #expect(waiting.items.map { $0["patient"]?.string } == [Known.emma])
            let path = "/v1/call-requests/\(asked.id)/completion"
            let done = try await visitor.send(.post(path))
            #expect(done["settledBy"]?.string == Who.desk.caller.principal)
            let again = try await visitor.send(.post(path), by: .admin)
            #expect(again["settledBy"]?.string == Who.desk.caller.principal)
            #expect(try await visitor.get("/v1/call-requests").items.isEmpty)
            let unknown = try await visitor.send(.post("/v1/call-requests/\(Known.nobody)/completion"))
            #expect(unknown.status == 404)
        }
    }

    @Test func `a clinic puts a message otherwise, sees it with made-up data, and gets the usual words back`() async throws {
        try await inHouse { visitor in
            let body = #"{"kind":"reminder","language":"de","override":{"text":"Bitte denken Sie an {{day}}, {{time}} <b>"}}"#
            let tried = try await visitor.send(.post("/v1/messages/preview", body), by: .admin)
            #expect(
                tried["sms"]?.string?.hasPrefix("Bitte denken Sie an Dienstag, 5. März 2030, 09:30 <b>") == true, "\(tried.text)")
            #expect(tried["subject"]?.string == "Ihr Termin am Dienstag, 5. März 2030")
            // What a lock screen shows has neither the link nor how to answer in it; whoever touches it is led there.
            #expect(tried["notice"]?["text"]?.string == "Bitte denken Sie an Dienstag, 5. März 2030, 09:30 <b>", "\(tried.text)")
            #expect(tried["notice"]?["title"]?.string?.isEmpty == false)
            #expect(tried["notice"]?["link"]?.string?.contains("/visit/answer?language=de#") == true)
            #expect(tried["html"]?.string?.contains("Termin absagen") == true)
            let path = "/v1/message-templates/reminder/de"
            let set = try await visitor.send(.put(path, #"{"body":"{{clinic}} & Sie"}"#, ifMatch: nil), by: .admin)
            #expect(set.status == 200 && set["text"]?.string == MessageKind.reminder.template(in: .german).text)
            let own = try await visitor.send(.post("/v1/messages/preview", #"{"kind":"reminder","language":"de"}"#), by: .admin)
            #expect(own["text"]?.string?.contains(" & Sie") == true && own["html"]?.string?.contains(" &amp; Sie") == true)
            _ = try await visitor.send(.delete(path), by: .admin)
            let usual = try await visitor.send(.post("/v1/messages/preview", #"{"kind":"reminder","language":"de"}"#), by: .admin)
            #expect(usual["text"]?.string?.contains(" & Sie") == false)
            #expect(try await visitor.send(.put("/v1/message-templates/poem/de", "{}", ifMatch: nil), by: .admin).status == 404)
        }
    }

    @Test(arguments: ["{{visitType}}", "{{#clinic}}x{{/clinic}}", "{{{clinic}}}", "{{>other}}", "{{clinic", "{{!x}}", "a\u{7}b"])
    func `a template puts in nothing but what there is`(text: String) async throws {
        try await inHouse { visitor in
            var json = JSONWriter()
            json.object { $0.member("subject", text) }
            let heard = try await visitor.send(
                .put("/v1/message-templates/reminder/en", String(decoding: json.bytes, as: UTF8.self), ifMatch: nil), by: .admin)
            #expect(heard.status == 400 && heard.pointers == ["#/subject"], "\(heard.text)")
        }
    }

    @Test func `of every kind in every language there are words, and none names a visit type`() async throws {
        try await inHouse { visitor in
            for kind in MessageKind.allCases {
                for language in WrittenLanguage.allCases {
                    let heard = try await visitor.send(
                        .post("/v1/messages/preview", #"{"kind":"\#(kind.rawValue)","language":"\#(language.rawValue)"}"#),
                        by: .admin)
                    #expect(heard.status == 200 && !heard.text.contains("{{"), "\(heard.text)")
                    #expect((heard["sms"]?.string ?? "").count <= 320, "\(heard.text)")
                }
            }
        }
    }

    @Test func `a delay is announced once for each visit that is left today, and for no more minutes than somebody can be late`()
        async throws
    {
        try await inHouse { visitor in
            // It is six in the morning; visits are on the same day.
            for start in ["2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z"] {
                _ = try await visitor.booked(at: start)
            }
            let path = "/v1/practitioners/\(Known.brandt)/delay"
            let first = try await visitor.send(
                .post(path, #"{"minutes":30,"from":"2026-03-02T08:30:00Z"}"#), by: .brandt)
            #expect(first["appointments"]?.integer == 1, "\(first.text)")
            _ = try await visitor.send(.post(path, #"{"minutes":30,"from":"2026-03-02T08:30:00Z"}"#), by: .desk)
            try await visitor.house.deliver()
            let notices = try await visitor.get("/v1/mailbox?recipient=\(Known.emma)", by: .emma).items
            #expect(notices.filter { $0["kind"]?.string == "delay" }.count == 1)
            let more = try await visitor.send(.post(path, #"{"minutes":45}"#), by: .desk)
            #expect(more["appointments"]?.integer == 2)
            #expect(try await visitor.send(.post(path, #"{"minutes":481}"#), by: .desk).pointers == ["#/minutes"])
            #expect(
                try await visitor.send(.post("/v1/practitioners/\(Known.nobody)/delay", #"{"minutes":30}"#), by: .admin).status
                    == 404)
        }
    }
}
