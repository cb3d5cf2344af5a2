extension Destination {
    /// Bytes. Some receivers take no more.
    private static let longest = 2048

    /// Reads a URL by the letter of RFC 3986 and no further: what a browser would mend, is refused. Says nothing yet about
    /// whether it may be called.
    init(reading text: String) throws(OutboundRefusal) {
        let bytes = Array(text.utf8)
        guard (1...Destination.longest).contains(bytes.count) else { throw .length }
        guard Destination.isPlain(bytes) else { throw .characters }
        guard let scheme = [Scheme.https, .http].first(where: { text.lowercased().hasPrefix("\($0)://") }) else { throw .scheme }
        let rest = text.dropFirst(scheme.rawValue.count + 3)
        let authority = rest.prefix { !"/?#".contains($0) }
        guard !authority.contains("@") else { throw .userInfo }
        let (host, port) = try Destination.place(authority)
        guard !rest.contains("#") else { throw .fragment }
        let target = rest.dropFirst(authority.count)
        // Brackets belong to hosts alone.
        guard !target.contains(where: { $0 == "[" || $0 == "]" }) else { throw .characters }
        self.init(
            scheme: scheme, host: host, port: try Destination.port(port, scheme),
            target: target.hasPrefix("/") ? String(target) : "/" + target)
    }

    /// Unreserved, reserved, and percent signs followed by two digits (RFC 3986 §2).
    private static func isPlain(_ bytes: [UInt8]) -> Bool {
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                continue
            case UInt8(ascii: "%"):
                guard index + 2 < bytes.count, isHexDigit(bytes[index + 1]), isHexDigit(bytes[index + 2]) else { return false }
            default: guard marks.contains(byte) else { return false }
            }
        }
        return true
    }

    private static let marks = Set("-._~:/?#[]@!$&'()*+,;=".utf8)

    private static func isHexDigit(_ byte: UInt8) -> Bool { Character(Unicode.Scalar(byte)).isHexDigit && byte < 0x80 }

    /// Host and port of `host`, `host:port` or `[v6]:port`.
    private static func place(_ authority: Substring) throws(OutboundRefusal) -> (Host, Substring?) {
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]"),
                case .v6(let high, let low) = IPAddress(authority[authority.index(after: authority.startIndex)..<end])
            else { throw .host }
            let rest = authority[authority.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw .host }
            return (.address(.v6(high: high, low: low)), rest.isEmpty ? nil : rest.dropFirst())
        }
        let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return (try host(parts[0]), parts.count > 1 ? parts[1] : nil)
    }

    private static func host(_ text: Substring) throws(OutboundRefusal) -> Host {
        if let address = IPAddress(text) { return .address(address) }
        let name = text.lowercased()
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard name.utf8.count <= 253, let last = labels.last, labels.allSatisfy(isLabel) else { throw .host }
        // `2130706433`, `0x7f.1` and `127.1` are addresses to many a resolver; no top-level domain begins with a digit.
        guard last.first?.isLetter == true else { throw .host }
        return .name(name)
    }

    /// Letters, digits and hyphens inside (RFC 1123 §2.1), to 63 bytes.
    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
            && label.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-")
            }
    }

    private static func port(_ text: Substring?, _ scheme: Scheme) throws(OutboundRefusal) -> Int {
        guard let text else { return scheme.port }
        guard let port = Int(text), (1...65_535).contains(port), String(port) == text else { throw .port }
        return port
    }
}
