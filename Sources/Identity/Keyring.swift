import Crypto
public import Notation
import Sealing

/// The secrets of a clinic: one that seals what is given out, those before it, whose tokens are good until they end, and what lasts of those
/// that are gone.
///
/// A secret is not used as it is. From each come a key for access tokens, one for refresh tokens, both of which go when it goes, and a
/// lasting secret for what the database keeps for years: authenticators and recovery codes. When a secret is retired the lasting one stays,
/// from which neither of the others can be made.
public struct Keyring: Sendable, Equatable {
    public struct Key: Sendable, Equatable {
        /// Sixteen hexadecimal digits, made from the secret: nodes with the same secret agree, and no name has to be kept.
        public let id: String
        /// From when on it seals, until the next does.
        public let since: Instant
        let secret: [UInt8]
        /// HMAC-SHA-256 with these 32 bytes signs access tokens, and nothing else does (RFC 8725 §3.1).
        public let accessSecret: [UInt8]
        let refreshKey: RefreshKey
        let csrfKey: SymmetricKey
        let passingKey: SymmetricKey
        let lasting: LastingSecret

        public init(secret: [UInt8], since: Instant = Instant(microseconds: 0)) {
            precondition(secret.count >= Keyring.secretBytes, "a secret has at least 32 bytes")
            self.secret = secret
            self.since = since
            id = String(DerivedKey.text(of: "id", from: secret, for: "mediconnect key id").prefix(Keyring.idLength))
            accessSecret = DerivedKey.digest(of: "key", from: secret, for: "mediconnect access token")
            refreshKey = RefreshKey(secret: secret)
            csrfKey = DerivedKey.make(from: secret, for: "mediconnect csrf token")
            passingKey = DerivedKey.make(from: secret, for: "mediconnect passing content")
            lasting = LastingSecret(of: secret)
        }

        public static func == (left: Key, right: Key) -> Bool { left.secret == right.secret && left.since == right.since }
    }

    public static let secretBytes = 32
    public static let idLength = 16

    /// By the moment from which they seal; never empty.
    public let keys: [Key]
    /// Of secrets that are gone, oldest first.
    let kept: [LastingSecret]

    /// Nil unless there is a key, and each is another and begins after the one before.
    init?(keys: [Key], kept: [LastingSecret] = []) {
        guard !keys.isEmpty, zip(keys, keys.dropFirst()).allSatisfy({ $0.since < $1.since }),
            Set(keys.map(\.id)).count == keys.count
        else { return nil }
        self.keys = keys
        self.kept = kept
    }

    /// Of one secret, 32 bytes or more.
    public init(secret: [UInt8]) { self.init(keys: [Key(secret: secret)])! }

    public func key(_ id: String) -> Key? { keys.first { $0.id == id } }

    /// The key that seals now.
    public func sealing(at now: Instant) -> Key { keys.last { $0.since <= now } ?? keys[0] }

    /// The key that will seal, where one waits for its time.
    public func coming(at now: Instant) -> Key? { keys.last.flatMap { $0.since > now ? $0 : nil } }

    /// When the key ceased to seal, or will; nil for the newest.
    public func end(of id: String) -> Instant? {
        keys.firstIndex { $0.id == id }.flatMap { $0 + 1 < keys.count ? keys[$0 + 1].since : nil }
    }
}

// What becomes of it.
extension Keyring {
    /// With one more secret, which seals from a moment on. Nil when that is not after all the others.
    public func adding(_ secret: [UInt8], since: Instant) -> Keyring? {
        Keyring(keys: keys + [Key(secret: secret, since: since)], kept: kept)
    }

    /// Without a secret: nothing it has sealed for anybody is good any more, and what the database keeps stays readable. Nil for the last one,
    /// and for one that is not there.
    public func retiring(_ id: String) -> Keyring? {
        guard let gone = key(id) else { return nil }
        return Keyring(keys: keys.filter { $0.id != id }, kept: kept + [gone.lasting])
    }

    /// Those that have not sealed for so long that nothing of theirs is good any more.
    public func outlived(at now: Instant, memory: Span) -> [Key] {
        keys.filter { key in end(of: key.id).map { $0 + memory < now } ?? false }
    }
}

// What is done with it.
extension Keyring {
    /// Of the secret there was first: for what must not change when secrets do.
    public var founding: [UInt8] { lasting[0].bytes }

    /// Oldest first.
    var lasting: [LastingSecret] { kept + keys.map(\.lasting) }

    /// Nil unless a key of the ring has sealed it.
    public func refreshToken(_ text: String) -> RefreshToken? {
        for key in keys.reversed() { if let token = RefreshToken(text, sealedWith: key.refreshKey) { return token } }
        return nil
    }

    public func text(of token: RefreshToken, at now: Instant) -> String { token.text(sealedWith: sealing(at: now).refreshKey) }

    /// What the page of a session says to show that it is not another site's: 64 hexadecimal digits.
    public func csrfToken(of session: ID<Session>, at now: Instant) -> String {
        let name = Array(session.description.utf8)
        return Hexadecimal.text(HMAC<SHA256>.authenticationCode(for: name, using: sealing(at: now).csrfKey))
    }

    /// Whether a key of the ring made it for this session; as slow whichever digit is wrong.
    public func isCSRFToken(_ text: String, of session: ID<Session>) -> Bool {
        guard text.utf8.count == 64, let code = Hexadecimal.bytes(text) else { return false }
        let name = Array(session.description.utf8)
        return keys.contains { HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: name, using: $0.csrfKey) }
    }

    /// Seals something for a short while, so that nobody reads or changes it and it is good for one purpose: AES-256-GCM.
    public func sealed(passing content: [UInt8], for purpose: String, at now: Instant) throws -> [UInt8] {
        let box = try AES.GCM.seal(content, using: sealing(at: now).passingKey, authenticating: Array(purpose.utf8))
        return Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    }

    /// Nil unless a key of the ring sealed it for this purpose, and nobody has changed it.
    public func opened(passing sealed: [UInt8], for purpose: String) -> [UInt8]? {
        guard let box = try? AES.GCM.SealedBox(combined: sealed) else { return nil }
        for key in keys.reversed() {
            if let content = try? AES.GCM.open(box, using: key.passingKey, authenticating: Array(purpose.utf8)) {
                return Array(content)
            }
        }
        return nil
    }

    public func sealed(_ secret: OneTimeSecret, for account: String, at now: Instant) throws -> [UInt8] {
        try OneTimeVault(secret: sealing(at: now).lasting.bytes).sealed(secret, for: account)
    }

    /// Nil when it was sealed for another account, with a secret that was never on this ring, or was changed.
    public func opened(_ sealed: [UInt8], for account: String) -> OneTimeSecret? {
        for secret in lasting.reversed() {
            if let opened = OneTimeVault(secret: secret.bytes).opened(sealed, for: account) { return opened }
        }
        return nil
    }

    /// What is kept of a recovery code that is given out now.
    public func digest(of code: RecoveryCode, at now: Instant) -> [UInt8] {
        code.digest(with: sealing(at: now).lasting.bytes)
    }

    /// All that may be kept of a recovery code, newest first.
    public func digests(of code: RecoveryCode) -> [[UInt8]] { lasting.reversed().map { code.digest(with: $0.bytes) } }
}

/// What stays of a secret when it is gone.
struct LastingSecret: Sendable, Equatable {
    let bytes: [UInt8]

    init(of secret: [UInt8]) { bytes = DerivedKey.digest(of: "key", from: secret, for: "mediconnect lasting secret") }

    /// Nil unless there are 32.
    init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }
}
