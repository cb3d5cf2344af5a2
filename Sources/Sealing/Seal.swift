public import Notation

/// A number of records, sealed together, and every seal before them: each seal's `link` contains that of the one before.
public struct Seal: Sendable, Equatable {
    /// From 1, without a gap.
    public let number: Int
    public let at: Instant
    public let count: Int
    /// Of the digests of its records, in their order.
    public let root: [UInt8]
    /// The digest of all that: whoever holds it holds the history up to here.
    public let link: [UInt8]
    public let publicKey: [UInt8]
    public let signature: [UInt8]

    /// What stands for the link before the first seal.
    public static let beginning = [UInt8](repeating: 0, count: 32)

    /// As it was found.
    public init(
        number: Int, at: Instant, count: Int, root: [UInt8], link: [UInt8], publicKey: [UInt8], signature: [UInt8]
    ) {
        self.number = number
        self.at = at
        self.count = count
        self.root = root
        self.link = link
        self.publicKey = publicKey
        self.signature = signature
    }

    /// The next one.
    ///
    /// - Parameters:
    ///   - digests: of the records, in the order they are kept in.
    ///   - previous: the link of the seal before.
    public init(number: Int, at: Instant, over digests: [[UInt8]], after previous: [UInt8], signedWith key: SealKey) throws {
        let root = MerkleTree.root(of: digests)
        let link = Self.link(number: number, at: at, count: digests.count, root: root, after: previous)
        self.init(
            number: number, at: at, count: digests.count, root: root, link: link, publicKey: key.publicKey,
            signature: try key.signature(of: link))
    }

    /// Whether it says what its parts say, after that seal, and its own key has signed it.
    public func isSound(after previous: [UInt8]) -> Bool {
        link == Self.link(number: number, at: at, count: count, root: root, after: previous) && isSigned
    }

    public var isSigned: Bool { SealKey.hasSigned(publicKey, link, signature) }

    private static func link(number: Int, at: Instant, count: Int, root: [UInt8], after previous: [UInt8]) -> [UInt8] {
        var bytes = CanonicalBytes()
        bytes.add("mediconnect audit seal 1")
        bytes.add(UInt64(number))
        bytes.add(at)
        bytes.add(UInt64(count))
        bytes.add(raw: root)
        bytes.add(raw: previous)
        return bytes.digest
    }
}
