import Outbound
import Synchronization
import Testing

/// Knows every name, as what it was told; counts how often it was asked.
private final class Told: HostResolver {
    private let addresses: [IPAddress]
    private let asked = Mutex(0)

    init(_ addresses: [IPAddress]) { self.addresses = addresses }

    func addresses(of name: String) -> [IPAddress] {
        asked.withLock { $0 += 1 }
        return addresses
    }

    var times: Int { asked.withLock { $0 } }
}

@Suite struct TheGuard {
    @Test func `knows more than two hundred tricks`() {
        #expect(Trick.all.count >= 200)
        #expect(Set(Trick.all.map { "\($0.url) \($0.addresses)" }).count == Trick.all.count)
        #expect(Set(Trick.all.map(\.refusal)) == Set(OutboundRefusal.allCases))
    }

    @Test(arguments: Trick.all) func `falls for none of them`(trick: Trick) async throws {
        let guardian = OutboundGuard(policy: .forStrangers, resolver: Told(trick.addresses))
        await #expect(throws: trick.refusal) { try await guardian.vet(trick.url) }
    }

    @Test(arguments: [
        ("https://hooks.example.org", "https://hooks.example.org/"),
        ("HTTPS://Hooks.Example.ORG:443/A", "https://hooks.example.org/A"),
        ("https://hooks.example.org?a=%2F&b", "https://hooks.example.org/?a=%2F&b"),
        ("https://a-b.c1.xn--p1ai/~x/%C3%A4;v=1,2", "https://a-b.c1.xn--p1ai/~x/%C3%A4;v=1,2"),
        ("https://127.0.0.1.nip.io/", "https://127.0.0.1.nip.io/"), ("https://1e100.net/", "https://1e100.net/"),
        ("https://hooks.example.org/https://127.0.0.1/@x:1", "https://hooks.example.org/https://127.0.0.1/@x:1"),
        ("https://hooks.example.org//..//%2e%2e/", "https://hooks.example.org//..//%2e%2e/"),
    ])
    func `lets a host of the internet be called, under one spelling`(given: String, called: String) async throws {
        let resolver = Told([IPAddress("2606:2800:21f::1")!, IPAddress("93.184.215.14")!])
        let vetted = try await OutboundGuard(policy: .forStrangers, resolver: resolver).vet(given)
        #expect(vetted.destination.url == called)
        #expect(vetted.address == IPAddress("2606:2800:21f::1"))
        #expect(resolver.times == 1, "asked once, and never again")
        #expect(!"\(vetted.destination)".contains("?"), "a log is not told the query")
    }

    @Test(arguments: ["https://93.184.215.14/", "https://[2606:2800:21F:0:0::1]/", "https://1.1.1.1:443/"])
    func `asks nobody what a plain address stands for`(url: String) async throws {
        let resolver = Told([IPAddress("127.0.0.1")!])
        #expect(try await OutboundGuard(policy: .forStrangers, resolver: resolver).vet(url).address.kind == .global)
        #expect(resolver.times == 0)
    }

    @Test func `says what would be right, and nothing of what was found`() {
        for refusal in OutboundRefusal.allCases {
            #expect(refusal.description.hasPrefix("must "))
            #expect(!refusal.description.contains("127") && !refusal.description.contains("private"))
        }
    }
}

/// What an operator opens in the clinic's own network.
@Suite struct ExceptionsOfTheOperator {
    private let policy = OutboundPolicy(exceptions: [
        OutboundException("https://login.hospital.lan:8443=10.1.0.0/16+fd12:3456::/32")!,
        OutboundException("http://127.0.0.1:9000=127.0.0.1")!, OutboundException("https://anything.hospital.lan=0.0.0.0/0")!,
    ])

    private func outcome(_ url: String, _ address: String = "10.1.2.3") async -> OutboundRefusal? {
        do {
            _ = try await OutboundGuard(policy: policy, resolver: Told([IPAddress(address)!])).vet(url)
            return nil
        } catch { return error as? OutboundRefusal }
    }

    @Test func `one place is opened, in its network, and nothing beside it`() async {
        #expect(await outcome("https://login.hospital.lan:8443/keys") == nil)
        #expect(await outcome("https://LOGIN.hospital.lan:8443/", "fd12:3456::7") == nil)
        #expect(await outcome("http://127.0.0.1:9000/x") == nil)
        #expect(await outcome("https://login.hospital.lan:8443/", "10.2.0.1") == .address, "it moved")
        #expect(await outcome("https://login.hospital.lan:8443/", "93.184.215.14") == .address, "it moved away")
        #expect(await outcome("https://login.hospital.lan/") == .localName, "another port is another place")
        #expect(await outcome("http://login.hospital.lan:8443/") == .scheme)
        #expect(await outcome("https://other.hospital.lan:8443/") == .localName)
        #expect(await outcome("https://hooks.example.org/") == .address, "the rest of the network stays shut")
        #expect(await outcome("http://127.0.0.1:9001/") == .scheme)
    }

    @Test(arguments: [
        "169.254.169.254", "169.254.1.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.0.192", "100.100.100.200",
    ])
    func `no exception opens what is nobody's place`(address: String) async {
        #expect(await outcome("https://anything.hospital.lan/", address) == .address)
    }

    @Test(arguments: [
        "", "=", "https://a.lan", "https://a.lan=", "https://a.lan/=10.0.0.0/8", "https://a.lan/x=10.0.0.0/8", "a.lan=10.0.0.0/8",
        "https://a.lan=10.0.0.1/8", "https://a.lan=10.0.0.0/33", "https://a.lan=10.0.0.0/08", "https://a.lan=10.0.0.0/8+",
        "https://a.lan=b.lan", "https://u@a.lan=10.0.0.0/8", "ftp://a.lan=10.0.0.0/8", "https://a.lan=10.0.0.0/8=10.0.0.0/8",
    ])
    func `a mistake in an exception opens nothing`(text: String) { #expect(OutboundException(text) == nil) }
}
