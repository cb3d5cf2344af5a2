#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An address of the Internet Protocol, version 4 or 6. One of version 4 is kept as version 6 writes it (`::ffff:192.0.2.1`,
/// RFC 4291 §2.5.5.2), so that a client is the same whichever way it reaches a socket that speaks both.
///
/// It says where somebody is: it is never logged.
public struct NetworkAddress: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter number: as one writes it, `0x7F00_0001` for 127.0.0.1.
    public init(version4 number: UInt32) { self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(number)) }

    /// An address as people write it: `192.0.2.1`, `2001:db8::1`.
    public init?(_ text: some StringProtocol) {
        // The longest is `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var (four, six) = (in_addr(), in6_addr())
        if inet_pton(AF_INET, String(text), &four) == 1 {
            self.init(version4: UInt32(bigEndian: four.s_addr))
        } else if inet_pton(AF_INET6, String(text), &six) == 1 {
            self = withUnsafeBytes(of: &six) { NetworkAddress(bytes: $0) }
        } else {
            return nil
        }
    }

    /// As people write it, the same for the same address: `192.0.2.1`, `2001:db8::1` (RFC 5952). For the audit, which is where it may stand.
    public var text: String {
        if high == 0 && low >> 32 == 0xFFFF {
            return [24, 16, 8, 0].map { String(low >> $0 & 0xFF) }.joined(separator: ".")
        }
        var bytes = in6_addr()
        withUnsafeMutableBytes(of: &bytes) { raw in
            raw.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
            raw.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        var written = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        precondition(inet_ntop(AF_INET6, &bytes, &written, socklen_t(INET6_ADDRSTRLEN)) != nil, "46 bytes hold any address")
        return String(decoding: written.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Sixteen bytes in the order of the network.
    public init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == 16, "an address of version 6 has sixteen bytes")
        self.init(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    public var isVersion4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// What is given to one household or one machine: the address itself, of version 6 the first 64 bits. Whoever has those has
    /// all the others behind them, and could come from a new one with every request.
    public var subscriber: NetworkAddress { isVersion4 ? self : NetworkAddress(high: high, low: 0) }
}

/// A stretch of addresses: `10.0.0.0/8`, `2001:db8::/32`, or a single one.
public struct NetworkRange: Hashable, Sendable {
    private let first: NetworkAddress
    private let mask: NetworkAddress

    /// Nil when it is no such thing, or says bits behind its length (`10.0.0.1/8`), which is a slip more often than not.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ NetworkAddress($0) }) else { return nil }
        let longest = address.isVersion4 && parts[0].contains(".") && !parts[0].contains(":") ? 32 : 128
        var length = longest
        if parts.count == 2 {
            guard let said = Int(parts[1]), (0...longest).contains(said), parts[1].utf8.first != UInt8(ascii: "+") else {
                return nil
            }
            length = said
        }
        length += 128 - longest
        mask = NetworkAddress(high: Self.ones(min(length, 64)), low: Self.ones(max(0, length - 64)))
        first = address
        guard contains(address), address.high & ~mask.high == 0, address.low & ~mask.low == 0 else { return nil }
    }

    public func contains(_ address: NetworkAddress) -> Bool {
        address.high & mask.high == first.high && address.low & mask.low == first.low
    }

    private static func ones(_ count: Int) -> UInt64 { count == 0 ? 0 : ~0 << UInt64(64 - count) }
}
