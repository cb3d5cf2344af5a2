import Crypto
public import Notation

/// What an authenticator app and the clinic share: from it and the time both make the same six digits (TOTP, RFC 6238, with SHA-1
/// and 30 seconds, which every app understands).
public struct OneTimeSecret: Sendable, Equatable {
    let bytes: [UInt8]

    /// 160 bits, as RFC 4226 §4 asks for.
    public static let byteCount = 20
    private static let stepSeconds: Int64 = 30

    /// Nil unless there are `byteCount` of them.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    public static func make(_ random: any RandomSource) -> OneTimeSecret {
        OneTimeSecret(bytes: (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) })!
    }

    /// For whoever types it: 32 letters and digits (RFC 4648 §6).
    public var text: String { Base32.text(bytes) }

    /// As an authenticator reads it; nil when it is none.
    public init?(typed text: String) {
        guard let bytes = Base32.bytes(text) else { return nil }
        self.init(bytes: bytes)
    }

    /// For whoever takes a picture of it.
    ///
    /// - Parameters:
    ///   - issuer: The clinic, as the app shows it.
    ///   - account: The login, as the app shows it.
    public func address(issuer: String, account: String) -> String {
        "otpauth://totp/\(Self.escaped(issuer)):\(Self.escaped(account))?secret=\(text)&issuer=\(Self.escaped(issuer))"
    }

    /// Which step a code is for: the present one, the one before or the one after, because clocks differ. Nil when it is for none of them,
    /// or for one that is not after `last`: each is good once (RFC 6238 §5.2).
    public func step(of code: String, at now: Instant, after last: Int) -> Int? {
        let present = Int(now.secondsSince1970 / Self.stepSeconds)
        // All three are looked at, whichever fits.
        let fitting = (present - 1...present + 1).filter { Self.isSame(self.code(for: $0), code) }
        return fitting.first { $0 > last }
    }

    /// The six digits of a moment.
    public func code(at now: Instant) -> String { code(for: Int(now.secondsSince1970 / Self.stepSeconds)) }

    private func code(for step: Int) -> String {
        let counter = (0..<8).reversed().map { UInt8(truncatingIfNeeded: UInt64(bitPattern: Int64(step)) >> UInt64($0 * 8)) }
        let digest = Array(HMAC<Insecure.SHA1>.authenticationCode(for: counter, using: SymmetricKey(data: bytes)))
        let offset = Int(digest[19] & 0xF)
        let number = digest[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        let digits = String(number % 1_000_000)
        return String(repeating: "0", count: 6 - digits.count) + digits
    }

    /// Takes as long for any two texts of one length.
    private static func isSame(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        return left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            let sign = Character(Unicode.Scalar(byte))
            let isPlain = sign.isASCII && (sign.isLetter || sign.isNumber || "-._~".contains(sign))
            return isPlain ? String(sign) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}

/// Seals one-time secrets for the database: AES-256-GCM, bound to the account, so that one that is moved to another account opens
/// nothing.
public struct OneTimeVault: Sendable {
    private let key: SymmetricKey

    /// - Parameter secret: the clinic's, 32 bytes or more.
    public init(secret: [UInt8]) { key = DerivedKey.make(from: secret, for: "mediconnect one-time secrets") }

    public func sealed(_ secret: OneTimeSecret, for account: String) throws -> [UInt8] {
        let box = try AES.GCM.seal(secret.bytes, using: key, authenticating: Array(account.utf8))
        return Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    }

    /// Nil when it was sealed for another account, with another key, or was changed.
    public func opened(_ sealed: [UInt8], for account: String) -> OneTimeSecret? {
        guard let box = try? AES.GCM.SealedBox(combined: sealed),
            let bytes = try? AES.GCM.open(box, using: key, authenticating: Array(account.utf8))
        else { return nil }
        return OneTimeSecret(bytes: Array(bytes))
    }
}

/// What gets somebody in whose authenticator is gone: ten of them, each good once. 120 random bits: from 112 on nobody finds one by trying
/// however quick the hash is, so a digest keeps them and none that is slow has to (ASVS 6.5.2).
public struct RecoveryCode: Sendable, Equatable {
    public static let count = 10
    /// `k7qm-2x9d-aaaa-zzzz-3f5h-bcde`
    public let text: String

    private static let byteCount = 15
    /// Of five bits each.
    private static let letterCount = byteCount * 8 / 5

    public static func make(_ random: any RandomSource) -> RecoveryCode {
        RecoveryCode(Array(Base32.text((0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }).lowercased()))
    }

    /// As it was typed: hyphens, blanks and capitals do not count. Nil when it cannot be one.
    public init?(typed: String) {
        let letters = Array(typed.lowercased().filter { $0 != "-" && $0 != " " })
        guard letters.count == Self.letterCount, letters.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) else {
            return nil
        }
        self.init(letters)
    }

    private init(_ letters: [Character]) {
        text = stride(from: 0, to: letters.count, by: 4).map { String(letters[$0..<$0 + 4]) }.joined(separator: "-")
    }

    /// What is kept of it.
    public func digest(with secret: [UInt8]) -> [UInt8] {
        DerivedKey.digest(of: text, from: secret, for: "mediconnect recovery codes")
    }
}

enum Base32 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")

    /// Nil when it is anything else than digits in eights.
    static func bytes(_ text: String) -> [UInt8]? {
        let values = text.map { digits.firstIndex(of: $0) }
        guard values.count.isMultiple(of: 8), !values.contains(nil) else { return nil }
        return stride(from: 0, to: values.count, by: 8).flatMap { start in
            let group = values[start..<start + 8].reduce(UInt64(0)) { $0 << 5 | UInt64($1 ?? 0) }
            return (0..<5).map { UInt8(truncatingIfNeeded: group >> UInt64(32 - 8 * $0)) }
        }
    }

    /// Of bytes in fives; there is no padding.
    static func text(_ bytes: [UInt8]) -> String {
        precondition(bytes.count.isMultiple(of: 5))
        return stride(from: 0, to: bytes.count, by: 5).map { start in
            let group = bytes[start..<start + 5].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return String((0..<8).map { digits[Int(group >> UInt64(35 - 5 * $0) & 31)] })
        }.joined()
    }
}
