import Notation
import Storage

/// What rows amount to: their number and a sum of 128 bits, the same on both engines and in any order. It finds what was lost,
/// doubled or changed by mistake; it is no defence against somebody who wants two tables to look alike.
public struct Digest: Sendable, Equatable, CustomStringConvertible {
    public private(set) var rows = 0
    private var high: UInt64 = 0
    private var low: UInt64 = 0

    init() {}
    init(of row: [SQLValue]) { add(row) }

    mutating func add(_ row: [SQLValue]) {
        var words = Words()
        for value in row { words.add(value) }
        rows += 1
        high &+= words.high
        low &+= words.low
    }

    public var description: String { Self.hexadecimal(high) + Self.hexadecimal(low) }

    private static func hexadecimal(_ word: UInt64) -> String {
        let text = String(word, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    /// One row. Each value comes with its kind and its length, so that no two rows spell the same.
    private struct Words {
        var high: UInt64 = 0x6A09_E667_F3BC_C908
        var low: UInt64 = 0xBB67_AE85_84CA_A73B

        private mutating func add(_ word: UInt64) {
            high = (high ^ word) &* 0x9E37_79B9_7F4A_7C15
            high ^= high >> 29
            low = (low &+ word) &* 0xBF58_476D_1CE4_E5B9
            low ^= low >> 31
        }

        mutating func add(_ value: SQLValue) {
            switch value {
            case .null: add(1)
            case .bool(let flag): add(2, flag ? 1 : 0)
            case .integer(let number): add(3, UInt64(bitPattern: number))
            case .real(let number): add(4, number.bitPattern)
            case .text(let text): add(5, text)
            case .bytes(let bytes): bytes.withUnsafeBytes { add(6, $0) }
            case .instant(let instant): add(7, UInt64(bitPattern: instant.microseconds))
            case .identifier(let high, let low):
                add(8, high)
                add(low)
            case .json(let text): add(9, text)
            }
        }

        private mutating func add(_ tag: UInt64, _ word: UInt64) {
            add(tag)
            add(word)
        }

        private mutating func add(_ tag: UInt64, _ text: String) {
            var text = text
            text.withUTF8 { add(tag, UnsafeRawBufferPointer($0)) }
        }

        private mutating func add(_ tag: UInt64, _ bytes: UnsafeRawBufferPointer) {
            add(tag, UInt64(bytes.count))
            var place = 0
            while place + 8 <= bytes.count {
                add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
                place += 8
            }
            var rest: UInt64 = 0
            while place < bytes.count {
                rest = rest << 8 | UInt64(bytes[place])
                place += 1
            }
            add(rest)
        }
    }
}
