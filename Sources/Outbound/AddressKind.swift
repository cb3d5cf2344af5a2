/// What lies behind an address, after IANA's registries of special-purpose addresses (RFC 6890 and what came later).
public enum AddressKind: String, Sendable, CaseIterable {
    /// Somewhere on the internet: the only kind a stranger may send us to.
    case global
    case unspecified, thisNetwork, loopback, linkLocal, privateUse, sharedUse, uniqueLocal, siteLocal
    /// Where a cloud tells a machine its secrets.
    case metadata
    case multicast, broadcast, reserved, documentation, benchmarking, protocolAssignment, relay, discard
    /// IPv6 that stands for an IPv4 address: through them a forbidden address would come in under another name.
    case mappedIPv4, compatibleIPv4, translatedIPv4, sixToFour, teredo

    /// A clinic's own network: an operator may let single destinations in it be called.
    public var isOwnNetwork: Bool {
        switch self {
        case .loopback, .privateUse, .sharedUse, .uniqueLocal: true
        default: false
        }
    }
}

extension IPAddress {
    public var kind: AddressKind {
        for (block, kind) in AddressKind.table where block.contains(self) { return kind }
        // Of IPv6 only this part is the internet (RFC 4291 §2.4, IANA); of IPv4 all that is nothing else.
        if case .v6(let high, _) = self { return high >> 61 == 0b001 ? .global : .reserved }
        return .global
    }
}

extension AddressKind {
    /// The first block that contains an address says what it is.
    static let table: [(AddressBlock, AddressKind)] = [
        // Amazon, Google and most others; Alibaba; Oracle; Azure; and Amazon's and Google's under IPv6.
        ("169.254.169.254/32", metadata), ("100.100.100.200/32", metadata), ("192.0.0.192/32", metadata),
        ("168.63.129.16/32", metadata), ("fd00:ec2::254/128", metadata), ("fd20:ce::254/128", metadata),

        ("0.0.0.0/32", unspecified), ("0.0.0.0/8", thisNetwork), ("10.0.0.0/8", privateUse), ("100.64.0.0/10", sharedUse),
        ("127.0.0.0/8", loopback), ("169.254.0.0/16", linkLocal), ("172.16.0.0/12", privateUse),
        ("192.0.0.0/24", protocolAssignment), ("192.0.2.0/24", documentation), ("192.31.196.0/24", relay),
        ("192.52.193.0/24", relay), ("192.88.99.0/24", relay), ("192.168.0.0/16", privateUse), ("192.175.48.0/24", relay),
        ("198.18.0.0/15", benchmarking), ("198.51.100.0/24", documentation), ("203.0.113.0/24", documentation),
        ("224.0.0.0/4", multicast), ("255.255.255.255/32", broadcast), ("240.0.0.0/4", reserved),

        ("::/128", unspecified), ("::1/128", loopback), ("::ffff:0:0/96", mappedIPv4), ("::ffff:0:0:0/96", translatedIPv4),
        ("::/96", compatibleIPv4), ("64:ff9b::/96", translatedIPv4), ("64:ff9b:1::/48", translatedIPv4), ("100::/64", discard),
        ("100:0:0:1::/64", discard), ("2001::/32", teredo), ("2001:2::/48", benchmarking), ("2001:db8::/32", documentation),
        ("2001::/23", protocolAssignment), ("2002::/16", sixToFour), ("2620:4f:8000::/48", relay), ("3ffe::/16", reserved),
        ("3fff::/20", documentation), ("5f00::/16", protocolAssignment), ("fc00::/7", uniqueLocal), ("fe80::/10", linkLocal),
        ("fec0::/10", siteLocal), ("ff00::/8", multicast),
    ].map { (AddressBlock($0)!, $1) }
}
