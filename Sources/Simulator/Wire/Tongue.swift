/// What somebody speaks who has connected, told by the first bytes that come.
///
/// An HTTP client speaks first, and no method of HTTP's begins like the other two. A client of a broker says `AMQP` and the version it wants
/// (AMQP 0-9-1 §4.2.2). A mail client waits to be greeted (RFC 5321 §3.1), so whoever says nothing for a while is one.
enum Tongue: Sendable, Equatable {
    case http, smtp, amqp

    private static let openings: [(bytes: [UInt8], tongue: Tongue)] = [
        (Array("AMQP".utf8), .amqp),
        // Mail clients that do not wait, and whoever types it by hand.
        (Array("EHLO".utf8), .smtp), (Array("HELO".utf8), .smtp),
    ]

    /// Nil while it can still become one or the other.
    static func told(by bytes: some Collection<UInt8>) -> Tongue? {
        if bytes.isEmpty { return nil }
        for opening in openings {
            let count = min(bytes.count, opening.bytes.count)
            guard opening.bytes.prefix(count).elementsEqual(bytes.prefix(count)) else { continue }
            return count == opening.bytes.count ? opening.tongue : nil
        }
        return .http
    }
}
