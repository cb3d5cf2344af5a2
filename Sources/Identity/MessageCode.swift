import Crypto
public import Notation

/// What stands in a link of a message to a patient: which message, what it may be used for, and a seal of 128 bits that only the clinic's
/// secret makes. It says nothing about anybody, and is kept nowhere: whoever reads the database cannot answer in a patient's place.
public struct MessageCode: Sendable, Equatable {
    public enum Purpose: String, Sendable, CaseIterable {
        /// To say what becomes of a visit.
        case answer
        /// To get no more of them, and nothing else: it stands in an address that servers on the way may note.
        case unsubscribe
    }

    public let message: ID<MessageCode>
    public let purpose: Purpose

    public init(message: ID<MessageCode>, purpose: Purpose) {
        self.message = message
        self.purpose = purpose
    }

    private static let sealBytes = 16
    /// Short, for text messages: 43 signs after the prefix.
    private static let length = 43

    /// For scanners that look for secrets where they should not be.
    private var prefix: String { Self.prefix(purpose) }
    private static func prefix(_ purpose: Purpose) -> String { purpose == .answer ? "mca_" : "mcu_" }

    func text(sealedWith secret: [UInt8]) -> String {
        prefix + ShortText.text(content + Self.seal(content, purpose, secret))
    }

    /// Nil unless it was sealed with this secret for this purpose. Takes as long for any seal that is wrong.
    init?(_ text: String, for purpose: Purpose, sealedWith secret: [UInt8]) {
        let prefix = Self.prefix(purpose)
        guard text.hasPrefix(prefix), text.utf8.count == prefix.utf8.count + Self.length,
            let bytes = ShortText.bytes(text.utf8.dropFirst(prefix.utf8.count)), bytes.count == 16 + Self.sealBytes
        else { return nil }
        let own = Self.seal(Array(bytes[..<16]), purpose, secret)
        guard zip(own, bytes[16...]).reduce(UInt8(0), { $0 | ($1.0 ^ $1.1) }) == 0 else { return nil }
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(message: ID(high: number(0..<8), low: number(8..<16)), purpose: purpose)
    }

    private var content: [UInt8] {
        [message.high, message.low].flatMap { number in
            (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }
        }
    }

    /// Each purpose has a key of its own, so that a code for one is none for another.
    private static func seal(_ content: [UInt8], _ purpose: Purpose, _ secret: [UInt8]) -> [UInt8] {
        let key = DerivedKey.make(from: secret, for: "mediconnect message code \(purpose.rawValue)")
        return Array(HMAC<SHA256>.authenticationCode(for: content, using: key).prefix(sealBytes))
    }
}

extension Keyring {
    /// With the secret that sealed when the message was made, so that one written again is the same message.
    public func text(of code: MessageCode, at made: Instant) -> String { code.text(sealedWith: sealing(at: made).secret) }

    /// Nil unless a key of the ring has sealed it for this purpose.
    public func messageCode(_ text: String, for purpose: MessageCode.Purpose) -> MessageCode? {
        for key in keys.reversed() {
            if let code = MessageCode(text, for: purpose, sealedWith: key.secret) { return code }
        }
        return nil
    }
}

/// Bytes as letters, digits, `-` and `_` (base64url without padding, RFC 4648 §5).
private enum ShortText {
    private static let signs = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var (text, bits, count) = ([UInt8](), UInt32(0), 0)
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(signs[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { text.append(signs[Int(bits << UInt32(6 - count) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for other signs, and for what no bytes are written as: a code has one spelling.
    static func bytes(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var (bytes, bits, count) = ([UInt8](), UInt32(0), 0)
        for sign in text {
            guard let value = signs.firstIndex(of: sign) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bits & ((1 << UInt32(count)) - 1) == 0 ? bytes : nil
    }
}
