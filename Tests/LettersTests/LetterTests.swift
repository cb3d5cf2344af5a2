import Letters
import Notation
import Testing

/// Nobody gets a header, a recipient or a command into a letter by way of a name or an address.
@Suite struct ALetter {
    private func letter(
        name: String = "City Clinic", subject: String = "Hello", text: String = "Text",
        to: MailAddress = MailAddress("emma@demo.example")!
    ) -> String {
        let letter = Letter(
            name: "01900000-0000-7000-8000-000000000001",
            from: Sender(name: name, address: MailAddress("noreply@clinic.example")!), to: to,
            at: Instant("2026-03-02T05:00:00Z")!, words: LetterWords(subject: subject, text: text, html: "<p>Text</p>"))
        return String(decoding: letter.message, as: UTF8.self)
    }

    private func headers(_ message: String) -> [Substring] {
        String(message.split(separator: "\r\n\r\n", maxSplits: 1)[0]).replacing("\r\n ", with: " ").split(separator: "\r\n")
    }

    @Test func `has the headers a letter has, once`() {
        #expect(
            headers(letter()).map(String.init) == [
                "Date: Mon, 02 Mar 2026 05:00:00 +0000", #"From: "City Clinic" <noreply@clinic.example>"#,
                "To: emma@demo.example", "Subject: Hello",
                "Message-ID: <01900000-0000-7000-8000-000000000001@clinic.example>", "Auto-Submitted: auto-generated",
                "MIME-Version: 1.0",
                #"Content-Type: multipart/alternative; boundary="=_01900000-0000-7000-8000-000000000001""#,
            ])
    }

    @Test(arguments: [
        "Clinic\r\nBcc: thief@evil.example", "Clinic\nBcc: thief@evil.example", "Clinic\rBcc: thief@evil.example",
        "Clinic\u{0B}Bcc: x", "Clinic\u{85}Bcc: x", "Clinic\u{2028}Bcc: x", "a\r\n\r\nbody", "\r\n.\r\nQUIT", "\0",
        "=?UTF-8?Q?=0D=0ABcc:?=",
        #"x" <thief@evil.example>, "y"#, #"\"#,
    ])
    func `has no more of them, whatever a name or a subject says`(evil: String) {
        let plain = headers(letter()).map { $0.prefix { $0 != ":" } }
        for message in [letter(name: evil), letter(subject: evil)] {
            #expect(headers(message).map { $0.prefix { $0 != ":" } } == plain, "\(message)")
            #expect(message.utf8.allSatisfy { (32...126).contains($0) || $0 == 13 || $0 == 10 })
            // The body still begins where it should.
            #expect(message.components("\r\n\r\n")[1].hasPrefix("--=_"))
        }
    }

    @Test(arguments: ["Grüße aus der Klinik", "健康診断のお知らせ 健康診断のお知らせ 健康診断のお知らせ", "a=?b", "👩‍⚕️"])
    func `says a subject of any letters, in encoded words of 75 characters`(subject: String) throws {
        let line = try #require(letter(subject: subject).components("\r\nMessage-ID:").first?.components("Subject: ").last)
        let words = line.components("\r\n ")
        #expect(words.allSatisfy { $0.utf8.count <= 75 && $0.hasPrefix("=?UTF-8?Q?") && $0.hasSuffix("?=") })
        let decoded = words.map { Decoded.quoted($0.dropFirst(10).dropLast(2).replacing("_", with: " ")) }.joined()
        #expect(decoded == subject)
    }

    @Test(arguments: [
        "a = b", "Grüße", String(repeating: "ü", count: 200), "ends with a blank ", "\ttab", ".\n..\n.x", "a\r\nb", "",
    ])
    func `says any text in lines of 76 characters`(text: String) throws {
        let message = letter(text: text)
        let part = message.components("quoted-printable\r\n\r\n")[1].components("\r\n--=_")[0]
        #expect(part.components("\r\n").allSatisfy { $0.utf8.count <= 76 && !$0.hasSuffix(" ") && !$0.hasSuffix("\t") })
        let lines = part.replacing("=\r\n", with: "").components("\r\n").map { Decoded.quoted($0) }
        #expect(lines.joined(separator: "\n") == text)
    }

    @Test func `is the same letter each time it is written`() { #expect(letter() == letter()) }
}

