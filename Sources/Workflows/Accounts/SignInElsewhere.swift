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
    public func signIn(_ identity: ForeignIdentity, as role: Role? = nil, requestID: String) async throws -> SessionGrant {
        let (surroundings, settings, ended) = (surroundings, settings, ended)
        let outcome = try await database.write { transaction -> Result<SessionRecord, AccountFault> in
            guard let account = try transaction.account(meantBy: identity, requestID: requestID, surroundings) else {
                return .failure(.identityRefused)
            }
            func refused(_ fault: AccountFault, _ reason: String) throws -> Result<SessionRecord, AccountFault> {
                try transaction.audit(
                    "account.refused", of: account.id, by: "nobody", reason: reason, requestID: requestID, surroundings)
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
                try transaction.begin(
                    wanted[0], of: account.id, issuer: identity.issuer, settings, requestID: requestID, surroundings, ended))
        }
        return grant(try outcome.get(), hasFactor: true)
    }

    /// Says whom a provider means with a subject. Throws `.accountUnknown`, `.linkTaken`.
    public func link(login: String, issuer: String, subject: String, by: String, requestID: String) async throws {
        do {
            try await change(login: login) { transaction, account, surroundings, _ in
                try transaction.link(account.id, issuer: issuer, subject: subject, by: by, requestID: requestID, surroundings)
            }
        } catch StorageFault.constraint { throw AccountFault.linkTaken }
    }

    /// Takes all links from an account, and signs it out everywhere. Throws `.accountUnknown`.
    public func unlink(login: String, by: String, requestID: String) async throws {
        try await change(login: login) { transaction, account, surroundings, ended in
            try transaction.run(RemoveLinks(account: account.id))
            try transaction.audit("account.unlinked", of: account.id, by: by, requestID: requestID, surroundings)
            try transaction.endAll(of: account.id, .unlinked, by: by, requestID: requestID, surroundings, ended)
        }
    }
}

extension WriteTransaction {
    /// The account a provider means, which nobody else changes until this transaction has ended; nil when it means nobody here.
    fileprivate func account(meantBy identity: ForeignIdentity, requestID: String, _ surroundings: Surroundings) throws
        -> Account?
    {
        if let id = try first(LinkBySubject(issuer: identity.issuer, subject: identity.subject)) {
            return try first(AccountToChange(id: id))
        }
        guard let email = identity.linkingEmail, let known = try first(AccountByLogin(login: email)),
            let account = try first(AccountToChange(id: known.id)), account.state == .active,
            // Somebody else had this address, and the provider has given it on.
            try first(LinkOfAccount(account: account.id, issuer: identity.issuer)) == nil,
            // Only whom the clinic's staff could be.
            try fetch(RolesOfAccount(account: account.id)).contains(where: {
                $0.role != .patient && identity.roles.contains($0.role)
            })
        else { return nil }
        try link(
            account.id, issuer: identity.issuer, subject: identity.subject, by: "nobody", requestID: requestID, surroundings)
        return account
    }

    fileprivate func link(
        _ account: ID<Account>, issuer: String, subject: String, by: String, requestID: String, _ surroundings: Surroundings
    ) throws {
        try run(InsertLink(issuer: issuer, subject: subject, account: account, at: surroundings.clock.now))
        try audit("account.linked", of: account, by: by, reason: issuer, requestID: requestID, surroundings)
    }
}
