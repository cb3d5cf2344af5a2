public import Notation

/// What a letter says, in both forms.
public struct LetterWords: Sendable, Equatable {
    /// Stands on lock screens: never anything about anybody's health.
    public let subject: String
    public let text: String
    public let html: String

    public init(subject: String, text: String, html: String) {
        self.subject = subject
        self.text = text
        self.html = html
    }
}

/// Who writes: `City Clinic <noreply@clinic.example>`.
public struct Sender: Sendable, Hashable {
    public let name: String
    public let address: MailAddress

    public init(name: String, address: MailAddress) {
        self.name = name
        self.address = address
    }

    /// An address, or a name with the address in angle brackets; nil when it is neither.
    public init?(_ text: String) {
        guard let start = text.firstIndex(of: "<"), text.hasSuffix(">") else {
            guard let address = MailAddress(text) else { return nil }
            self.init(name: address.host, address: address)
            return
        }
        let name = text[..<start].drop { $0 == " " || $0 == "\"" }.reversed().drop { $0 == " " || $0 == "\"" }.reversed()
        guard let address = MailAddress(text[text.index(after: start)...].dropLast()), !name.isEmpty,
            name.allSatisfy({ $0.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 } })
        else { return nil }
        self.init(name: String(name), address: address)
    }
}

/// One letter to one person. Whenever it is written it comes out the same, byte for byte, `Message-ID` and `Date` included: sent again
/// because nobody knows whether it arrived, it is recognised as the same letter (RFC 5322 §3.6.4).
public struct Letter: Sendable {
    /// Names it for good, and nothing else: the same in every attempt.
    public let name: String
    public let from: Sender
    public let to: MailAddress
    public let at: Instant
    public let words: LetterWords
    /// What a calendar program is to read; nil where there is nothing for it.
    public let calendar: CalendarPart?
    /// Where a mail program ends such letters with one press (RFC 8058); nil for those that nobody can end.
    public let unsubscribe: String?
    /// Whoever has not begun to hand it over by then must not any more: somebody else may be at it.
    public var beginsBy: Instant?

    public init(
        name: String, from: Sender, to: MailAddress, at: Instant, words: LetterWords, calendar: CalendarPart? = nil,
        unsubscribe: String? = nil
    ) {
        self.name = name
        self.from = from
        self.to = to
        self.at = at
        self.words = words
        self.calendar = calendar
        self.unsubscribe = unsubscribe
    }

    /// Headers with which a mail program offers to end such letters (RFC 2369 §3.2, RFC 8058 §3.1).
    public var endHeaders: [(String, String)] {
        unsubscribe.map { [("List-Unsubscribe", "<\($0)>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")] } ?? []
    }

    public var messageID: String { "<\(name)@\(from.address.host)>" }

    /// As it goes over the wire: headers, plain text and HTML beside each other (RFC 2046 §5.1.4), lines that end in CRLF, ASCII only.
    public var message: [UInt8] {
        let boundary = "=_\(name)"
        let headers = [
            ("Date", MailDate.text(at)), ("From", "\(HeaderText.phrase(from.name)) <\(from.address.text.revealed)>"),
            ("To", to.text.revealed), ("Subject", HeaderText.unstructured(words.subject)), ("Message-ID", messageID),
            // Nobody's holiday notice is to answer (RFC 3834).
            ("Auto-Submitted", "auto-generated"), ("MIME-Version", "1.0"),
            ("Content-Type", "multipart/alternative; boundary=\"\(boundary)\""),
        ]
        let head = (headers + endHeaders).map { "\($0): \($1)\r\n" }.joined()
        var bodies = [("text/plain; charset=utf-8", words.text), ("text/html; charset=utf-8", words.html)]
        if let calendar { bodies.append((calendar.contentType, calendar.plainLines)) }
        let parts = bodies.map { type, body in
            """
            --\(boundary)\r\nContent-Type: \(type)\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            \(QuotedPrintable.text(body))\r\n
            """
        }
        return Array("\(head)\r\n\(parts.joined())--\(boundary)--\r\n".utf8)
    }
}

/// What a calendar program reads in a letter (RFC 6047): it offers to enter, move or remove the visit.
public struct CalendarPart: Sendable, Equatable {
    /// `text/calendar; method=REQUEST; charset=UTF-8`
    public let contentType: String
    /// RFC 5545, lines that end in CRLF.
    public let text: String

    public init(contentType: String, text: String) {
        self.contentType = contentType
        self.text = text
    }

    /// CRLF is one sign of Swift's; the encoding writes its own.
    var plainLines: String {
        var lines = ""
        lines.unicodeScalars.append(contentsOf: text.unicodeScalars.filter { $0 != "\r" })
        return lines
    }
}
