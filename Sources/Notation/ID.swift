/// The identifier of one `Subject`: a UUID, made by us or by the client, version 7 when new (RFC 9562 §5.7), so that
/// fresh rows land beside each other in an index.
///
/// The subject is only a label for the compiler: an `ID<Patient>` cannot be handed over where a room is meant.
public struct ID<Subject>: Hashable, Comparable, Sendable {
    public let high: UInt64
    public let low: UInt64

    @inlinable public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The same identifier seen as that of something else: a practitioner is also a resource.
    @inlinable public func of<Other>(_: Other.Type = Other.self) -> ID<Other> { ID<Other>(high: high, low: low) }

    @inlinable public static func < (left: ID, right: ID) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }

    /// The version digit: 7 for what this program makes.
    public var version: Int { Int(high >> 12 & 0xF) }
}

extension ID: CustomStringConvertible, LosslessStringConvertible {
    /// Lower-case hexadecimal in groups of 8-4-4-4-12.
    public var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(36)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Written into a buffer on the stack first, eight digits at once: a page of free times has forty of these.
    public func append(to bytes: inout [UInt8]) {
        withUnsafeTemporaryAllocation(byteCount: 36, alignment: 1) { text in
            func put(_ digits: UInt64, _ count: Int, at place: Int) {
                withUnsafeBytes(of: digits.bigEndian) {
                    UnsafeMutableRawBufferPointer(rebasing: text[place..<place + count]).copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: $0[..<count]))
                }
            }
            let (second, third) = (hexadecimalDigits(UInt32(truncatingIfNeeded: high)), hexadecimalDigits(UInt32(low >> 32)))
            put(hexadecimalDigits(UInt32(high >> 32)), 8, at: 0)
            put(second, 4, at: 9)
            put(second << 32, 4, at: 14)
            put(third, 4, at: 19)
            put(third << 32, 4, at: 24)
            put(hexadecimalDigits(UInt32(truncatingIfNeeded: low)), 8, at: 28)
            (text[8], text[13], text[18], text[23]) = (0x2D, 0x2D, 0x2D, 0x2D)
            bytes.append(contentsOf: text)
        }
    }

    /// Nil unless the text is a UUID in the 8-4-4-4-12 form; upper case is accepted.
    public init?(_ text: String) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var count = 0
        var index = 0
        for byte in text.utf8 {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard let nibble = nibble(byte) else { return nil }
                if count < 16 { high = high << 4 | nibble } else { low = low << 4 | nibble }
                count += 1
            }
            index += 1
        }
        guard index == 36 else { return nil }
        self.init(high: high, low: low)
    }
}

/// Eight lower-case digits as ASCII, the first in the highest byte.
@inlinable func hexadecimalDigits(_ word: UInt32) -> UInt64 {
    // One digit into each byte: halves apart, then quarters, then eighths.
    var digits = UInt64(word)
    digits = (digits | digits << 16) & 0x0000_FFFF_0000_FFFF
    digits = (digits | digits << 8) & 0x00FF_00FF_00FF_00FF
    digits = (digits | digits << 4) & 0x0F0F_0F0F_0F0F_0F0F
    // A one in each byte whose digit is a letter; letters begin 39 behind where digits would go on.
    let letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return digits + 0x3030_3030_3030_3030 + letters * 39
}

@inlinable func hexadecimal(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 48 + nibble : 87 + nibble }

private func nibble(_ byte: UInt8) -> UInt64? {
    switch byte {
    case 48...57: UInt64(byte - 48)
    case 97...102: UInt64(byte - 87)
    case 65...70: UInt64(byte - 55)
    default: nil
    }
}
