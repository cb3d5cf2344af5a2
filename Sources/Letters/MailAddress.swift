public import Notation

/// Where an e-mail goes. There is none with a line break, a blank or a sign that means something to a mail server, so no header and
/// no command can be smuggled in by way of an address.
public struct MailAddress: Sendable, Hashable {
    /// In small letters, as it is looked up: `emma@clinic.example`.
    public let text: Personal<String>

    /// 254 characters are what fits between SMTP's angle brackets (RFC 5321 §4.5.3.1.3).
    public static let lengthMaximum = 254

    /// Nil unless it is a plain address: local part of letters, digits and RFC 5322's `atext` with single dots between, a host name of
    /// ASCII letters, digits and hyphens. Quoted local parts exist, and nobody's mailbox has one.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard text.utf8.count <= Self.lengthMaximum, parts.count == 2, Self.isLocal(parts[0]), Self.isHost(parts[1]) else {
            return nil
        }
        self.text = Personal(text.lowercased())
    }

    /// Behind the sign: `clinic.example`.
    public var host: String { String(text.revealed.split(separator: "@")[1]) }

    private static func isLocal(_ part: some StringProtocol) -> Bool {
        part.utf8.count <= 64
            && part.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { atom in
                !atom.isEmpty && atom.allSatisfy { isLetterOrDigit($0) || signs.contains($0) }
            }
    }

    private static func isHost(_ part: some StringProtocol) -> Bool {
        part.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count) && label.first != hyphen && label.last != hyphen
                && label.allSatisfy { isLetterOrDigit($0) || $0 == hyphen }
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }

    private static let hyphen = UInt8(ascii: "-")
    private static let signs = Set("!#$%&'*+-/=?^_`{|}~".utf8)
}
