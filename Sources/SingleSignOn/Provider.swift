public import Notation
public import People

/// Somebody else who knows the clinic's staff: an OpenID provider, and how far its word goes here.
public struct Provider: Sendable {
    /// As it stands in addresses: `hospital`.
    public let name: String
    /// Which clinic it is for, on a node with several; nil for the only one.
    public let tenant: String?
    /// As the provider writes it, to the letter.
    public let issuer: String
    public let clientID: String
    /// Nil for a client that has none.
    public let clientSecret: Personal<String>?
    public let linking: Linking
    /// Which of the provider's groups may be what in the clinic.
    public let rule: RoleRule
    public let factors: Factors
    /// Where the browser goes after it has signed in: a path of this origin.
    public let landing: String
    /// Where it is when it is in the clinic's own network: `10.1.0.0/16`.
    public let network: [String]
    /// Where browsers reach this server, for the provider to send them back to: `https://clinic.example`.
    public let base: String

    public init(
        name: String, tenant: String?, issuer: String, clientID: String, clientSecret: Personal<String>?, linking: Linking,
        rule: RoleRule, factors: Factors, landing: String, network: [String] = [], base: String
    ) {
        self.name = name
        self.tenant = tenant
        self.issuer = issuer
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.linking = linking
        self.rule = rule
        self.factors = factors
        self.landing = landing
        self.network = network
        self.base = base
    }

    /// Scheme, host and port of the issuer; nil when it is no address.
    public var origin: String? {
        guard let start = issuer.firstRange(of: "://")?.upperBound else { return nil }
        return String(issuer[..<(issuer[start...].firstIndex(of: "/") ?? issuer.endIndex)])
    }

    public var callback: String { "\(base)/v1/oidc/\(name)/callback" }

    /// How the provider's people become the clinic's accounts.
    public enum Linking: Sendable, Equatable {
        /// Somebody of the clinic says whose account it is.
        case bySubject
        /// Besides, whoever comes for the first time with a verified address in one of these domains is linked to the account whose login it is.
        case byEmail(domains: [String])
    }

    /// Whether the provider's sign-in counts as two factors.
    public enum Factors: String, Sendable, CaseIterable {
        /// When the ID token says so (`amr`, RFC 8176).
        case claimed
        /// Always: whoever runs the clinic knows that the provider asks for two of everybody.
        case assured
    }
}

/// One claim of the ID token, and what its values allow.
public struct RoleRule: Sendable, Equatable {
    public let claim: String
    public let roles: [String: Role]

    public init(claim: String, roles: [String: Role]) {
        self.claim = claim
        self.roles = roles
    }

    /// What whoever has these claims may sign in as; what they are in the clinic says their account.
    public func allowed(by claims: JSON) -> Set<Role> {
        let value = claims[claim]
        let groups = value?.array?.compactMap(\.string) ?? value?.string.map { [$0] } ?? []
        return Set(groups.compactMap { roles[$0] })
    }
}
