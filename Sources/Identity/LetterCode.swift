import Crypto
public import Notation
import Sealing

/// What stands behind the `#` of a letter's link: which letter, and a seal of 128 bits that only the clinic's secret makes. The database keeps
/// neither it nor a digest of it, so nobody who reads the database, its queue or a copy of them can do what a letter asks for; and it
/// is made anew each time the letter is written, so that a letter sent twice is the same letter.
public struct LetterCode: Sendable, Equatable {
    public let letter: ID<AccountLetter>

    public init(letter: ID<AccountLetter>) { self.letter = letter }

    /// For scanners that look for secrets where they should not be.
    private static let prefix = "mcl_"
    private static let sealBytes = 16

    public func text(sealedWith key: LetterKey) -> String {
        Self.prefix + Hexadecimal.text(content + Self.seal(content, key))
    }

    /// Nil unless it was sealed with this key. Takes as long for any seal that is wrong.
    public init?(_ text: String, sealedWith key: LetterKey) {
        guard text.hasPrefix(Self.prefix), text.utf8.count == Self.prefix.utf8.count + 2 * (16 + Self.sealBytes),
            let bytes = Hexadecimal.bytes(String(text.dropFirst(Self.prefix.count)))
        else { return nil }
        let own = Self.seal(Array(bytes[..<16]), key)
        guard zip(own, bytes[16...]).reduce(UInt8(0), { $0 | ($1.0 ^ $1.1) }) == 0 else { return nil }
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(letter: ID(high: number(0..<8), low: number(8..<16)))
    }

    private var content: [UInt8] {
        [letter.high, letter.low].flatMap { number in
            (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }
        }
    }

    private static func seal(_ content: [UInt8], _ key: LetterKey) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: content, using: key.key).prefix(sealBytes))
    }
}

/// Seals the codes in letters. Made from the clinic's secret, and of no use for anything else that is made from it.
public struct LetterKey: Sendable {
    let key: SymmetricKey

    /// - Parameter secret: 32 bytes or more.
    public init(secret: [UInt8]) { key = DerivedKey.make(from: secret, for: "mediconnect letter codes") }
}

/// The label of a letter's identifier.
public enum AccountLetter {}

extension Keyring {
    /// The code of a letter that was asked for at a moment: with the secret that sealed then, so that a letter sent again after a rotation is the
    /// same letter.
    public func text(of code: LetterCode, at asked: Instant) -> String {
        code.text(sealedWith: LetterKey(secret: sealing(at: asked).secret))
    }

    /// Nil unless a key of the ring has sealed it.
    public func letterCode(_ text: String) -> LetterCode? {
        for key in keys.reversed() { if let code = LetterCode(text, sealedWith: LetterKey(secret: key.secret)) { return code } }
        return nil
    }
}
