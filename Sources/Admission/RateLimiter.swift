public import Notation

/// Somebody's standing with the limit that is nearest to refusing them, as their headers say it.
public struct RateVerdict: Sendable {
    public let policy: RatePolicy
    public let allowance: Allowance
    public let standing: Standing

    public var isRefused: Bool { standing.isRefused }
}

/// Whether a request comes too often, by every limit there is. Takes the time and answers at once; memory is bounded.
///
/// It is asked twice: when a request arrives and nobody knows whose it is, and when its token has been read. Refusals cost their
/// sender nothing with the limit that refuses, and everything with those before it.
public struct RateLimiter: Sendable {
    public struct User: Hashable, Sendable {
        let tenant: String
        let high: UInt64
        let low: UInt64

        public init<Subject>(_ id: ID<Subject>, of tenant: String?) {
            self.tenant = tenant ?? ""
            high = id.high
            low = id.low
        }
    }

    private var own: RateLimits
    private var nodes = 1
    private var shared: RateLimits
    private var system = Usage()
    private var tenants: UsageTable<String>
    private var addresses: UsageTable<NetworkAddress>
    private var signIns: UsageTable<NetworkAddress>
    private var users: UsageTable<User>
    private var holds: UsageTable<NetworkAddress>

    /// - Parameter capacity: how many users, and how many addresses, it remembers.
    public init(_ limits: RateLimits, capacity: Int = 50_000) {
        own = limits
        shared = limits
        tenants = UsageTable(capacity: capacity)
        addresses = UsageTable(capacity: capacity)
        signIns = UsageTable(capacity: capacity)
        users = UsageTable(capacity: capacity)
        holds = UsageTable(capacity: capacity)
    }

    public var limits: RateLimits { own }

    /// Other limits from now on. Everybody begins anew with a limit that is another: who raises one for somebody who is stuck expects
    /// them to go on at once.
    public mutating func set(_ limits: RateLimits) {
        for policy in RatePolicy.allCases where own[policy] != limits[policy] { forget(policy) }
        own = limits
        shared = limits.shared(by: nodes)
    }

    /// Among how many nodes the limits are divided.
    public mutating func set(nodes: Int) {
        self.nodes = max(1, nodes)
        shared = own.shared(by: self.nodes)
    }

    private mutating func forget(_ policy: RatePolicy) {
        switch policy {
        case .system: system = Usage()
        case .tenant: tenants.forgetAll()
        case .address: addresses.forgetAll()
        case .signIn: signIns.forgetAll()
        case .user: users.forgetAll()
        case .holds: holds.forgetAll()
        }
    }

    /// A request has come, nobody knows yet whose. Nil when nothing limits it.
    ///
    /// - Parameters:
    ///   - address: where its client is; nil when nobody can say, and then no limit of an address applies.
    ///   - isSignIn: whether it may be a guess at a password.
    public mutating func arrive(
        from address: NetworkAddress?, as urgency: Urgency, isSignIn: Bool, at now: Instant
    ) -> RateVerdict? {
        var tightest: RateVerdict?
        if let client = address?.subscriber {
            if isSignIn, let allowance = shared[.signIn] {
                let standing = signIns.take(client, from: allowance, at: now)
                if tightest.adds(RateVerdict(policy: .signIn, allowance: allowance, standing: standing)) { return tightest }
            }
            if let allowance = shared[.address] {
                let standing = addresses.take(client, from: allowance, share: urgency.share, at: now)
                if tightest.adds(RateVerdict(policy: .address, allowance: allowance, standing: standing)) { return tightest }
            }
        }
        if let allowance = shared[.system] {
            let standing = system.take(from: allowance, share: urgency.share, at: now)
            // How much everybody together has left is nobody's business, and no help.
            if standing.isRefused { return RateVerdict(policy: .system, allowance: allowance, standing: standing) }
        }
        return tightest
    }

    /// A patient wants to hold a time. What is taken from the allowance comes back when the time is taken, or was not held after all: what
    /// stays away was kept from others for nothing.
    public mutating func hold(from address: NetworkAddress?, at now: Instant) -> RateVerdict? {
        guard let client = address?.subscriber, let allowance = shared[.holds] else { return nil }
        return RateVerdict(policy: .holds, allowance: allowance, standing: holds.take(client, from: allowance, at: now))
    }

    /// One of an address's holds was taken, or never came to be.
    public mutating func giveHoldBack(to address: NetworkAddress?) {
        if let client = address?.subscriber, let allowance = shared[.holds] { holds.giveBack(client, to: allowance) }
    }

    /// Its clinic and its sender are known.
    public mutating func enter(tenant: String?, user: User?, as urgency: Urgency, at now: Instant) -> RateVerdict? {
        if let tenant, let allowance = shared[.tenant] {
            let standing = tenants.take(tenant, from: allowance, share: urgency.share, at: now)
            if standing.isRefused { return RateVerdict(policy: .tenant, allowance: allowance, standing: standing) }
        }
        guard let user, let allowance = shared[.user] else { return nil }
        return RateVerdict(
            policy: .user, allowance: allowance,
            standing: users.take(user, from: allowance, share: urgency.share, at: now))
    }
}

extension RateVerdict? {
    /// Keeps the one with less left. True when it refuses.
    fileprivate mutating func adds(_ verdict: RateVerdict) -> Bool {
        if verdict.isRefused || verdict.standing.remaining < (self?.standing.remaining ?? .max) { self = verdict }
        return verdict.isRefused
    }
}
