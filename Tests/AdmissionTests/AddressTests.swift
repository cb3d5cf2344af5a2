import Admission
import TestKit
import Testing

@Suite struct Addresses {
    @Test func `are read as people write them, and nothing else is`() {
        #expect(NetworkAddress("127.0.0.1") == NetworkAddress(version4: 0x7F00_0001))
        #expect(NetworkAddress("::ffff:127.0.0.1") == NetworkAddress("127.0.0.1"))
        #expect(NetworkAddress("2001:DB8::1") == NetworkAddress(high: 0x2001_0db8_0000_0000, low: 1))
        for wrong in [
            "", " ", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4 ", "01.2.3.4x", ":::", "1.2.3.4\0", "fe80::1%eth0", "localhost",
        ] {
            #expect(NetworkAddress(wrong) == nil, "\(wrong)")
        }
    }

    @Test func `lie in ranges`() {
        let cases: [(String, inside: [String], outside: [String])] = [
            ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["11.0.0.0", "9.255.255.255", "::1"]),
            ("192.0.2.7", ["192.0.2.7"], ["192.0.2.6"]),
            ("0.0.0.0/0", ["1.2.3.4"], ["::1", "2001:db8::1"]),
            ("2001:db8::/33", ["2001:db8:7fff::"], ["2001:db8:8000::", "1.2.3.4"]),
            ("::/0", ["1.2.3.4", "::1"], []),
            ("2001:db8::a/127", ["2001:db8::b"], ["2001:db8::c"]),
        ]
        for (text, inside, outside) in cases {
            let range = NetworkRange(text)
            for address in inside { #expect(range?.contains(NetworkAddress(address)!) == true, "\(text) \(address)") }
            for address in outside { #expect(range?.contains(NetworkAddress(address)!) == false, "\(text) \(address)") }
        }
        for wrong in [
            "", "/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.1/8", "10.0.0.0/8/8", "::/129", "10.0.0.0/", "a/8",
        ] {
            #expect(NetworkRange(wrong) == nil, "\(wrong)")
        }
    }
}

@Suite struct ATrustedProxy {
    private let proxies = TrustedProxies([NetworkRange("10.0.0.0/8")!, NetworkRange("2001:db8:a::/48")!])
    private let modern = TrustedProxies([NetworkRange("10.0.0.0/8")!], header: .forwarded)

    private func client(_ peer: String, _ lines: String...) -> NetworkAddress? {
        proxies.client(behind: NetworkAddress(peer)!, lines)
    }

    @Test func `is believed, and nobody else is`() {
        #expect(client("10.0.0.1", "203.0.113.9") == NetworkAddress("203.0.113.9"))
        #expect(client("192.0.2.1", "203.0.113.9") == NetworkAddress("192.0.2.1"))
        #expect(TrustedProxies.none.client(behind: NetworkAddress("10.0.0.1")!, ["203.0.113.9"]) == NetworkAddress("10.0.0.1"))
    }

    @Test func `is believed about its own client only: what stands to the left was written by that one`() {
        #expect(client("10.0.0.1", "198.51.100.1, 203.0.113.9") == NetworkAddress("203.0.113.9"))
        #expect(client("10.0.0.1", "198.51.100.1", "203.0.113.9, 10.0.0.2") == NetworkAddress("203.0.113.9"))
        #expect(client("10.0.0.1", "10.9.9.9, 203.0.113.9,10.0.0.3 , 2001:db8:a::1") == NetworkAddress("203.0.113.9"))
        #expect(client("10.0.0.1", "10.0.0.5, 10.0.0.2") == NetworkAddress("10.0.0.5"))
    }

    @Test(arguments: [
        "", " ", ",", "unknown", "rubbish, more", "1.2.3.4:", "1.2.3.4:123456", "[::1", "[::1]x", "\"", "::1:::", "\u{0}",
    ])
    func `stands for its clients when what it says is no address`(line: String) {
        #expect(client("10.0.0.1", "203.0.113.9", line) == NetworkAddress("10.0.0.1"))
    }

    @Test func `may say the port`() {
        #expect(client("10.0.0.1", "203.0.113.9:4711") == NetworkAddress("203.0.113.9"))
        #expect(client("10.0.0.1", "[2001:db8::9]:4711") == NetworkAddress("2001:db8::9"))
        #expect(client("10.0.0.1", "2001:db8::9") == NetworkAddress("2001:db8::9"))
    }

    @Test func `may speak as RFC 7239 does`() {
        func client(_ lines: String...) -> NetworkAddress? { modern.client(behind: NetworkAddress("10.0.0.1")!, lines) }
        #expect(client("for=203.0.113.9;proto=https;by=10.0.0.1") == NetworkAddress("203.0.113.9"))
        #expect(client(#"For="[2001:db8:cafe::17]:4711""#) == NetworkAddress("2001:db8:cafe::17"))
        #expect(client(#"for=evil", for="203.0.113.9:80", for=10.0.0.7"#) == NetworkAddress("203.0.113.9"))
        #expect(client("for=203.0.113.9, for=_hidden") == NetworkAddress("10.0.0.1"))
        #expect(client("proto=https") == NetworkAddress("10.0.0.1"))
        // What a client writes into the header this proxy does not write is not read.
        #expect(client("203.0.113.9") == NetworkAddress("10.0.0.1"))
    }

    @Test func `with a list without end is looked at for a while`() {
        let line = Array(repeating: "10.0.0.2", count: 100_000).joined(separator: ",")
        #expect(client("10.0.0.1", "203.0.113.9," + line) == NetworkAddress("10.0.0.2"))
    }

    @Test(arguments: 0..<300) func `whatever bytes come, answers with an address somebody is responsible for`(seed: Int) {
        var chance = Chance(seed: seed)
        let pieces = ["10.0.0.2", "203.0.113.9", ",", " ", "[", "]", ":", "::1", "for=", ";", "\"", "é", "999", "-"]
        let line = (0..<chance.number(0...20)).map { _ in chance.one(of: pieces) }.joined()
        let known = [NetworkAddress("10.0.0.1")!, NetworkAddress("10.0.0.2")!]
        for found in [proxies.client(behind: known[0], [line]), modern.client(behind: known[0], [line])] {
            // Either one of ours, or the right-most that is not.
            if !known.contains(found) { #expect(!proxies.trusts(found) || line.contains("10.0.0.2")) }
        }
    }
}
