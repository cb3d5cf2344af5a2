import CSodium

/// A password as it is kept: Argon2id with a salt of its own, in the text form of its reference implementation (RFC 9106):
/// `$argon2id$v=19$m=65536,t=2,p=1$…`. The text carries its own parameters, so old ones stay readable when new ones cost more.
public struct PasswordHash: Sendable, Equatable {
    public let text: String

    public init(text: String) { self.text = text }

    /// What making and comparing cost.
    public struct Cost: Sendable {
        public var passes: UInt64
        public var bytes: Int

        /// Two passes over 64 MiB: three times the memory OWASP asks for with two passes. About 80 ms of one core.
        public static let usual = Cost(passes: 2, bytes: 64 << 20)
        /// The least there is, for tests that are about something else.
        public static let least = Cost(passes: 1, bytes: 8 << 10)
    }

    /// Throws `Exhausted` when the machine has no memory for it. Takes its time: not for a thread that others wait for.
    public static func make(of password: Password, cost: Cost = .usual) throws(Exhausted) -> PasswordHash {
        precondition(isReady, "libsodium does not start")
        let typed = password.characters
        var text = [CChar](repeating: 0, count: crypto_pwhash_strbytes())
        let code = crypto_pwhash_str(&text, typed, UInt64(typed.count - 1), cost.passes, cost.bytes)
        guard code == 0 else { throw Exhausted() }
        return PasswordHash(text: String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    /// Whether it was made of this password. As slow as making it, whichever the answer.
    public func matches(_ password: Password) -> Bool {
        precondition(Self.isReady, "libsodium does not start")
        let typed = password.characters
        return crypto_pwhash_str_verify(text, typed, UInt64(typed.count - 1)) == 0
    }

    /// Whether it was made at another cost than is asked for today.
    public func isOutdated(for cost: Cost = .usual) -> Bool {
        crypto_pwhash_str_needs_rehash(text, cost.passes, cost.bytes) != 0
    }

    public struct Exhausted: Error {}

    private static let isReady = sodium_init() >= 0
}

extension PasswordHash {
    /// Of no password. To compare with it takes as long as with any other, for logins nobody has.
    public static func ofNobody(cost: Cost) -> PasswordHash {
        let (salt, digest) = (String(repeating: "A", count: 22), String(repeating: "A", count: 43))
        return PasswordHash(text: "$argon2id$v=19$m=\(cost.bytes / 1_024),t=\(cost.passes),p=1$\(salt)$\(digest)")
    }

    /// Whether no password matches it.
    public var isOfNobody: Bool { text.hasSuffix("$\(String(repeating: "A", count: 22))$\(String(repeating: "A", count: 43))") }
}
