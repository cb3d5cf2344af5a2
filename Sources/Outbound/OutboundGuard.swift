/// Finds out what a name stands for.
public protocol HostResolver: Sendable {
    /// Every address of a host, the preferred one first; none when there is no such name. Throws when nobody could be asked.
    func addresses(of name: String) async throws -> [IPAddress]
}

/// A destination together with the address it was vetted for. Only this room makes one, so whoever holds it may connect: to this
/// address, and without asking what the name stands for once more. Its owner may have changed that meanwhile.
public struct VettedDestination: Hashable, Sendable {
    public let destination: Destination
    public let address: IPAddress

    init(destination: Destination, address: IPAddress) {
        self.destination = destination
        self.address = address
    }
}

/// Stands before every call to the outside: reads the URL, asks once what its host stands for, and decides on all of it.
public struct OutboundGuard: Sendable {
    private let policy: OutboundPolicy
    private let resolver: any HostResolver

    public init(policy: OutboundPolicy, resolver: any HostResolver) {
        self.policy = policy
        self.resolver = resolver
    }

    /// Throws an `OutboundRefusal`, or what the resolver throws.
    public func vet(_ url: String) async throws -> VettedDestination {
        let destination = try policy.destination(url)
        switch destination.host {
        case .address(let address): return try policy.vetted(destination, standingFor: [address])
        case .name(let name): return try policy.vetted(destination, standingFor: try await resolver.addresses(of: name))
        }
    }
}