@Suite struct AMailAddress {
    @Test(arguments: ["emma@demo.example", "Emma.Sample+clinic@Demo.Example", "o'hara@a-b.example", "x@localhost", "0@1.example"])
    func `is plain`(text: String) { #expect(MailAddress(text)?.text.revealed == text.lowercased()) }

    @Test(arguments: [
        "", "emma", "@demo.example", "emma@", "a@b@c", "emma @demo.example", "emma@demo .example",
        "emma@demo.example\r\nBcc: x@y",
        "emma@demo.example\n", "emma\0@demo.example", "<emma@demo.example>", "emma@demo.example>", "emma@[127.0.0.1]",
        #""emma x"@demo.example"#,
        "emma.@demo.example", ".emma@demo.example", "em..ma@demo.example", "emma@-demo.example", "emma@demo-.example",
        "emma@demo..example",
        "emma@démo.example", "émma@demo.example", "a,b@demo.example", "emma@demo.example SIZE=1",
        String(repeating: "a", count: 65) + "@b.example",
        "a@" + String(repeating: "b", count: 64) + ".example", "a@" + String(repeating: "bcd.", count: 70) + "example",
        "emma%0d@demo.example\r",
    ])
    func `is nothing else`(text: String) { #expect(MailAddress(text) == nil) }

    @Test func `says nothing of itself`() { #expect("\(MailAddress("emma@demo.example")!)".contains("emma") == false) }
}

@Suite struct TheStationery {
    private let stationery = try! Stationery(
        from: Sender("Müller & Söhne <noreply@clinic.example>")!, links: "https://clinic.example")

    @Test(arguments: LetterKind.allCases, WrittenLanguage.allCases)
    func `has words for every letter in every language`(kind: LetterKind, language: WrittenLanguage) throws {
        let words = try stationery.words(of: kind, in: language, code: "mcl_00ff")
        #expect(words.text.contains("Müller & Söhne") && words.html.contains("Müller &amp; Söhne"))
        #expect(
            !words.text.contains("{{") && !words.html.contains("{{")
                && words.html.contains(#"<html lang="\#(language.rawValue)">"#))
        #expect(!words.subject.contains("Müller") && words.subject.count > 5)
        let hasLink = kind.path != nil
        // Behind the '#', where no server sees it; and by itself.
        #expect(
            words.text.contains("https://clinic.example\(kind.path ?? "")?language=\(language.rawValue)#mcl_00ff\n\nmcl_00ff\n")
                == hasLink)
        #expect(
            words.html.contains(#"href="https://clinic.example\#(kind.path ?? "")?language=\#(language.rawValue)#mcl_00ff""#)
                == hasLink)
        for other in WrittenLanguage.allCases where other != language {
            let theirs = try stationery.words(of: kind, in: other, code: "mcl_00ff")
            #expect(words.text != theirs.text && words.subject != theirs.subject)
        }
    }

    @Test(arguments: LetterKind.allCases) func `says nothing of health where it stands on a lock screen`(kind: LetterKind) throws
    {
        for language in WrittenLanguage.allCases {
            let subject = try stationery.words(of: kind, in: language, code: nil).subject.lowercased()
            for word in [
                "appointment", "doctor", "patient", "visit", "termin", "arzt", "ärzt", "befund", "result", "clinic", "klinik",
                "rendez", "médecin", "résultat", "santé",
            ] {
                #expect(!subject.contains(word), "\(subject)")
            }
        }
    }
}

/// Undoes quoted-printable.
private enum Decoded {
    static func quoted(_ text: some StringProtocol) -> String {
        var (bytes, rest) = ([UInt8](), Array(text.utf8)[...])
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "="), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
