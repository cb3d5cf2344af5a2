public import Identity
public import Letters
public import Notation
import People
import Storage

// Another address for an account.
extension Accounts {
    /// Sends a letter to the address that is to become the one of whoever this session belongs to: nothing changes until somebody reads it
    /// there. What is answered is the same when another account has the address, and no letter is sent then. Throws
    /// `.credentialsWrong`, `.secondFactorNeeded` when there is a factor and no code, and `.emailChangedLately`.
    public func askForEmailChange(
        to address: MailAddress, password: Password, code: String?, in own: ID<Session>, request: RequestOrigin
    ) async throws {
        try await trying(in: own, request: request) { place, account in
            let hash = account.passwordHash
            guard try await place.run({ hash.matches(password) }) else { throw AccountFault.credentialsWrong }
            try await writing { [self] transaction in
                let (account, session) = try owner(of: own, stillWith: hash, in: transaction)
                try proveFactor(of: account, code: code, in: transaction)
                try requireNoWayBack(account, in: transaction)
                try transaction.post(ForgetLoginFailures(name: failureName(own)))
                try audit(
                    "account.email-change-asked", of: account.id, by: .caller(session.caller), request: request, in: transaction)
                let holder = try transaction.first(VerifiedEmail(address.text, try keys))
                if holder != nil, holder != account.id { return }
                try queue(
                    .emailChange, to: account, at: try transaction.email(of: account, try keys), address: address.text,
                    in: transaction)
            }
        }
    }

    private func proveFactor(of account: Account, code: String?, in transaction: any WriteTransaction) throws {
        guard let factor = try transaction.first(SecondFactorOf(account: account.id)), factor.isConfirmed else { return }
        guard let code else { throw AccountFault.secondFactorNeeded }
        guard
            try transaction.use(code, of: factor, account.id, ring, at: surroundings.clock.now)
                || transaction.useRecovery(code, account.id, ring)
        else { throw AccountFault.codeWrong }
    }

    /// While the address before has a way back, there is no second change: whoever took an account over would otherwise take that way
    /// back too, by changing twice and going back once.
    private func requireNoWayBack(_ account: Account, in transaction: any WriteTransaction) throws {
        let now = surroundings.clock.now
        let unused = try transaction.fetch(UnusedLetters(account: account.id, kind: .emailChanged))
        if unused.contains(where: { $0 > now }) { throw AccountFault.emailChangedLately }
    }

    /// Gives an account the address its owner has shown to read at, and writes to the one before, with a way back. Who signs in with the
    /// address before signs in with the new one from now on. Throws `.linkOver`, `.emailTaken`, `.emailChangedLately`. Said again within a
    /// few minutes, it has been done.
    public func changeEmail(code: String, request: RequestOrigin) async throws {
        try await useOnce(.emailChange, code: code) { [self] transaction, letter, account, email in
            guard let address = letter.address else { throw AccountFault.linkOver }
            try requireNoWayBack(account, in: transaction)
            try move(account, email, to: address, in: transaction)
            try audit("account.email-changed", of: account.id, by: .reader, request: request, in: transaction)
            // One that nobody has shown to read at is no way back to anybody.
            guard let email, email.verifiedAt != nil, email.address != address else { return }
            try queue(.emailChanged, to: account, at: email, address: email.address, in: transaction)
        }
    }

    /// Gives an account back the address it had, whatever was done with it since: everybody is signed out, the password is good no more,
    /// every other letter is worthless, and one goes to that address with which to choose a new password. Throws `.linkOver`,
    /// `.emailTaken`. Said again within a few minutes, it has been done.
    public func undoEmailChange(code: String, request: RequestOrigin) async throws {
        try await useOnce(.emailChanged, code: code) { [self] transaction, letter, account, email in
            guard let address = letter.address else { throw AccountFault.linkOver }
            let now = surroundings.clock.now
            try transaction.run(VoidLetters(account: account.id, at: now))
            try move(account, email, to: address, in: transaction)
            try transaction.run(SetPassword(account: account.id, hash: .ofNobody(cost: settings.passwordCost), at: now))
            try audit("account.email-change-undone", of: account.id, by: .reader, request: request, in: transaction)
            try endAll(of: account.id, .emailChangeUndone, by: .reader, request: request, in: transaction)
            guard let restored = try transaction.first(AccountByID(id: account.id)).map({ try keys.open($0) }) else {
                throw AccountFault.linkOver
            }
            try queue(.passwordReset, to: restored, at: try transaction.email(of: restored, try keys), in: transaction)
        }
    }

    /// Gives an account another verified address, and the login that goes with it.
    private func move(
        _ account: Account, _ email: AccountEmail?, to address: Personal<String>, in transaction: any WriteTransaction
    ) throws {
        try store(address, for: account, after: email, in: transaction)
        guard account.login == email?.address else { return }
        var moved = account
        moved.login = address
        let holder = try transaction.first(AccountByLogin(address, try keys))?.kept.id
        guard holder == nil || holder == account.id else { throw AccountFault.emailTaken }
        do { try transaction.run(SetLogin(moved, try keys)) } catch let fault as StorageFault where fault.isLoginTaken {
            throw AccountFault.emailTaken
        }
    }
}

/// When the letters of a kind end that were not used, the newest first. There is one way back at a time, so a few say all.
struct UnusedLetters: Query {
    static let sql: SQL = """
        SELECT expires_at FROM letter WHERE account_id = $1 AND kind = $2 AND used_at IS NULL ORDER BY created_at DESC LIMIT 10
        """
    let account: ID<Account>
    let kind: LetterKind
    var bindings: [SQLValue] { [.id(account), .text(kind.rawValue)] }
    static func row(_ columns: any Columns) throws -> Instant { try columns.instant(0) }
}
