import Identity
import Notation
import Testing

@Suite struct APassword {
    @Test(arguments: [
        "password", "Password1", "P@ssw0rd!", "passw0rd2026", "12345678", "87654321", "qwertyuiop", "Qwertz123", "aaaaaaaa",
        "abababab",
        "iloveyou!", "Sommer2026", "summer2026!", "clinicclinic", "letmein1!", "asdfghjkl", "welcome2", "1q2w3e4r", "abcdefgh",
        "Mediconnect1", "hospital99", "11111111", "charlie7", "trustno1",
    ]) func `that is tried first cannot be chosen`(text: String) {
        #expect(Password(text).flaw() == .tooCommon, "\(text)")
    }

    @Test(arguments: ["emma1234", "Emma.Schulz", "schulz2026", "riverside!!"])
    func `that everybody knows of the person cannot be chosen`(text: String) {
        #expect(Password(text).flaw(knowing: ["emma.schulz@riverside.example"]) == .tooCommon, "\(text)")
    }

    @Test(
        arguments: [
            "correct horse battery staple", "three unrelated words", "k7#mQ2x!", "vogelbeere", "Grundrauschen", "пароль-из-слов",
            "日本語の長い合言葉です",
            "5d272313f19d4793", "mondscheinpassagier", "xkcd-936 says so", "        ", "staubsauger",
        ].filter { !$0.allSatisfy(\.isWhitespace) })
    func `without rules of composition: what nobody tries first can be chosen`(text: String) {
        #expect(Password(text).flaw(knowing: ["emma.schulz@riverside.example"]) == nil, "\(text)")
    }

    @Test func `has from 8 to 128 characters, counted as code points`() {
        #expect(Password("k7#mQ2x").flaw() == .tooShort)
        #expect(Password("日本語の長い合").flaw() == .tooShort)
        #expect(Password("日本語の長い合言").flaw() == nil)
        #expect(Password(String(repeating: "vogelbeere kx7# ", count: 8)).flaw() == nil)
        #expect(Password(String(repeating: "vogelbeere kx7# ", count: 8) + "q").flaw() == .tooLong)
    }

    @Test func `cannot be printed`() {
        let password = Password("three unrelated words")
        var dumped = ""
        dump(password, to: &dumped)
        #expect(!"\(password) \(String(reflecting: password)) \(dumped)".contains("unrelated"))
    }
}

@Suite struct APasswordHash {
    @Test func `is read as the reference implementation wrote it`() {
        // argon2-cffi 25.1: hash_secret("correct horse battery stäple", b"0123456789abcdef", time_cost=1, memory_cost=8, …, Type.ID)
        let theirs = PasswordHash(
            text: "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$zmfe3h8KF1qd3s5hXGgHVySe/ctxzS13Qs2CCiQNIbM")
        #expect(theirs.matches(Password("correct horse battery stäple")))
        #expect(!theirs.matches(Password("correct horse battery staple")))
        // The same letters in another form are other bytes, and another password.
        #expect(!theirs.matches(Password("correct horse battery sta\u{308}ple")))
    }

    @Test func `fits what it was made of and nothing else, and is another each time`() throws {
        let (one, other) = (Password("three unrelated words"), Password("three unrelated word"))
        let hashes = try (0..<3).map { _ in try PasswordHash.make(of: one, cost: .least) }
        for hash in hashes {
            #expect(hash.matches(one) && !hash.matches(other) && hash.text.hasPrefix("$argon2id$v=19$m=8,t=1,p=1$"))
        }
        #expect(Set(hashes.map(\.text)).count == 3)
    }

    @Test func `says when it was made at another cost`() throws {
        let hash = try PasswordHash.make(of: Password("three unrelated words"), cost: .least)
        #expect(hash.isOutdated() && !hash.isOutdated(for: .least))
        #expect(PasswordHash.Cost.usual.bytes >= 19 << 20 && PasswordHash.Cost.usual.passes >= 2, "what OWASP asks for at least")
    }

    @Test func `of nobody fits nothing, and costs what any other costs`() {
        for cost in [PasswordHash.Cost.least, .usual] {
            let nobody = PasswordHash.ofNobody(cost: cost)
            #expect(!nobody.isOutdated(for: cost))
            #expect(!nobody.matches(Password("")) && !nobody.matches(Password("three unrelated words")))
        }
    }

    @Test(arguments: ["", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=8,t=1,p=1$AA$", "plain text"])
    func `that is none fits nothing`(text: String) { #expect(!PasswordHash(text: text).matches(Password("plain text"))) }
}

@Suite struct ARefreshToken {
    private let key = RefreshKey(secret: Array(repeating: 7, count: 32))
    private let token = RefreshToken(session: ID("01a1fe59-9865-7000-afc1-20189e376113")!, turn: 258)

    @Test func `comes back as it went out`() {
        let text = token.text(sealedWith: key)
        #expect(RefreshToken(text, sealedWith: key) == token)
        #expect(text.hasPrefix("mcr_01a1fe5998657000afc120189e37611300000102") && text == token.text(sealedWith: key))
    }

    @Test func `that somebody has changed, cut, or made up is none`() {
        let text = token.text(sealedWith: key)
        for place in text.indices.dropFirst(4) {
            var changed = text
            changed.replaceSubrange(place...place, with: text[place] == "0" ? "1" : "0")
            #expect(RefreshToken(changed, sealedWith: key) == nil)
        }
        for other in [
            "", "mcr_", String(text.dropLast()), text + "0", String(text.dropFirst(4)), text.uppercased(),
            "mcr_" + String(repeating: "é", count: 52),
        ] {
            #expect(RefreshToken(other, sealedWith: key) == nil, "\(other)")
        }
        #expect(RefreshToken(text, sealedWith: RefreshKey(secret: Array(repeating: 8, count: 32))) == nil)
    }
}
