import Crypto
public import Notation
import Sealing

/// A clinic's own key. What it is for keeps one kind of use from learning anything about another.
public struct DataKey: Sendable {
    public enum Purpose: String, Sendable, CaseIterable {
        /// Seals fields. Rotated whenever somebody asks for it.
        case field
        /// Makes blind indexes. One for good: a new one would find nothing that the old one has indexed.
        case index
        /// Seals what is never written anew: free text in the audit trail. So none of its versions is ever retired.
        case record
    }

    public static let byteCount = 32

    public let purpose: Purpose
    /// From 1, for each purpose.
    public let version: Int
    let bytes: [UInt8]

    public init(purpose: Purpose, version: Int, bytes: [UInt8]) {
        self.purpose = purpose
        self.version = version
        self.bytes = bytes
    }

    /// Four numbers of chance: 256 bits.
    public static func make(_ purpose: Purpose, version: Int, _ random: any RandomSource) -> DataKey {
        let bytes = (0..<4).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
        return DataKey(purpose: purpose, version: version, bytes: bytes)
    }

    public func wrapped(by master: some MasterKeys, clinic: [UInt8]) async throws -> WrappedKey {
        try await master.wrap(bytes, for: Self.context(purpose, version, clinic))
    }

    /// Throws `.masterKeyMissing`, or `.dataKeyDamaged` when it is not the clinic's key of this purpose and version.
    public init(
        _ wrapped: WrappedKey, purpose: Purpose, version: Int, clinic: [UInt8], master: any MasterKeys
    ) async throws {
        let bytes: [UInt8]
        do { bytes = try await master.unwrap(wrapped, for: Self.context(purpose, version, clinic)) } catch let fault
            as SecrecyFault
        {
            throw fault
        } catch is CryptoKitError { throw SecrecyFault.dataKeyDamaged(version: version) }
        guard bytes.count == Self.byteCount else { throw SecrecyFault.dataKeyDamaged(version: version) }
        self.init(purpose: purpose, version: version, bytes: bytes)
    }

    /// What a key of this purpose and version is wrapped with.
    public static func context(_ purpose: Purpose, _ version: Int, _ clinic: [UInt8]) -> [UInt8] {
        var bytes = CanonicalBytes()
        bytes.add("mediconnect data key 1")
        bytes.add(raw: clinic)
        bytes.add(purpose.rawValue)
        bytes.add(UInt64(version))
        return bytes.bytes
    }

    /// A key for one use, from which nobody finds the way back.
    func derived(for use: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: bytes), info: Array("mediconnect \(use)".utf8), outputByteCount: 32)
    }
}
