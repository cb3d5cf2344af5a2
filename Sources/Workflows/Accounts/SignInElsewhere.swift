import Identity
public import Notation
public import People
import Scheduling
import Storage

/// Somebody as an identity provider knows them, and how far its word goes.
public struct ForeignIdentity: Sendable {
    public var issuer: String
    public var subject: String
    /// An address the provider has verified, and whose word on it counts: who comes for the first time is linked to the account with this
    /// login.
    public var linkingEmail: Personal<String>?
    /// As what the provider lets them in; as what they come, says their account.
    public var roles: Set<Role>
    public var hasSecondFactor: Bool

    public init(
        issuer: String, subject: String, linkingEmail: Personal<String>?, roles: Set<Role>, hasSecondFactor: Bool
    ) {
        self.issuer = issuer
        self.subject = subject
        self.linkingEmail = linkingEmail
        self.roles = roles
        self.hasSecondFactor = hasSecondFactor
    }
}

extension Accounts {
    /// Begins a session of the account a provider means. Throws `.identityRefused`, `.secondFactorNeeded`, `.roleNeeded`.
    ///
    /// An account is made by the clinic and never by a provider, and patients come in with their password alone. The provider's subject is
    /// what counts: an address is looked at once, when nobody is linked, and never takes an account from somebody who is.
    ///
    /// - Parameter role: As what, where they may be several things.
    public func signIn(_ identity: ForeignIdentity, as role: Role? = nil, request: RequestOrigin) async throws -> SessionGrant {
        let outcome = try await writing { [self] transaction -> Result<SessionRecord, AccountFault> in
            guard let account = try self.account(meantBy: identity, request: request, in: transaction) else {
                return .failure(.identityRefused)
            }
            func refused(_ fault: AccountFault, _ reason: String) throws -> Result<SessionRecord, AccountFault> {
                try audit(
                    "account.refused", of: account.id, by: .nobody, reason: reason, request: request, in: transaction)
                return .failure(fault)
            }
            guard account.state == .active else {
                return try refused(.identityRefused, "the account is \(account.state.rawValue)")
            }
            let allowed = try transaction.fetch(RolesOfAccount(account: account.id)).filter {
                $0.role != .patient && identity.roles.contains($0.role)
            }
            let wanted = allowed.filter { one in role.map { $0 == one.role } ?? true }
            guard !wanted.isEmpty else { return try refused(.identityRefused, "the provider allows no role the account has") }
            guard wanted.count == 1 else {
                return .failure(.roleNeeded(Role.allCases.filter { role in allowed.contains { $0.role == role } }))
            }
            let hasOwn = try transaction.first(SecondFactorOf(account: account.id))?.isConfirmed == true
            if hasOwn || settings.secondFactorFor.contains(wanted[0].role), !identity.hasSecondFactor {
                return try refused(.secondFactorNeeded, "the provider has asked for one factor alone")
            }
            return .success(
                try begin(wanted[0], of: account.id, issuer: identity.issuer, request: request, in: transaction))
        }
        return grant(try outcome.get(), hasFactor: true)
    }

    /// Says whom a provider means with a subject. Throws `.accountUnknown`, `.linkTaken`.
    public func link(login: String, issuer: String, subject: String, by: String, request: RequestOrigin) async throws {
        do {
            try await change(login: login) { [self] transaction, account in
                let link = AccountLink(account: account.id, issuer: issuer, subject: Personal(subject))
                try self.link(link, by: .operatorNamed(by), request: request, in: transaction)
            }
        } catch StorageFault.constraint { throw AccountFault.linkTaken }
    }

    /// Takes all links from an account, and signs it out everywhere. Throws `.accountUnknown`.
    public func unlink(login: String, by: String, request: RequestOrigin) async throws {
        try await change(login: login) { [self] transaction, account in
            try transaction.run(RemoveLinks(account: account.id))
            try audit("account.unlinked", of: account.id, by: .operatorNamed(by), request: request, in: transaction)
            try endAll(of: account.id, .unlinked, by: .operatorNamed(by), request: request, in: transaction)
        }
    }
}

extension Accounts {
    /// The account a provider means, which nobody else changes until this transaction has ended; nil when it means nobody here.
    private func account(
        meantBy identity: ForeignIdentity, request: RequestOrigin, in transaction: any WriteTransaction
    ) throws -> Account? {
        let link = LinkBySubject(Personal(identity.subject), at: identity.issuer, try keys)
        if let id = try transaction.first(link) { return try transaction.first(AccountToChange(id: id))?.kept }
        guard let email = identity.linkingEmail,
            let known = try transaction.first(AccountByLogin(Self.normal(email.revealed), try keys)),
            let account = try transaction.first(AccountToChange(id: known.kept.id))?.kept, account.state == .active,
            // Somebody else had this address, and the provider has given it on.
            try transaction.first(LinkOfAccount(account: account.id, issuer: identity.issuer)) == nil,
            // Only whom the clinic's staff could be.
            try transaction.fetch(RolesOfAccount(account: account.id)).contains(where: {
                $0.role != .patient && identity.roles.contains($0.role)
            })
        else { return nil }
        try self.link(
            AccountLink(account: account.id, issuer: identity.issuer, subject: Personal(identity.subject)), by: .nobody,
            request: request, in: transaction)
        return account
    }

    private func link(
        _ link: AccountLink, by agent: Agent, request: RequestOrigin, in transaction: any WriteTransaction
    ) throws {
        // One of an earlier version, which has no digest yet.
        guard try transaction.first(LinkBySubject(link.subject, at: link.issuer, try keys)) == nil else {
            throw AccountFault.linkTaken
        }
        try transaction.run(InsertLink(link, at: surroundings.clock.now, try keys))
        try audit("account.linked", of: link.account, by: agent, reason: link.issuer, request: request, in: transaction)
    }
}
