/// Who may say on whose behalf it comes: the balancers and proxies in front of the server. Everybody else could write into these
/// headers what they like, and would be a new stranger with every request.
public struct TrustedProxies: Sendable {
    /// Which header the proxies write. Only one is read: of two, a client could forge the one its proxy does not write.
    public enum Header: String, Sendable, CaseIterable {
        case xForwardedFor = "x-forwarded-for"
        /// RFC 7239.
        case forwarded
    }

    /// How many hops are looked at. More are a mistake or an attempt.
    private static let hopsMaximum = 32

    public let header: Header
    private let ranges: [NetworkRange]

    public init(_ ranges: [NetworkRange] = [], header: Header = .xForwardedFor) {
        self.ranges = ranges
        self.header = header
    }

    public static let none = TrustedProxies()

    public func trusts(_ address: NetworkAddress) -> Bool { ranges.contains { $0.contains(address) } }

    /// The client of a request: whoever is at the other end of the connection, or, when that is a proxy of ours, the last one in its
    /// list that is none. What stands to the left of that was written by the client and is believed by nobody. An entry that is no
    /// address ends the search: then the proxy that wrote it down stands for its clients.
    ///
    /// - Parameter lines: the values of `header`, in the order in which they stand in the request.
    public func client(behind peer: NetworkAddress, _ lines: [String]) -> NetworkAddress {
        guard !ranges.isEmpty, trusts(peer) else { return peer }
        var client = peer
        var hops = 0
        for line in lines.reversed() {
            for entry in line.split(separator: ",", omittingEmptySubsequences: false).reversed() {
                hops += 1
                guard hops <= Self.hopsMaximum, let address = address(in: entry) else { return client }
                client = address
                if !trusts(address) { return client }
            }
        }
        return client
    }

    /// Whether a proxy of ours says that its client came over TLS. Of several proxies only the one is believed that is at the other end of
    /// the connection: what stands to the left of its word may be the client's.
    ///
    /// - Parameter lines: the values of `X-Forwarded-Proto`, or of `Forwarded` where that is the header, in the order in which they stand.
    public func cameOverTLS(behind peer: NetworkAddress, _ lines: [String]) -> Bool {
        guard trusts(peer), let entry = lines.last?.split(separator: ",", omittingEmptySubsequences: false).last else {
            return false
        }
        return switch header {
        case .xForwardedFor: trimmed(entry).lowercased() == "https"
        case .forwarded: Self.parameter("proto", of: entry)?.lowercased() == "https"
        }
    }

    private func address(in entry: Substring) -> NetworkAddress? {
        switch header {
        case .xForwardedFor: Self.node(trimmed(entry))
        case .forwarded: Self.parameter("for", of: entry).flatMap { Self.node(Substring($0)) }
        }
    }

    /// The value of a parameter in one element of `Forwarded`: `for=192.0.2.1;proto=https`.
    static func parameter(_ name: String, of element: Substring) -> String? {
        for pair in element.split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, trimmed(parts[0]).lowercased() == name else { continue }
            let value = trimmed(parts[1])
            return String(
                value.hasPrefix("\"") && value.hasSuffix("\"") && value.count > 1 ? value.dropFirst().dropLast() : value)
        }
        return nil
    }

    /// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711` (RFC 7239 §6). Nil for what is no address:
    /// `unknown`, `_hidden`, rubbish.
    static func node(_ text: Substring) -> NetworkAddress? {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || isPort(rest) else { return nil }
            return NetworkAddress(text[text.index(after: text.startIndex)..<end])
        }
        if let colon = text.firstIndex(of: ":"), text[colon...].dropFirst().firstIndex(of: ":") == nil {
            guard isPort(text[colon...]) else { return nil }
            return NetworkAddress(text[..<colon])
        }
        return NetworkAddress(text)
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && (1...5).contains(text.utf8.count - 1) && text.utf8.dropFirst().allSatisfy { (48...57).contains($0) }
    }
}

private func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
}
