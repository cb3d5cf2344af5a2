public import Identity
import Letters
public import Notation
import People
import Storage

// Whether letters reach the owner of an account.
extension Accounts {
    /// Sends a letter to the address of whoever this session belongs to, with which to show that they read there. Throws `.emailMissing`
    /// when nobody knows where that would be, `.emailVerified` when they have shown it.
    public func askForVerification(in own: ID<Session>, requestID: String) async throws {
        try await countTry(DerivedKey.digest(of: own.description, from: ring.founding, for: "mediconnect verification requests"))
        try await database.write { [self] transaction in
            let (account, session) = try transaction.owner(of: own, at: surroundings.clock.now)
            guard let email = try transaction.email(of: account) else { throw AccountFault.emailMissing }
            if email.verifiedAt != nil { throw AccountFault.emailVerified }
            try transaction.run(StoreEmail(email: email))
            try queue(.verification, to: account, at: email, in: transaction)
            try transaction.audit(
                "account.verification-asked", of: account.id, by: session.caller.principal, requestID: requestID, surroundings)
        }
    }

    /// Takes an account's address for verified, with the code that was sent there. Throws `.linkOver`, and `.emailTaken` when another
    /// account has shown the same meanwhile. Said again within a few minutes, it has been done.
    public func verifyEmail(code: String, requestID: String) async throws {
        try await useOnce(.verification, code: code) { [self] transaction, letter, account, email in
            guard let email else { throw AccountFault.linkOver }
            try store(email.address, for: account, after: email, in: transaction)
            try transaction.audit("account.email-verified", of: account.id, by: "letter", requestID: requestID, surroundings)
        }
    }

    /// Takes an account's login for its owner's verified address, on somebody's word who looks after the clinic.
    public func vouchForEmail(login: String, by: String, requestID: String) async throws {
        try await change(login: login) { [self] transaction, account, surroundings, _ in
            guard let email = try transaction.email(of: account) else { throw AccountFault.emailMissing }
            try store(email.address, for: account, after: email, in: transaction)
            try transaction.audit("account.email-vouched", of: account.id, by: by, requestID: requestID, surroundings)
        }
    }

    /// What whoever this session belongs to signs in with, and where they are written to; nil when nobody knows.
    public func ownAccount(in own: ID<Session>) async throws -> (login: Personal<String>, email: AccountEmail?) {
        let account = try await owner(of: own)
        return (account.login, try await database.read { try $0.email(of: account) })
    }

    /// Gives an account a verified address in place of the one it had. Throws `.emailTaken` when another account has verified it.
    func store(
        _ address: Personal<String>, for account: Account, after email: AccountEmail?, in transaction: any WriteTransaction
    ) throws {
        let verified = AccountEmail(
            account: account.id, address: address, verifiedAt: surroundings.clock.now, language: email?.language)
        do { try transaction.run(StoreEmail(email: verified)) } catch let fault as StorageFault where fault.isEmailTaken {
            throw AccountFault.emailTaken
        }
    }

    /// Does what a letter asks for. Whoever says it again within five minutes, because the answer was lost, is told that it has been done.
    func useOnce(
        _ kind: LetterKind, code: String,
        _ body: @escaping @Sendable (any WriteTransaction, LetterRecord, Account, AccountEmail?) throws -> Void
    ) async throws {
        let (letter, _) = try await letter(kind, with: code)
        if let usedAt = letter.usedAt {
            guard surroundings.clock.now < usedAt + .minutes(5) else { throw AccountFault.linkOver }
            return
        }
        try await database.write { [self] transaction in
            let (account, email) = try use(letter, in: transaction)
            try body(transaction, letter, account, email)
        }
    }
}
