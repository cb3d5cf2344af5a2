import Crypto
public import Foundation
public import Notation

/// Seals and opens single fields of a clinic's database: AES-256-GCM with 96 random bits as nonce (SP 800-38D §8.2.2), bound to
/// the place.
///
/// A sealed field is: one byte that says the form (1), four that say the key's version, twelve of nonce, the ciphertext, sixteen
/// of tag. In a column for text it is the same in base64 after a U+0001, which no text of a person begins with: so what was
/// written before there were keys is told apart, and read as it is.
public struct FieldCipher: Sendable {
    private static let form: UInt8 = 1
    private static let headCount = 5
    private static let nonceCount = 12
    private static let tagCount = 16
    private static let textMark: UInt8 = 1

    private let clinic: [UInt8]
    private let keys: [UInt32: SymmetricKey]
    private let random: any RandomSource
    /// What new fields are sealed with.
    public let activeVersion: Int
    private let leavesPlain: Bool

    /// - Parameters:
    ///   - clinic: sixteen bytes that no other clinic has.
    ///   - keys: every version there is; the last one seals.
    public init(clinic: [UInt8], keys: [DataKey], random: any RandomSource) {
        self.init(clinic: clinic, keys: keys, random: random, leavingPlain: false)
    }

    /// - Parameter leavingPlain: seals nothing, so that a measurement can tell what sealing costs. No setting leads here.
    package init(clinic: [UInt8], keys: [DataKey], random: any RandomSource, leavingPlain: Bool) {
        precondition(!keys.isEmpty, "a cipher has a key")
        self.clinic = clinic
        self.random = random
        self.keys = Dictionary(keys.map { (UInt32($0.version), $0.derived(for: "fields")) }) { first, _ in first }
        activeVersion = keys.map(\.version).max()!
        leavesPlain = leavingPlain
    }

    // MARK: Bytes

    public func seal(_ plain: some DataProtocol, at place: FieldPlace) throws -> [UInt8] {
        if leavesPlain { return Array(plain) }
        let version = UInt32(activeVersion)
        let box = try AES.GCM.seal(
            plain, using: keys[version]!, nonce: nonce(), authenticating: place.binding(clinic: clinic, version: version))
        var sealed: [UInt8] = []
        sealed.reserveCapacity(Self.headCount + Self.nonceCount + plain.count + Self.tagCount)
        sealed.append(Self.form)
        withUnsafeBytes(of: version.bigEndian) { sealed.append(contentsOf: $0) }
        sealed.append(contentsOf: box.nonce)
        sealed.append(contentsOf: box.ciphertext)
        sealed.append(contentsOf: box.tag)
        return sealed
    }

    /// Throws `.notForHere` for whatever was not sealed for this place of this clinic, and `.keyNotRead` for a version that is
    /// not known here.
    public func open(_ sealed: [UInt8], at place: FieldPlace) throws -> [UInt8] {
        guard let version = Self.version(of: sealed) else { throw refused(place) }
        guard let key = keys[UInt32(version)] else { throw SecrecyFault.keyNotRead(version: version) }
        let binding = place.binding(clinic: clinic, version: UInt32(version))
        guard let box = try? AES.GCM.SealedBox(combined: sealed.dropFirst(Self.headCount)),
            let plain = try? AES.GCM.open(box, using: key, authenticating: binding)
        else { throw refused(place) }
        return Array(plain)
    }

    /// Which version sealed it; nil when it is nothing sealed.
    public static func version(of bytes: [UInt8]) -> Int? {
        guard bytes.count >= headCount + nonceCount + tagCount, bytes[0] == form else { return nil }
        return Int(bytes[1..<headCount].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
    }

    // MARK: Text

    public func seal(_ plain: String, at place: FieldPlace) throws -> String {
        leavesPlain ? plain : "\u{1}" + Data(try seal(Array(plain.utf8), at: place)).base64EncodedString()
    }

    /// What was never sealed comes back as it is.
    public func open(_ text: String, at place: FieldPlace) throws -> String {
        guard text.utf8.first == Self.textMark else { return text }
        guard let sealed = Self.bytes(of: text) else { throw refused(place) }
        return String(decoding: try open(sealed, at: place), as: UTF8.self)
    }

    /// Which version sealed it; nil when it is plain.
    public static func version(of text: String) -> Int? { bytes(of: text).flatMap { version(of: $0) } }

    private static func bytes(of text: String) -> [UInt8]? {
        guard text.utf8.first == textMark else { return nil }
        return Data(base64Encoded: String(text.dropFirst())).map { Array($0) }
    }

    private func refused(_ place: FieldPlace) -> SecrecyFault { .notForHere(table: place.table, column: place.column) }

    private func nonce() throws -> AES.GCM.Nonce {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        for _ in 0..<2 { withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) } }
        return try AES.GCM.Nonce(data: bytes.prefix(Self.nonceCount))
    }
}
