/// Why a destination is not called: the first reason that is met. None says anything of what was found inside the network, so that
/// refusals are no map of it.
public enum OutboundRefusal: String, Error, Sendable, CaseIterable {
    /// Empty, or more than 2,048 bytes.
    case length
    /// Something stands in it that no URL has unescaped (RFC 3986 §2): a space, a backslash, a control, a letter beyond ASCII.
    case characters
    /// Not `https://`.
    case scheme
    /// Somebody's name or password before the host.
    case userInfo
    /// No host, or one that is neither a name nor an address in its plain spelling.
    case host
    /// A name of this network rather than of the internet: `localhost`, `printer`, `db.internal`.
    case localName
    /// Not 443.
    case port
    /// A fragment, which no server is sent.
    case fragment
    /// Nobody knows the name.
    case unknownName
    /// It is, or the name stands for, an address that is not on the internet.
    case address
}

extension OutboundRefusal: CustomStringConvertible {
    /// What would be right.
    public var description: String {
        switch self {
        case .length: "must have 1 to 2,048 characters"
        case .characters: "must be a URL in plain ASCII (RFC 3986), everything else percent-encoded"
        case .scheme: "must begin with https://"
        case .userInfo: "must not carry a user or a password"
        case .host: "must name its host as a name with at least one dot, or as a plain IP address"
        case .localName: "must be a host of the internet"
        case .port: "must use port 443"
        case .fragment: "must not have a fragment"
        case .unknownName: "must name a host that is known"
        case .address: "must lead to the internet"
        }
    }
}
