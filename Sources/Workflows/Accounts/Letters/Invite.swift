public import Identity
public import Letters
public import Notation
public import People
import Scheduling
import Storage

/// Whom the clinic asks in, and as what.
public struct Invitation: Sendable {
    public let email: MailAddress
    public let role: Role
    /// For a patient and a practitioner who they are in the clinic; for others nil, and a new one is made.
    public let subject: ID<Caller>?
    /// What they read; nil for the clinic's own language.
    public let language: WrittenLanguage?

    public init(email: MailAddress, role: Role, subject: ID<Caller>? = nil, language: WrittenLanguage? = nil) {
        self.email = email
        self.role = role
        self.subject = subject
        self.language = language
    }
}

extension Accounts {
    /// Makes an account with no password that signs anybody in, and sends its owner a letter with which to choose one. Who has been invited
    /// and has not come is sent another. Throws `.loginTaken` when somebody signs in with this address already, or it was given to
    /// somebody else.
    public func invite(_ invitation: Invitation, call: Call, wording: Wording<ID<Account>>) async throws -> Reply<ID<Account>> {
        try await clinic.perform(call, wording: wording) { story in
            try story.require(invitation.role == .patient ? .invitePatients : .inviteStaff)
            try story.requireSubject(of: invitation)
        } act: { [self] story, _ in
            try invite(invitation, by: .caller(call.caller), request: call.origin, in: story.transaction)
        }
    }

    /// The same for whoever looks after the clinic.
    public func invite(_ invitation: Invitation, by: String, request: RequestOrigin) async throws -> ID<Account> {
        try await writing { [self] transaction in
            try invite(invitation, by: .operatorNamed(by), request: request, in: transaction)
        }
    }

    private func invite(
        _ invitation: Invitation, by agent: Agent, request: RequestOrigin, in transaction: any WriteTransaction
    ) throws -> ID<Account> {
        let keys = try transaction.held(clinic.keys)
        let known = try self.account(login: invitation.email.text, in: transaction).map {
            try invited($0, as: invitation, in: transaction)
        }
        let id = try known?.id ?? make(invitation, in: transaction)
        guard let account = try transaction.first(AccountToChange(id: id)).map({ try keys.open($0) }) else {
            throw AccountFault.accountUnknown
        }
        try queue(.invitation, to: account, at: try transaction.email(of: account, keys), in: transaction)
        try audit("account.invited", of: id, by: agent, request: request, in: transaction)
        return id
    }

    /// An account that waits for the same person still.
    private func invited(_ known: Account, as invitation: Invitation, in transaction: any WriteTransaction) throws -> Account {
        let roles = try transaction.fetch(RolesOfAccount(account: known.id))
        guard known.state == .active, known.isInvited, roles.count == 1, roles[0].role == invitation.role,
            invitation.subject == nil || roles[0].subject == invitation.subject
        else { throw AccountFault.loginTaken }
        // The letters before are good no more: one of them may have gone astray.
        try transaction.run(VoidLetters(account: known.id, at: surroundings.clock.now))
        return known
    }

    private func make(_ invitation: Invitation, in transaction: any WriteTransaction) throws -> ID<Account> {
        let (id, address, now) = (surroundings.identifiers.next(Account.self), invitation.email.text, surroundings.clock.now)
        if try transaction.first(VerifiedEmail(address, try keys)) != nil { throw AccountFault.loginTaken }
        let caller = Caller(role: invitation.role, subject: invitation.subject ?? surroundings.identifiers.next(Caller.self))
        try insert(
            Account(
                id: id, login: address, state: .active, createdAt: now,
                passwordHash: .ofNobody(cost: settings.passwordCost), passwordSetAt: now), in: transaction)
        try transaction.run(InsertAccountRole(account: id, caller: caller))
        try transaction.run(
            StoreEmail(
                AccountEmail(account: id, address: address, verifiedAt: nil, language: invitation.language), try keys))
        return id
    }

    /// Chooses the first password, with the code of an invitation; the address it came to is verified by that. Throws `.linkOver`,
    /// `.passwordUnsuitable`. Said again within a few minutes, because the answer was lost, it has been done.
    public func acceptInvitation(code: String, password: Password, request: RequestOrigin) async throws {
        try await choosePassword(.invitation, code: code, password, request: request) { [self] transaction, account, email in
            guard let email else { throw AccountFault.linkOver }
            try store(email.address, for: account, after: email, in: transaction)
            try audit("account.invitation-accepted", of: account.id, by: .reader, request: request, in: transaction)
        }
    }
}

extension Account {
    /// Has no password yet: the one it has is nobody's.
    public var isInvited: Bool { passwordHash.isOfNobody }
}

extension Story {
    /// Who is invited as a patient or a practitioner is one of this clinic.
    fileprivate func requireSubject(of invitation: Invitation) throws {
        switch invitation.role {
        case .patient:
            guard let subject = invitation.subject, try transaction.first(PatientExists(id: subject.of())) == true else {
                throw Refusal.patientUnknown
            }
        case .practitioner:
            guard let subject = invitation.subject, directory.resources[subject.of()]?.kind == .practitioner else {
                throw Refusal.practitionerUnknown
            }
        case .desk, .admin, .billing, .privacy, .service: break
        }
    }
}
