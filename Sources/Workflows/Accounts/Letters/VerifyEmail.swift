public import Identity
import Letters
public import Notation
import People
import Storage

// Whether letters reach the owner of an account.
extension Accounts {
    /// Sends a letter to the address of whoever this session belongs to, with which to show that they read there. Throws `.emailMissing`
    /// when nobody knows where that would be, `.emailVerified` when they have shown it.
    public func askForVerification(in own: ID<Session>, request: RequestOrigin) async throws {
        try await countTry(DerivedKey.digest(of: own.description, from: ring.founding, for: "mediconnect verification requests"))
        try await writing { [self] transaction in
            let (account, session) = try owner(of: own, in: transaction)
            guard let email = try transaction.email(of: account, try keys) else { throw AccountFault.emailMissing }
            if email.verifiedAt != nil { throw AccountFault.emailVerified }
            try transaction.run(StoreEmail(email, try keys))
            try queue(.verification, to: account, at: email, in: transaction)
            try audit(
                "account.verification-asked", of: account.id, by: .caller(session.caller), request: request, in: transaction)
        }
    }

    /// Takes an account's address for verified, with the code that was sent there. Throws `.linkOver`, and `.emailTaken` when another
    /// account has shown the same meanwhile. Said again within a few minutes, it has been done.
    public func verifyEmail(code: String, request: RequestOrigin) async throws {
        try await useOnce(.verification, code: code) { [self] transaction, letter, account, email in
            guard let email else { throw AccountFault.linkOver }
            try store(email.address, for: account, after: email, in: transaction)
            try audit("account.email-verified", of: account.id, by: .reader, request: request, in: transaction)
        }
    }

    /// Takes an account's login for its owner's verified address, on somebody's word who looks after the clinic.
    public func vouchForEmail(login: String, by: String, request: RequestOrigin) async throws {
        try await change(login: login) { [self] transaction, account in
            guard let email = try transaction.email(of: account, try keys) else { throw AccountFault.emailMissing }
            try store(email.address, for: account, after: email, in: transaction)
            try audit("account.email-vouched", of: account.id, by: .operatorNamed(by), request: request, in: transaction)
        }
    }

    /// What whoever this session belongs to signs in with, and where they are written to; nil when nobody knows.
    public func ownAccount(in own: ID<Session>) async throws -> (login: Personal<String>, email: AccountEmail?) {
        let account = try await owner(of: own)
        let email = try await reading { [self] in try $0.email(of: account, try keys) }
        return (account.login, email)
    }

    /// Gives an account a verified address in place of the one it had. Throws `.emailTaken` when another account has verified it.
    func store(
        _ address: Personal<String>, for account: Account, after email: AccountEmail?, in transaction: any WriteTransaction
    ) throws {
        let verified = AccountEmail(
            account: account.id, address: address, verifiedAt: surroundings.clock.now, language: email?.language)
        let holder = try transaction.first(VerifiedEmail(address, try keys))
        guard holder == nil || holder == account.id else { throw AccountFault.emailTaken }
        do { try transaction.run(StoreEmail(verified, try keys)) } catch let fault as StorageFault where fault.isEmailTaken {
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
        try await writing { [self] transaction in
            let (account, email) = try use(letter, in: transaction)
            try body(transaction, letter, account, email)
        }
    }
}
