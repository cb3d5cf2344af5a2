/// An address on the internet, read strictly: whatever has two spellings in the wild has one here, so that nobody means something
/// else by it than we do.
public enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// `192.0.2.1` or `2001:db8::1`. No octal, hexadecimal or shortened IPv4, no brackets, no zone.
    public init?(_ text: some StringProtocol) {
        if let bits = IPAddress.dotted(text.utf8) {
            self = .v4(bits)
        } else if let groups = IPAddress.groups(String(text)) {
            func half(_ range: Range<Int>) -> UInt64 { groups[range].reduce(0) { $0 << 16 | UInt64($1) } }
            self = .v6(high: half(0..<4), low: half(4..<8))
        } else {
            return nil
        }
    }

    /// Four decimal numbers to 255 without leading zeros: some readers take `010` for eight.
    private static func dotted(_ text: some Sequence<UInt8>) -> UInt32? {
        let parts = Array(text).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ (48...57).contains($0) }), part.count == 1 || part.first != 48
            else { return nil }
            let number = part.reduce(0) { $0 * 10 + UInt32($1 - 48) }
            guard number <= 255 else { return nil }
            bits = bits << 8 | number
        }
        return bits
    }

    /// Eight groups (RFC 4291 §2.2): at most one `::`, and the last two may be written as IPv4.
    private static func groups(_ text: String) -> [UInt16]? {
        guard text.utf8.count <= 45, !text.contains(":::") else { return nil }
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        switch halves.count {
        case 1: return run(halves[0], mayEndInIPv4: true).flatMap { $0.count == 8 ? $0 : nil }
        case 2:
            guard let first = run(halves[0], mayEndInIPv4: false), let last = run(halves[1], mayEndInIPv4: true),
                first.count + last.count <= 7
            else { return nil }
            return first + [UInt16](repeating: 0, count: 8 - first.count - last.count) + last
        default: return nil
        }
    }

    private static func run(_ text: Substring, mayEndInIPv4: Bool) -> [UInt16]? {
        if text.isEmpty { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, let bits = dotted(part.utf8) {
                groups += [UInt16(bits >> 16), UInt16(truncatingIfNeeded: bits)]
            } else if (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit), let group = UInt16(part, radix: 16) {
                groups.append(group)
            } else {
                return nil
            }
        }
        return groups
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// As RFC 5952 §4 writes it.
    public var description: String {
        switch self {
        case .v4(let bits): return (0..<4).map { String(bits >> (24 - 8 * $0) & 0xFF) }.joined(separator: ".")
        case .v6(let high, let low):
            let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(48 - 16 * ($0 % 4))) }
            guard let zeros = IPAddress.longestZeros(groups) else { return IPAddress.joined(groups[...]) }
            return IPAddress.joined(groups[..<zeros.lowerBound]) + "::" + IPAddress.joined(groups[zeros.upperBound...])
        }
    }

    private static func joined(_ groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    /// The first of the longest runs of two or more zeros.
    private static func longestZeros(_ groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<0
        var start = 0
        for index in 0...groups.count where index == groups.count || groups[index] != 0 {
            if index - start > longest.count { longest = start..<index }
            start = index + 1
        }
        return longest.count >= 2 ? longest : nil
    }
}
