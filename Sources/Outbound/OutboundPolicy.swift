/// Which destinations may be called. There are two kinds of callers: strangers, whose URL came in over the API, and the operator,
/// whose URL stands in the settings and who may have named places in the clinic's own network.
public struct OutboundPolicy: Sendable {
    public let exceptions: [OutboundException]

    /// For URLs that somebody gave us: the internet, over TLS, on its port.
    public static let forStrangers = OutboundPolicy(exceptions: [])

    /// For URLs of the operator's own settings.
    public init(exceptions: [OutboundException]) { self.exceptions = exceptions }

    /// Reads a URL and says whether it may be called as far as it says itself. Whoever takes one in should ask at once, to
    /// tell who gave it what is wrong; whoever calls it asks `OutboundGuard`, because names change their meaning.
    public func destination(_ text: String) throws(OutboundRefusal) -> Destination {
        let destination = try Destination(reading: text)
        if exception(for: destination) == nil {
            guard destination.scheme == .https else { throw .scheme }
            if case .name(let name) = destination.host, OutboundPolicy.isLocal(name) { throw .localName }
            guard destination.port == 443 else { throw .port }
        }
        if case .address(let address) = destination.host { try check(address, for: destination) }
        return destination
    }

    /// Decides on everything a name stands for: one bad address among good ones refuses them all, because whoever mixes them
    /// hopes that we pick it.
    func vetted(_ destination: Destination, standingFor addresses: [IPAddress]) throws(OutboundRefusal) -> VettedDestination {
        guard let first = addresses.first else { throw .unknownName }
        for address in addresses { try check(address, for: destination) }
        return VettedDestination(destination: destination, address: first)
    }

    private func check(_ address: IPAddress, for destination: Destination) throws(OutboundRefusal) {
        let kind = address.kind
        if let exception = exception(for: destination) {
            // What is opened is the operator's network, and nothing that is not a place in it.
            guard kind == .global || kind.isOwnNetwork, exception.blocks.contains(where: { $0.contains(address) }) else {
                throw .address
            }
        } else {
            guard kind == .global else { throw .address }
        }
    }

    private func exception(for destination: Destination) -> OutboundException? {
        exceptions.first { $0.origin == destination.origin }
    }

    /// Names that mean something on this network only (RFC 6761, RFC 6762, RFC 8375; `internal` is reserved by ICANN).
    private static func isLocal(_ name: String) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return true }
        let last = name[name.index(after: dot)...]
        return localEndings.contains(String(last)) || name.hasSuffix(".home.arpa") || name == "home.arpa"
            || name.hasSuffix(".in-addr.arpa") || name.hasSuffix(".ip6.arpa")
    }

    private static let localEndings: Set<String> = [
        "localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "private", "onion", "test", "invalid",
        "example", "alt",
    ]
}

/// A place in the operator's own network that may be called: `https://login.hospital.lan:8443=10.1.0.0/16`. Addresses of clouds'
/// metadata, of the link, and whatever else is nobody's place stay shut.
public struct OutboundException: Hashable, Sendable {
    public let origin: String
    /// Where it has to be: a name that moves elsewhere is refused.
    public let blocks: [AddressBlock]

    /// Nil when it is not written so. Several blocks are joined by `+`.
    public init?(_ text: String) {
        let halves = text.split(separator: "=", omittingEmptySubsequences: false)
        guard halves.count == 2, let destination = try? Destination(reading: String(halves[0])), destination.target == "/",
            !halves[0].hasSuffix("/")
        else { return nil }
        var blocks: [AddressBlock] = []
        for part in halves[1].split(separator: "+", omittingEmptySubsequences: false) {
            guard let block = AddressBlock(part) else { return nil }
            blocks.append(block)
        }
        origin = destination.origin
        self.blocks = blocks
    }
}
