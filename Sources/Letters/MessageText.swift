import Notation

/// Text in headers. Whatever it is, what comes out is printable ASCII without a line break that would begin another header.
enum HeaderText {
    /// For a display name: quoted, or encoded when it is not ASCII.
    static func phrase(_ text: String) -> String {
        guard isPlain(text) else { return encoded(text) }
        return "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }

    static func unstructured(_ text: String) -> String { isPlain(text) && text.utf8.count <= 900 ? text : encoded(text) }

    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { (32...126).contains($0) } && !text.contains("=?")
    }

    /// Encoded words of at most 75 characters, folded (RFC 2047 §2); no character is cut in two.
    private static func encoded(_ text: String) -> String {
        var (words, word) = ([String](), "")
        for scalar in text.unicodeScalars {
            let next = String(scalar).utf8.map(sign).joined()
            if word.utf8.count + next.utf8.count > 60 {
                words.append(word)
                word = ""
            }
            word += next
        }
        return (words + [word]).map { "=?UTF-8?Q?\($0)?=" }.joined(separator: "\r\n ")
    }

    private static func sign(_ byte: UInt8) -> String {
        let isLetterOrDigit = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        return isLetterOrDigit ? String(Unicode.Scalar(byte)) : byte == 32 ? "_" : "=\(hexadecimal(byte))"
    }
}

/// A body as lines of at most 76 ASCII characters that end in CRLF (RFC 2045 §6.7).
enum QuotedPrintable {
    static func text(_ body: String) -> String {
        body.split(separator: "\n", omittingEmptySubsequences: false).map { line($0.utf8) }.joined(separator: "\r\n")
    }

    private static func line(_ bytes: some BidirectionalCollection<UInt8>) -> String {
        var (folded, length) = ("", 0)
        for (index, byte) in zip(bytes.indices, bytes) {
            let isLast = bytes.index(after: index) == bytes.endIndex
            let sign = sign(byte, isLast: isLast)
            // One place is kept for the sign that says the line goes on.
            if length + sign.utf8.count > 75 {
                folded += "=\r\n"
                length = 0
            }
            folded += sign
            length += sign.utf8.count
        }
        return folded
    }

    private static func sign(_ byte: UInt8, isLast: Bool) -> String {
        let isBlankInside = byte == 32 && !isLast
        let isPlain = (33...126).contains(byte) && byte != UInt8(ascii: "=")
        return isBlankInside || isPlain ? String(Unicode.Scalar(byte)) : "=\(hexadecimal(byte))"
    }
}

private func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) }

/// `Mon, 02 Mar 2026 05:00:00 +0000` (RFC 5322 §3.3).
enum MailDate {
    static func text(_ instant: Instant) -> String {
        let seconds = instant.secondsSince1970
        let days = seconds.flooredDivision(by: 86_400)
        let day = CalendarDay(number: Int(days))
        let (year, month, number) = day.parts
        let second = Int(seconds - days * 86_400)
        let time = [second / 3600, second / 60 % 60, second % 60].map(two).joined(separator: ":")
        return "\(weekdays[day.weekday - 1]), \(two(number)) \(months[month - 1]) \(year) \(time) +0000"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
