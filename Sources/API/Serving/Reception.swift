public import Letters
public import SingleSignOn
public import Workflows

/// What a request says about which clinic it is for.
public struct ClinicAddress: Sendable {
    /// The host name it was sent to, as it came: `Riverside.example.org:8443`.
    public var host: String?
    /// The header `X-Tenant`, for gateways that know clinics by name and reach them all under one host.
    public var tenant: String?

    public init(host: String? = nil, tenant: String? = nil) {
        self.host = host
        self.tenant = tenant
    }
}

/// Shows every request to its clinic.
public protocol Reception: Sendable {
    /// Lends the clinic at this address for as long as `body` runs; until then nobody closes it. Throws
    /// `Problem(.noSuchClinic)` when the address names none, and why it cannot be lent otherwise.
    func receive<Answer: Sendable>(
        _ address: ClinicAddress, _ body: (Premises) async throws -> Answer
    ) async throws -> Answer
}

/// One clinic as requests find it: what it does, whose tokens it knows, and which keys are being worked on in it. Nothing
/// here is shared between clinics.
public final class Premises: Sendable {
    public let clinic: Clinic
    public let tokens: Tokens
    public let accounts: Accounts
    /// For log lines; nil where there is only one clinic.
    public let tenant: String?
    /// Who else knows its staff.
    let signOns: [SignOn]
    let inFlight = InFlight()
    /// What its messages are written on; nil where nobody has said.
    let stationery: Stationery?
    /// Whether lists may be read from a replica: then answers to changes say where they stand.
    let hasReplica: Bool
    /// Whose word counts that comes without a token.
    let incoming: IncomingDoors

    public init(
        accounts: Accounts, tokens: Tokens, signOns: [SignOn] = [], tenant: String? = nil, hasReplica: Bool = false,
        incoming: IncomingDoors = IncomingDoors(), stationery: Stationery? = nil
    ) {
        self.incoming = incoming
        self.stationery = stationery
        self.signOns = signOns
        clinic = accounts.clinic
        self.accounts = accounts
        self.tokens = tokens
        self.tenant = tenant
        self.hasReplica = hasReplica
    }
}

/// The only clinic there is, whatever address a request names.
public struct OnlyClinic: Reception {
    private let premises: Premises

    public init(_ premises: Premises) { self.premises = premises }

    public func receive<Answer: Sendable>(
        _ address: ClinicAddress, _ body: (Premises) async throws -> Answer
    ) async throws -> Answer { try await body(premises) }
}
