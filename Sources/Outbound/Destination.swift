/// A URL that may be called, taken apart once. Nobody downstream parses the text again: two readers of one URL who do not agree
/// about its host are how such guards are passed.
public struct Destination: Hashable, Sendable {
    public enum Scheme: String, Sendable { case https, http }
    public enum Host: Hashable, Sendable {
        /// Lower-case letters, digits and hyphens between dots.
        case name(String)
        case address(IPAddress)
    }

    public let scheme: Scheme
    public let host: Host
    public let port: Int
    /// Path and query as they go on the wire; begins with `/`.
    public let target: String

    init(scheme: Scheme, host: Host, port: Int, target: String) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.target = target
    }

    /// The host as it stands in a URL.
    public var hostText: String {
        switch host {
        case .name(let name): name
        case .address(let address): if case .v6 = address { "[\(address)]" } else { "\(address)" }
        }
    }

    /// Without the port when it is the scheme's own.
    public var origin: String { "\(scheme)://\(hostText)" + (port == scheme.port ? "" : ":\(port)") }

    /// The one spelling in which it is called.
    public var url: String { origin + target }
}

extension Destination: CustomStringConvertible {
    /// Safe to log: paths and queries of such addresses are often secrets.
    public var description: String { origin }
}

extension Destination.Scheme {
    public var port: Int { self == .https ? 443 : 80 }
}
