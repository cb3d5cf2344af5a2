/// All addresses that begin with the same bits: `10.0.0.0/8`, `fd00::/8`.
public struct AddressBlock: Hashable, Sendable {
    public let first: IPAddress
    /// How many leading bits they share: to 32 for IPv4, to 128 for IPv6.
    public let prefix: Int

    /// Nil when it is not written so, or when bits stand behind the prefix: then somebody meant another block.
    public init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = halves.first.flatMap({ IPAddress($0) }), halves.count <= 2 else { return nil }
        let width = AddressBlock.width(of: first)
        guard halves.count == 2 else {
            self.init(first: first, prefix: width)
            return
        }
        guard let prefix = Int(halves[1]), (0...width).contains(prefix), String(prefix) == halves[1] else { return nil }
        self.init(first: first, prefix: prefix)
        guard masked(first) == first else { return nil }
    }

    private init(first: IPAddress, prefix: Int) {
        self.first = first
        self.prefix = prefix
    }

    public func contains(_ address: IPAddress) -> Bool {
        AddressBlock.width(of: address) == AddressBlock.width(of: first) && masked(address) == first
    }

    private func masked(_ address: IPAddress) -> IPAddress {
        switch address {
        case .v4(let bits): .v4(bits & mask(UInt32.self, prefix))
        case .v6(let high, let low):
            .v6(high: high & mask(UInt64.self, min(prefix, 64)), low: low & mask(UInt64.self, max(prefix - 64, 0)))
        }
    }

    private func mask<Bits: FixedWidthInteger>(_: Bits.Type, _ count: Int) -> Bits {
        count == 0 ? 0 : Bits.max << Bits(Bits.bitWidth - count)
    }

    private static func width(of address: IPAddress) -> Int { if case .v4 = address { 32 } else { 128 } }
}

extension AddressBlock: CustomStringConvertible {
    public var description: String { "\(first)/\(prefix)" }
}
