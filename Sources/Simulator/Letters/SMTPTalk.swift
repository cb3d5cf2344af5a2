import Foundation

/// What a mail server says to one client, line by line (RFC 5321). It takes no time and touches no socket; what becomes of a letter is its
/// part's to say.
struct SMTPTalk: Sendable {
    /// What follows a line.
    enum Answer: Sendable, Equatable {
        /// More of a letter is expected.
        case nothing
        case says(String, delay: Int? = nil)
        case hangsUp(String)
        /// The line is held without a word.
        case isSilent
    }

    /// As large as a letter may be, in bytes.
    static let largest = 1 << 20
    static let mostRecipients = 100
    /// After so many mistakes nobody is listened to any more.
    static let mostMistakes = 10

    private enum State: Sendable, Equatable {
        case idle, reading
        case signsIn(SignIn)
    }

    private enum SignIn: Sendable, Equatable {
        case plain, user
        case password(user: String)
    }

    /// One letter, from MAIL to its answer.
    private struct Letter: Sendable {
        let from: String
        let mode: Mode
        let fate: Fate
        var recipients: [String] = []
        var bytes: [UInt8] = []
        /// What is wrong with it; it is read to its end all the same.
        var flaw: String?
        /// Whether a dot would be its end: only behind a line that ends in CRLF.
        var mayEnd = true
    }

    private let part: LetterPart
    private var state = State.idle
    private var letter: Letter?
    private var isGreeted = false
    private var isSignedIn = false
    private var mistakes = 0

    init(_ part: LetterPart) { self.part = part }

    static let greeting = "220 localhost ESMTP MediConnect-Simulator, nothing here is delivered"

    mutating func hear(_ line: SMTPLines.Line) -> Answer {
        switch state {
        case .reading: read(line)
        case .signsIn(let step): signIn(line, step)
        case .idle: command(line)
        }
    }

    // MARK: Commands

