import Crypto

/// What wraps the keys of clinics, so that a database, a dump or a backup alone opens nothing. It may be a file on this machine
/// or a service that never gives its key away (KMS, HSM); such a service may take its time, so both doors are `async`.
public protocol MasterKeys: Sendable {
    /// - Parameter context: what the key is for; it opens with the same context only.
    func wrap(_ key: [UInt8], for context: [UInt8]) async throws -> WrappedKey
    /// Throws `.masterKeyMissing` when it was wrapped by none of these.
    func unwrap(_ wrapped: WrappedKey, for context: [UInt8]) async throws -> [UInt8]
}

public struct WrappedKey: Sendable, Equatable {
    /// Which master key wrapped it; says nothing about the key itself.
    public let master: String
    public let bytes: [UInt8]

    public init(master: String, bytes: [UInt8]) {
        self.master = master
        self.bytes = bytes
    }
}

/// Master keys in this process's memory: the first wraps, all unwrap, so that a new one takes over without a stop.
public struct LocalMasterKeys: MasterKeys {
    public static let byteCount = 32
    private let keys: [(name: String, key: SymmetricKey)]

    /// Nil when there is none, or one has not 32 bytes.
    public init?(_ secrets: [[UInt8]]) {
        guard !secrets.isEmpty, secrets.allSatisfy({ $0.count == Self.byteCount }) else { return nil }
        keys = secrets.map { (name: Self.name(of: $0), key: SymmetricKey(data: $0)) }
    }

    /// Sixteen hexadecimal digits that tell master keys apart.
    public static func name(of secret: [UInt8]) -> String {
        let digest = SHA256.hash(data: Array("mediconnect master key name".utf8) + secret)
        return digest.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    public var current: String { keys[0].name }

    public func wrap(_ key: [UInt8], for context: [UInt8]) throws -> WrappedKey {
        let box = try AES.GCM.seal(key, using: keys[0].key, authenticating: context)
        return WrappedKey(master: keys[0].name, bytes: Array(box.nonce) + Array(box.ciphertext) + Array(box.tag))
    }

    public func unwrap(_ wrapped: WrappedKey, for context: [UInt8]) throws -> [UInt8] {
        guard let master = keys.first(where: { $0.name == wrapped.master }) else {
            throw SecrecyFault.masterKeyMissing(wanted: wrapped.master)
        }
        let box = try AES.GCM.SealedBox(combined: wrapped.bytes)
        return Array(try AES.GCM.open(box, using: master.key, authenticating: context))
    }
}
