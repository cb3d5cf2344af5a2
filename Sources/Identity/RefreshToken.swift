import Crypto
public import Notation
import Sealing

/// What a session is continued with: which session, which turn of it, and a seal that only the clinic's secret makes. The database
/// keeps the turn alone, so whoever reads it, or a dump of it, can continue nobody's session.
///
/// Made from session and turn, the successor of a token is always the same one: a client whose answer was lost asks again and is
/// given what it would have been given.
public struct RefreshToken: Sendable, Equatable {
    public let session: ID<Session>
    /// Counts from 1.
    public let turn: Int

    public init(session: ID<Session>, turn: Int) {
        self.session = session
        self.turn = turn
    }

    /// For scanners that look for secrets where they should not be.
    private static let prefix = "mcr_"

    public func text(sealedWith key: RefreshKey) -> String {
        Self.prefix + Hexadecimal.text(content + Array(HMAC<SHA256>.authenticationCode(for: content, using: key.key)))
    }

    /// Nil unless it was sealed with this key.
    public init?(_ text: String, sealedWith key: RefreshKey) {
        guard text.hasPrefix(Self.prefix), text.utf8.count == Self.prefix.utf8.count + 2 * (20 + 32),
            let bytes = Hexadecimal.bytes(String(text.dropFirst(Self.prefix.count))),
            HMAC<SHA256>.isValidAuthenticationCode(bytes[20...], authenticating: bytes[..<20], using: key.key)
        else { return nil }
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(session: ID(high: number(0..<8), low: number(8..<16)), turn: Int(number(16..<20)))
    }

    private var content: [UInt8] {
        func bytes(_ number: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }
        }
        return bytes(session.high, 8) + bytes(session.low, 8) + bytes(UInt64(turn), 4)
    }
}

/// Seals refresh tokens. Made from the clinic's secret, and of no use for anything else that is made from it.
public struct RefreshKey: Sendable {
    let key: SymmetricKey

    /// - Parameter secret: 32 bytes or more.
    public init(secret: [UInt8]) { key = DerivedKey.make(from: secret, for: "mediconnect refresh token") }
}

/// Keys of their own for every purpose, from one secret (HKDF, RFC 5869).
public enum DerivedKey {
    static func make(from secret: [UInt8], for purpose: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: secret), info: Array(purpose.utf8), outputByteCount: 32)
    }

    /// The same as text: 64 hexadecimal digits.
    public static func text(of name: String, from secret: [UInt8], for purpose: String) -> String {
        Hexadecimal.text(digest(of: name, from: secret, for: purpose))
    }

    /// 32 bytes that stand for a name where the name itself should not be written.
    public static func digest(of name: String, from secret: [UInt8], for purpose: String) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(name.utf8), using: make(from: secret, for: purpose)))
    }
}

/// The label of a session's identifier.
public enum Session {}