    private mutating func command(_ line: SMTPLines.Line) -> Answer {
        guard case .whole(let bytes) = line else {
            return mistake(
                line == .tooLong ? "500 5.5.6 the line is too long" : "500 5.5.2 a line ends in CRLF, and has no other")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let word = text.prefix { $0 != " " }
        let (verb, rest) = (word.uppercased(), text[word.endIndex...].trimmingPrefix(" "))
        switch verb {
        case "EHLO", "HELO": return greet(verb, String(rest))
        case "AUTH": return signIn(rest)
        case "MAIL": return begin(rest)
        case "RCPT": return address(rest)
        case "DATA": return data(rest)
        case "RSET":
            letter = nil
            return .says("250 2.0.0 forgotten")
        case "NOOP": return .says("250 2.0.0 yes")
        case "VRFY": return .says("252 2.5.0 whoever it is, letters are taken")
        case "QUIT": return .hangsUp("221 2.0.0 goodbye")
        // What speaks like this was sent here by a page elsewhere, or came too late to be told from a mail client.
        case "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PATCH": return .hangsUp("421 4.7.0 this is SMTP")
        case "STARTTLS": return mistake("502 5.5.1 there is no TLS here")
        default: return mistake("500 5.5.1 that is not known here")
        }
    }

    private mutating func mistake(_ words: String) -> Answer {
        mistakes += 1
        return mistakes < Self.mostMistakes ? .says(words) : .hangsUp("421 4.7.0 too many mistakes")
    }

    private mutating func greet(_ verb: String, _ name: String) -> Answer {
        guard !name.isEmpty else { return mistake("501 5.5.4 who is it?") }
        (isGreeted, letter) = (true, nil)
        if verb == "HELO" { return .says("250 localhost") }
        return .says(
            "250-localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-SIZE \(Self.largest)\r\n250 AUTH PLAIN LOGIN"
        )
    }

    private mutating func begin(_ rest: Substring) -> Answer {
        guard isGreeted else { return mistake("503 5.5.1 say EHLO first") }
        guard letter == nil else { return mistake("503 5.5.1 there is a letter already") }
        guard let (from, options) = Self.path(rest, after: "FROM:") else { return mistake("501 5.5.4 MAIL FROM:<address>") }
        for option in options {
            let halves = option.split(separator: "=", maxSplits: 1)
            switch halves.first?.uppercased() {
            case "SIZE":
                guard let size = halves.last.flatMap({ Int($0) }), size >= 0 else { return mistake("501 5.5.4 SIZE is a number") }
                guard size <= Self.largest else { return .says("552 5.3.4 a letter has \(Self.largest) bytes at most") }
            case "BODY", "AUTH": break
            default: return mistake("555 5.5.4 that is not known of MAIL")
            }
        }
        let (fate, mode) = part.fate()
        if case .asksForPatience(let seconds) = fate {
            part.note(421)
            return .hangsUp("421 4.7.0 too many letters, come back in \(seconds) seconds")
        }
        letter = Letter(from: from, mode: mode, fate: fate)
        return .says("250 2.1.0 from them", delay: mode.delay)
    }

    private mutating func address(_ rest: Substring) -> Answer {
        guard let letter else { return mistake("503 5.5.1 say MAIL first") }
        guard let (to, options) = Self.path(rest, after: "TO:"), to.contains("@"), options.isEmpty else {
            return mistake("501 5.5.4 RCPT TO:<address>")
        }
        guard letter.recipients.count < Self.mostRecipients else {
            return .says("452 4.5.3 that is enough", delay: letter.mode.delay)
        }
        if letter.mode.refuses == true {
            part.note(550)
            return .says("550 5.1.1 no such mailbox", delay: letter.mode.delay)
        }
        self.letter?.recipients.append(to)
        return .says("250 2.1.5 to them", delay: letter.mode.delay)
    }

    private mutating func data(_ rest: Substring) -> Answer {
        guard rest.isEmpty else { return mistake("501 5.5.4 DATA stands alone") }
        guard let letter else { return mistake("503 5.5.1 say MAIL first") }
        guard !letter.recipients.isEmpty else { return mistake("554 5.5.1 nobody is to have it") }
        state = .reading
        return .says("354 write, and end with a dot", delay: letter.mode.delay)
    }

    /// `<address>` behind a word, and what stands behind that.
    private static func path(_ text: Substring, after word: String) -> (address: String, options: [Substring])? {
        guard text.prefix(word.count).uppercased() == word else { return nil }
        let rest = text.dropFirst(word.count).trimmingPrefix(" ")
        guard rest.first == "<", let end = rest.firstIndex(of: ">") else { return nil }
        let address = rest[rest.index(after: rest.startIndex)..<end]
        let behind = rest[rest.index(after: end)...]
        guard address.utf8.count <= 256, !address.contains("<"), behind.isEmpty || behind.first == " " else { return nil }
        return (String(address), behind.split(separator: " "))
    }

    // MARK: Signing in (RFC 4954)

    private mutating func signIn(_ rest: Substring) -> Answer {
        guard isGreeted else { return mistake("503 5.5.1 say EHLO first") }
        guard !isSignedIn, letter == nil else { return mistake("503 5.5.1 not now") }
        let words = rest.split(separator: " ")
        switch (words.first?.uppercased(), words.count) {
        case ("PLAIN", 1):
            state = .signsIn(.plain)
            return .says("334 ")
        case ("PLAIN", 2): return proves(plain: String(words[1]))
        case ("LOGIN", 1):
            state = .signsIn(.user)
            return .says("334 VXNlcm5hbWU6")
        case ("LOGIN", 2):
            guard let user = Self.plain(String(words[1])) else { return mistake("501 5.5.2 that is no base64") }
            state = .signsIn(.password(user: user))
            return .says("334 UGFzc3dvcmQ6")
        default: return mistake("504 5.5.4 PLAIN and LOGIN are known here")
        }
    }

    private mutating func signIn(_ line: SMTPLines.Line, _ step: SignIn) -> Answer {
        state = .idle
        guard case .whole(let bytes) = line, bytes != [0x2A] else { return mistake("501 5.7.0 then not") }
        let text = String(decoding: bytes, as: UTF8.self)
        switch step {
        case .plain: return proves(plain: text)
        case .user:
            guard let user = Self.plain(text) else { return mistake("501 5.5.2 that is no base64") }
            state = .signsIn(.password(user: user))
            return .says("334 UGFzc3dvcmQ6")
        case .password(let user): return proves(user, Self.plain(text))
        }
    }

    /// `[authorization] NUL user NUL password` (RFC 4616).
    private mutating func proves(plain text: String) -> Answer {
        let parts = Self.plain(text)?.split(separator: "\0", omittingEmptySubsequences: false) ?? []
        guard parts.count == 3 else { return mistake("501 5.5.2 that is not PLAIN") }
        return proves(String(parts[1]), String(parts[2]))
    }

    private mutating func proves(_ user: String, _ password: String?) -> Answer {
        guard user == LetterPart.user, password == LetterPart.password else { return mistake("535 5.7.8 that is not them") }
        isSignedIn = true
        return .says("235 2.7.0 welcome")
    }

    private static func plain(_ text: String) -> String? {
        Data(base64Encoded: text == "=" ? "" : text).map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: Letters

    private mutating func read(_ line: SMTPLines.Line) -> Answer {
        let mayEnd = letter?.mayEnd ?? true
        letter?.mayEnd = line != .torn(endsRight: false)
        switch line {
        case .tooLong: letter?.flaw = "500 5.6.0 a line of it is too long"
        case .torn: letter?.flaw = "554 5.6.0 it has a line that does not end in CRLF"
        case .whole([0x2E]) where mayEnd: return taken()
        case .whole(let bytes):
            // A dot before a line's own is the wire's (RFC 5321 §4.5.2).
            let own = bytes.first == 0x2E ? bytes.dropFirst() : bytes[...]
            guard let letter, letter.bytes.count + own.count + 2 <= Self.largest else {
                letter?.flaw = "552 5.3.4 a letter has \(Self.largest) bytes at most"
                return .nothing
            }
            if letter.flaw == nil { self.letter?.bytes += own + [0x0D, 0x0A] }
        }
        return .nothing
    }

    private mutating func taken() -> Answer {
        state = .idle
        guard let letter else { return .nothing }
        self.letter = nil
        let delay = letter.mode.delay
        if let flaw = letter.flaw {
            part.note(Int(flaw.prefix(3)) ?? 0)
            return .says(flaw, delay: delay)
        }
        func take() { part.take(letter.bytes, from: letter.from, to: letter.recipients, letter.mode) }
        func answer(_ status: Int, _ words: String) -> Answer {
            part.note(status)
            return .says("\(status) \(words)", delay: delay)
        }
        switch letter.fate {
        case .answers, .asksForPatience:
            take()
            return answer(250, "2.0.0 taken")
        case .fails(let afterDoing):
            if afterDoing { take() }
            return answer(451, "4.3.0 simulated")
        case .isGarbled:
            take()
            part.note(250)
            return .says("this is not what was expected", delay: delay)
        case .isSilent:
            take()
            part.note(0)
            return .isSilent
        case .hangs:
            part.note(0)
            return .isSilent
        }
    }
}
