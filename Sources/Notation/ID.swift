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

    /// Written into a buffer on the stack first: every answer has a dozen of these.
    public func append(to bytes: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 36) { text in
            var place = 0
            for index in 0..<16 {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    text[place] = UInt8(ascii: "-")
                    place += 1
                }
                let word = index < 8 ? high : low
                let byte = UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (index & 7)))
                text[place] = hexadecimal(byte >> 4)
                text[place + 1] = hexadecimal(byte & 0xF)
                place += 2
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[..<36]))
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

@inlinable func hexadecimal(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 48 + nibble : 87 + nibble }

private func nibble(_ byte: UInt8) -> UInt64? {
    switch byte {
    case 48...57: UInt64(byte - 48)
    case 97...102: UInt64(byte - 87)
    case 65...70: UInt64(byte - 55)
    default: nil
    }
}
