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
    public let language: LetterLanguage?

    public init(email: MailAddress, role: Role, subject: ID<Caller>? = nil, language: LetterLanguage? = nil) {
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
            try invite(invitation, by: call.caller.principal, requestID: call.requestID, in: story.transaction)
        }
    }

    /// The same for whoever looks after the clinic.
    public func invite(_ invitation: Invitation, by: String, requestID: String) async throws -> ID<Account> {
        try await database.write { [self] transaction in try invite(invitation, by: by, requestID: requestID, in: transaction) }
    }

    private func invite(
        _ invitation: Invitation, by: String, requestID: String, in transaction: any WriteTransaction
    ) throws -> ID<Account> {
        let address = invitation.email.text
        let account = try transaction.first(AccountByLogin(login: address)).map {
            try invited($0, as: invitation, in: transaction)
        }
        let id = try account?.id ?? make(invitation, in: transaction)
        guard let account = try transaction.first(AccountToChange(id: id)) else { throw AccountFault.accountUnknown }
        try queue(.invitation, to: account, at: try transaction.email(of: account), in: transaction)
        try transaction.audit("account.invited", of: id, by: by, requestID: requestID, surroundings)
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
        let (id, address) = (surroundings.identifiers.next(Account.self), invitation.email.text)
        if try transaction.first(VerifiedEmail(address: address)) != nil { throw AccountFault.loginTaken }
        let caller = Caller(role: invitation.role, subject: invitation.subject ?? surroundings.identifiers.next(Caller.self))
        do {
            try transaction.run(
                InsertAccount(id: id, login: address, hash: .ofNobody(cost: settings.passwordCost), at: surroundings.clock.now))
        } catch StorageFault.constraint(let name) where name == "account_login" || name == "account.login" {
            throw AccountFault.loginTaken
        }
        try transaction.run(InsertAccountRole(account: id, caller: caller))
        try transaction.run(
            StoreEmail(email: AccountEmail(account: id, address: address, verifiedAt: nil, language: invitation.language)))
        return id
    }

    /// Chooses the first password, with the code of an invitation; the address it came to is verified by that. Throws `.linkOver`,
    /// `.passwordUnsuitable`. Said again within a few minutes, because the answer was lost, it has been done.
    public func acceptInvitation(code: String, password: Password, requestID: String) async throws {
        try await choosePassword(.invitation, code: code, password, requestID: requestID) { [self] transaction, account, email in
            guard let email else { throw AccountFault.linkOver }
            try store(email.address, for: account, after: email, in: transaction)
            try transaction.audit("account.invitation-accepted", of: account.id, by: "letter", requestID: requestID, surroundings)
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
