import Notation

/// Whom a limit is about, and its name in `RateLimit` headers and metrics.
public enum RatePolicy: String, Sendable, CaseIterable {
    /// Everybody together, on all nodes.
    case system
    /// Everybody of one clinic together, on all nodes, where there are several.
    case tenant
    /// Whoever comes from one address.
    case address
    /// Who signs in from one address.
    case signIn = "sign-in"
    /// One person, wherever they come from.
    case user
    /// Times that patients hold from one address and do not take, whoever they are: programs that grab have many accounts.
    case holds
}

/// How often one may ask (MC-10, MA-8); nil is as often as one likes.
public struct RateLimits: Sendable, Equatable {
    private var allowances: [RatePolicy: Allowance]

    public init(_ allowances: [RatePolicy: Allowance]) { self.allowances = allowances }

    public static let none = RateLimits([:])

    public static let usual = RateLimits([
        .system: .perSecond(1_000), .tenant: .perSecond(500), .address: .perMinute(3_000), .signIn: .perMinute(20),
        .user: .perMinute(100), .holds: Allowance(60, per: .hours(1)),
    ])

    public subscript(policy: RatePolicy) -> Allowance? {
        get { allowances[policy] }
        set { allowances[policy] = newValue }
    }

    /// What one of several nodes gives out. A balancer spreads everybody over the nodes, so each gives out its part of what all share.
    /// One person's connection stays with one node: were theirs divided, who keeps to their limit would be refused. In return somebody
    /// who goes to every node has as many times their limit as there are nodes; the system's limit holds all the same.
    func shared(by nodes: Int) -> RateLimits {
        var shared = self
        for policy in [RatePolicy.system, .tenant] { shared[policy] = self[policy]?.shared(by: nodes) }
        return shared
    }
}
