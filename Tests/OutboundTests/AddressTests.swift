import Foundation
import Outbound
import TestKit
import Testing

extension Chance {
    /// 32 or 128 bits as text of noughts and ones.
    fileprivate mutating func bits(_ count: Int) -> String {
        var bits = ""
        while bits.count < count { bits += (next() & 1 == 0) ? "0" : "1" }
        return bits
    }
}

/// What IANA says, written down once more in another way than the guard has it: as the leading bits of whatever is not globally
/// reachable (RFC 6890 and its registries), compared as text.
private enum Registry {
    static let shut: [String] =
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
            "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/3",
            "::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        ].map { block in
            let halves = block.split(separator: "/")
            return leading(String(halves[0]), Int(halves[1])!)
        }

    static func isReachable(_ address: String) -> Bool {
        let bits = self.bits(address)
        return !shut.contains { bits.hasPrefix($0) }
    }

    private static func leading(_ address: String, _ count: Int) -> String {
        let bits = self.bits(address)
        return String(bits.prefix(2 + count))
    }

    /// By the machine's own reader, not by ours: `4:` or `6:` and the bits.
    static func bits(_ address: String) -> String {
        var v4 = in_addr()
        if inet_pton(AF_INET, address, &v4) == 1 { return "4:" + text(of: v4) }
        var v6 = in6_addr()
        precondition(inet_pton(AF_INET6, address, &v6) == 1, "\(address)")
        return "6:" + text(of: v6)
    }

    private static func text(of value: some Any) -> String {
        withUnsafeBytes(of: value) { bytes in
            bytes.map { String(repeating: "0", count: 8 - String($0, radix: 2).count) + String($0, radix: 2) }.joined()
        }
    }

    /// The address of these bits, as the machine writes it.
    static func address(_ bits: String) -> String {
        let bytes = stride(from: 0, to: bits.count, by: 8).map { start in
            UInt8(bits.dropFirst(start).prefix(8), radix: 2)!
        }
        var text = [CChar](repeating: 0, count: 64)
        bytes.withUnsafeBytes { _ = inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, $0.baseAddress, &text, 64) }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

@Suite struct Addresses {
    @Test func `no member of a block that is shut is taken for a place of the internet`() throws {
        var chance = Chance(state: 16)
        for block in Registry.shut {
            let width = block.hasPrefix("4:") ? 32 : 128
            let leading = block.dropFirst(2)
            let edges = [String(repeating: "0", count: width), String(repeating: "1", count: width)]
            for rest in (0..<200).map({ _ in chance.bits(width) }) + edges {
                let text = Registry.address(String(leading) + rest.dropFirst(leading.count))
                let address = try #require(IPAddress(text), "\(text)")
                #expect(address.kind != .global, "\(address)")
            }
        }
    }

    @Test func `whatever is taken for a place of the internet is one by IANA's registries`() throws {
        var chance = Chance(state: 17)
        var reached = 0
        for round in 0..<20_000 {
            // Half of IPv6 where the internet is, or nearly none would be tried.
            let bits = round % 2 == 0 ? chance.bits(32) : round % 4 == 1 ? "001" + chance.bits(125) : chance.bits(128)
            let text = Registry.address(bits)
            let kind = try #require(IPAddress(text), "\(text)").kind
            if kind == .global {
                reached += 1
                #expect(Registry.isReachable(text), "\(text)")
            }
        }
        #expect(reached > 10_000, "and most of it can be reached")
    }

    @Test func `is written as the machine writes it, and read as it reads it`() throws {
        var chance = Chance(state: 18)
        for round in 0..<2000 {
            // Noughts in runs, as addresses have them.
            var bits = chance.bits(round % 3 == 0 ? 32 : 128)
            if bits.count == 128 {
                let from = Int(chance.next() % 8) * 16
                let to = min(128, from + Int(chance.next() % 6) * 16)
                bits = String(bits.prefix(from)) + String(repeating: "0", count: to - from) + String(bits.dropFirst(to))
            }
            let text = Registry.address(String(bits))
            let address = try #require(IPAddress(text), "\(text)")
            #expect(Registry.bits("\(address)") == Registry.bits(text))
            // The machine writes the last 32 bits of some as IPv4; we write numbers only.
            if !text.contains(".") || bits.count == 32 { #expect("\(address)" == text) }
        }
    }

    @Test(arguments: [
        ("8.8.8.8", AddressKind.global), ("2606:4700::1111", .global), ("2a00:1450::1", .global), ("2001:200::1", .global),
        ("192.0.1.1", .global), ("172.15.255.255", .global), ("172.32.0.0", .global), ("100.63.255.255", .global),
        ("100.128.0.0", .global), ("126.255.255.255", .global), ("128.0.0.0", .global), ("169.253.255.255", .global),
        ("169.255.0.0", .global), ("198.17.255.255", .global), ("198.20.0.0", .global), ("223.255.255.255", .global),
        ("169.254.169.254", .metadata), ("fd00:ec2::254", .metadata), ("168.63.129.16", .metadata),
        ("100.100.100.200", .metadata),
        ("169.254.169.253", .linkLocal), ("10.1.2.3", .privateUse), ("100.64.0.0", .sharedUse), ("127.0.0.1", .loopback),
        ("0.0.0.0", .unspecified), ("0.0.0.1", .thisNetwork), ("::", .unspecified), ("::1", .loopback), ("::2", .compatibleIPv4),
        ("::ffff:8.8.8.8", .mappedIPv4), ("64:ff9b::8.8.8.8", .translatedIPv4), ("64:ff9b:1::1", .translatedIPv4),
        ("2002::1", .sixToFour), ("2001::1", .teredo), ("2001:1::1", .protocolAssignment), ("2001:db8::", .documentation),
        ("fc00::1", .uniqueLocal), ("fe80::1", .linkLocal), ("fec0::1", .siteLocal), ("ff02::1", .multicast),
        ("239.1.1.1", .multicast), ("255.255.255.255", .broadcast), ("250.0.0.1", .reserved), ("4000::1", .reserved),
        ("100::1", .discard), ("192.88.99.1", .relay), ("198.19.0.1", .benchmarking), ("203.0.113.9", .documentation),
        ("192.0.0.9", .protocolAssignment),
    ])
    func `has a kind`(text: String, kind: AddressKind) { #expect(IPAddress(text)?.kind == kind) }
}
