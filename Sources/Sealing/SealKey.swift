import Crypto

/// What signs seals: an Ed25519 key (RFC 8032).
public struct SealKey: Sendable {
    private let key: Curve25519.Signing.PrivateKey

    public static let byteCount = 32

    /// - Parameter secret: 32 random bytes. Nil when they are not that many.
    public init?(secret: some Sequence<UInt8>) {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: Array(secret)) else { return nil }
        self.key = key
    }

    /// 32 bytes, for whoever verifies.
    public var publicKey: [UInt8] { Array(key.publicKey.rawRepresentation) }

    /// 64 bytes.
    public func signature(of bytes: [UInt8]) throws -> [UInt8] { Array(try key.signature(for: bytes)) }

    public static func hasSigned(_ publicKey: [UInt8], _ bytes: [UInt8], _ signature: [UInt8]) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return false }
        return key.isValidSignature(signature, for: bytes)
    }
}
