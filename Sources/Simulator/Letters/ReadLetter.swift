import Foundation

/// What a letter says to whoever reads it: subject and plain text (RFC 5322, 2045 to 2047). What cannot be read is shown as it came.
struct ReadLetter: Sendable {
    let messageID: String?
    let subject: String
    let text: String
    let hasHTML: Bool

    /// So many signs of it are kept.
    private static let most = 50_000

    init(_ bytes: [UInt8]) {
        let part = MIMEPart(bytes[...])
        messageID = part["message-id"].flatMap { $0.isEmpty ? nil : $0 }
        subject = String(EncodedWords.plain(part["subject"] ?? "").prefix(1_000))
        let leaves = part.leaves
        text = String(((leaves.first { $0.type == "text/plain" } ?? leaves.first)?.text ?? "").prefix(Self.most))
        hasHTML = leaves.contains { $0.type == "text/html" }
    }
}

/// Headers and what they say of what follows.
private struct MIMEPart {
    private let fields: [(name: String, value: String)]
    private let body: ArraySlice<UInt8>

    /// A letter in a letter in a letter is nobody's who writes to patients.
    private static let deepest = 5

    init(_ bytes: ArraySlice<UInt8>) {
        var (fields, rest) = ([(name: String, value: String)](), bytes)
        while let end = rest.firstIndex(of: 0x0A) {
            let line = String(decoding: rest[..<end], as: UTF8.self).trimmingSuffix(["\r"])
            rest = rest[(end + 1)...]
            if line.isEmpty { break }
            if let first = line.first, first == " " || first == "\t", !fields.isEmpty {
                fields[fields.count - 1].value += " " + line.trimmingCharacters(in: .whitespaces)
            } else if let colon = line.firstIndex(of: ":") {
                let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
                fields.append((line[..<colon].lowercased(), value))
            }
        }
        (self.fields, body) = (fields, rest)
    }

    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// `text/plain`, in small letters.
    var type: String {
        let value = self["content-type"]?.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
        return value ?? "text/plain"
    }

    /// What is no box of others, in its order.
    var leaves: [MIMEPart] { leaves(Self.deepest) }

    private func leaves(_ depth: Int) -> [MIMEPart] {
        guard type.hasPrefix("multipart/"), depth > 0, let boundary else { return [self] }
        return parts(between: Array("--\(boundary)".utf8)).flatMap { $0.leaves(depth - 1) }
    }

    private var boundary: String? {
        let found = self["content-type"]?.firstMatch(of: #/(?i)boundary=(?:"([^"]+)"|([^\s;"]+))/#)
        return found.map { String($0.1 ?? $0.2 ?? "") }.flatMap { $0.isEmpty ? nil : $0 }
    }

    private func parts(between mark: [UInt8]) -> [MIMEPart] {
        var (parts, start, rest) = ([MIMEPart](), Int?.none, body)
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 0x0A).map { $0 + 1 } ?? rest.endIndex
            if rest[..<end].starts(with: mark) {
                if let start { parts.append(MIMEPart(body[start..<rest.startIndex])) }
                start = end
                // The last one has two more.
                if rest[..<end].dropFirst(mark.count).starts(with: [0x2D, 0x2D]) { return parts }
            }
            rest = rest[end...]
        }
        if let start { parts.append(MIMEPart(body[start...])) }
        return parts
    }

    var text: String {
        let bytes =
            switch self["content-transfer-encoding"]?.lowercased() {
            case "quoted-printable": EncodedWords.bytes(quoted: Array(body), inHeader: false)
            case "base64": Data(base64Encoded: Data(body), options: .ignoreUnknownCharacters).map { Array($0) } ?? Array(body)
            default: Array(body)
            }
        return String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
    }
}

private enum EncodedWords {
    /// `=?utf-8?Q?Gr=C3=BC=C3=9Fe?=` (RFC 2047). Between two of them white space means nothing.
    static func plain(_ text: String) -> String {
        let word = #/=\?[^?\s]+\?([QqBb])\?([^?\s]*)\?=/#
        var (plain, rest, isBehindOne) = ("", text[...], false)
        while let found = rest.firstMatch(of: word) {
            let between = rest[..<found.range.lowerBound]
            if !(isBehindOne && between.allSatisfy(\.isWhitespace)) { plain += between }
            let code = Array(found.2.utf8)
            let bytes =
                found.1.uppercased() == "Q"
                ? bytes(quoted: code, inHeader: true) : Data(base64Encoded: String(found.2)).map { Array($0) } ?? code
            plain += String(decoding: bytes, as: UTF8.self)
            (rest, isBehindOne) = (rest[found.range.upperBound...], true)
        }
        return plain + rest
    }

    /// `=C3`, and outside of headers `=` at a line's end (RFC 2045 §6.7).
    static func bytes(quoted: [UInt8], inHeader: Bool) -> [UInt8] {
        var (bytes, index) = ([UInt8](), 0)
        while index < quoted.count {
            let (byte, left) = (quoted[index], quoted.count - index)
            if byte == 0x3D, left > 2, let high = digit(quoted[index + 1]), let low = digit(quoted[index + 2]) {
                bytes.append(high << 4 | low)
                index += 3
            } else if byte == 0x3D, left > 2, quoted[index + 1] == 0x0D, quoted[index + 2] == 0x0A {
                index += 3
            } else {
                bytes.append(byte == 0x5F && inHeader ? 0x20 : byte)
                index += 1
            }
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}

extension String {
    /// Without these signs at its end.
    fileprivate func trimmingSuffix(_ signs: Set<Unicode.Scalar>) -> String {
        var scalars = Substring(self).unicodeScalars
        while let last = scalars.last, signs.contains(last) { scalars.removeLast() }
        return String(String.UnicodeScalarView(scalars))
    }
}
