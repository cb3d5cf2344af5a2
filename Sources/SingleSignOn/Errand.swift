import Crypto
import Foundation
public import Identity
public import Notation
public import People

/// What a browser takes along to the provider and brings back, sealed: nobody else began this sign-in, and nobody can change what it asked
/// for.
public struct SignOnErrand: Sendable, Equatable {
    public let provider: String
    /// Said by the provider when it sends the browser back: 256 random bits, as are the other two.
    public let state: String
    /// Said by the provider in the ID token.
    public let nonce: String
    /// What only whoever began can say to redeem the code (RFC 7636).
    public let verifier: String
    public let begun: Instant
    /// As what they want to sign in, where they may be several things.
    public let role: Role?

    /// How long somebody may take at the provider.
    public static let patience = Span.minutes(10)

    public init(provider: String, role: Role?, at now: Instant, _ random: any RandomSource) {
        func words() -> String { Base64URL.text((0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) }) }
        self.init(provider: provider, role: role, state: words(), nonce: words(), verifier: words(), begun: now)
    }

    init(provider: String, role: Role?, state: String, nonce: String, verifier: String, begun: Instant) {
        self.provider = provider
        self.role = role
        self.state = state
        self.nonce = nonce
        self.verifier = verifier
        self.begun = begun
    }

    /// RFC 7636 §4.2, S256.
    public var challenge: String { Base64URL.text(SHA256.hash(data: Array(verifier.utf8))) }

    /// Whether the answer is to this errand; as slow whichever sign is wrong.
    public func isAnswered(by state: String) -> Bool {
        let (left, right) = (Array(self.state.utf8), Array(state.utf8))
        return left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    public func isFresh(at now: Instant) -> Bool { begun <= now && now < begun + Self.patience }

    public func sealed(with ring: Keyring) throws -> String {
        let content = [provider, state, nonce, verifier, String(begun.microseconds), role?.rawValue ?? "-"].joined(separator: " ")
        return Base64URL.text(try ring.sealed(passing: Array(content.utf8), for: Self.purpose, at: begun))
    }

    /// Nil unless a secret of the ring has sealed it.
    public init?(_ text: String, sealedWith ring: Keyring) {
        guard let sealed = Base64URL.bytes(text), let bytes = ring.opened(passing: sealed, for: Self.purpose) else { return nil }
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init)
        guard words.count == 6, let begun = Int64(words[4]) else { return nil }
        self.init(
            provider: words[0], role: Role(rawValue: words[5]), state: words[1], nonce: words[2], verifier: words[3],
            begun: Instant(microseconds: begun))
    }

    private static let purpose = "mediconnect sign-on errand"
}

/// RFC 4648 §5, without padding.
public enum Base64URL {
    public static func text(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// Nil when it is anything else, or is written in another way than `text` writes it.
    public static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.allSatisfy({ isDigit($0) }) else { return nil }
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        let plain = String(text).replacing("-", with: "+").replacing("_", with: "/") + padding
        // The last digit may have bits that stand for nothing; of the ways to write them one is taken (§3.5), or a seal would be good under
        // several texts.
        guard let bytes = Data(base64Encoded: plain).map(Array.init), self.text(bytes) == String(text) else { return nil }
        return bytes
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
