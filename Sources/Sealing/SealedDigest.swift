import Crypto
public import Notation

/// A record as bytes that can be read in one way only, for a digest: each field says whether it is there and how long it is.
public struct CanonicalBytes: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init(reserving capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    public mutating func add(_ text: String?) {
        guard let text else { return bytes.append(0) }
        bytes.append(1)
        add(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    public mutating func add<Subject>(_ id: ID<Subject>) {
        add(id.high)
        add(id.low)
    }

    /// Microseconds since 1970, as both engines keep them.
    public mutating func add(_ instant: Instant) { add(UInt64(bitPattern: instant.microseconds)) }

    public mutating func add(_ number: UInt64) { withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) } }

    public mutating func add(raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }

    /// SHA-256.
    public var digest: [UInt8] { Array(SHA256.hash(data: bytes)) }
}

/// The root of a tree of digests (RFC 6962, 2.1): one digest that no other list of leaves has.
public enum MerkleTree {
    public static func root(of leaves: some RandomAccessCollection<[UInt8]>) -> [UInt8] {
        switch leaves.count {
        case 0: return hash([])
        case 1: return hash([0] + leaves[leaves.startIndex])
        default:
            let split = leaves.index(leaves.startIndex, offsetBy: largestPower(below: leaves.count))
            return hash([1] + root(of: leaves[..<split]) + root(of: leaves[split...]))
        }
    }

    /// The largest power of two that is smaller.
    private static func largestPower(below count: Int) -> Int {
        1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
    }

    private static func hash(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
}
