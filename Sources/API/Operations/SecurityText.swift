public import Notation

/// What `/.well-known/security.txt` says (RFC 9116): where somebody who has found a weakness can tell it.
public struct SecurityText: Sendable, CustomStringConvertible {
    private let contact: String
    private let now: Instant

    /// Nil when `contact` is no address of the kinds that are asked for: `mailto:security@clinic.example`, or `https://…`.
    public init?(contact: String, now: Instant) {
        guard ["mailto:", "https://"].contains(where: { contact.hasPrefix($0) && contact.count > $0.count }),
            contact.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        self.contact = contact
        self.now = now
    }

    /// Good for half a year from when it is read: a server that is not there any more promises nothing for long.
    public var description: String {
        "Contact: \(contact)\nExpires: \(now + .days(182))\nPreferred-Languages: en\n"
    }
}
