public import Identity
public import Letters
import Notation
import Outbox
import Storage

// Somebody has forgotten their password.
extension Accounts {
    /// Asks for a letter to the owner of an address. What is answered, and what is done before the answer, is the same whether there is an
    /// account or not: a look, and a message in the queue that names an account or nobody. Throws `.tooManyTries` for an address that is
    /// asked for again and again.
    public func askForPasswordReset(of address: MailAddress, request: RequestOrigin) async throws {
        try await countTry(DerivedKey.digest(of: address.text.revealed, from: ring.founding, for: "mediconnect reset requests"))
        let clinic = clinic
        try await writing { [self] transaction in
            let known = try transaction.first(VerifiedEmail(address.text, try keys))
            let account = known ?? surroundings.identifiers.next(Account.self)
            try transaction.post(
                OutboxMessage(
                    id: surroundings.identifiers.next(OutboxMessage.self), topic: AccountTopic.resetAsked,
                    payload: #"{"account":"\#(account)","request":"\#(request.id)"}"#, createdAt: surroundings.clock.now,
                    expiresAt: surroundings.clock.now + LetterKind.passwordReset.lasting, subject: account.of()))
            transaction.afterCommit { clinic.afterChange() }
        }
    }

    /// Whoever asks on, nobody's mailbox is filled: so many letters an hour go to an account.
    private static let lettersAnHour = 5

    func writeResetLetter(_ delivery: Delivery, in transaction: any WriteTransaction) throws -> Verdict {
        let asked = try JSON(parsing: delivery.payload)
        guard let id = asked["account"]?.string.flatMap({ ID<Account>($0) }) else {
            throw DeliveryFault("an outbox message names no account")
        }
        guard let account = try transaction.first(AccountToChange(id: id)).map({ try keys.open($0) }), account.state == .active,
            let email = try transaction.first(EmailOfAccount(account: id)).map({ try keys.open($0) }), email.verifiedAt != nil
        else { return .done }
        let since = surroundings.clock.now - .hours(1)
        let recent = try transaction.fetch(
            LettersSince(account: id, kind: .passwordReset, since: since, limit: Self.lettersAnHour))
        guard recent.count < Self.lettersAnHour else { return .done }
        try queue(.passwordReset, to: account, at: email, in: transaction)
        try audit(
            "account.password-reset-asked", of: id, by: .nobody, request: RequestOrigin(id: asked["request"]?.string ?? ""),
            in: transaction)
        return .done
    }

    /// Gives an account a new password with the code of a letter, signs it out everywhere, and tells its owner. The second factor stays as
    /// it is (ASVS 6.4.3). Throws `.linkOver`, `.passwordUnsuitable`. Said again within a few minutes, because the answer was lost, it
    /// has been done.
    public func resetPassword(code: String, to new: Password, request: RequestOrigin) async throws {
        try await choosePassword(.passwordReset, code: code, new, request: request) { [self] transaction, account, email in
            try audit("account.password-reset", of: account.id, by: .reader, request: request, in: transaction)
            let fresh = try transaction.first(AccountByID(id: account.id)).map { try keys.open($0) } ?? account
            try queue(.passwordChanged, to: fresh, at: email, in: transaction)
        }
    }

    /// What letters that bring a password have in common.
    func choosePassword(
        _ kind: LetterKind, code: String, _ new: Password, request: RequestOrigin,
        _ more: @escaping @Sendable (any WriteTransaction, Account, AccountEmail?) throws -> Void
    ) async throws {
        let (letter, known) = try await letter(kind, with: code)
        if let flaw = new.flaw(knowing: [known.login.revealed]) { throw AccountFault.passwordUnsuitable(flaw) }
        let (cost, name) = (settings.passwordCost, failureName(known.login))
        try await HashingDesk.shared.attending { place in
            if let usedAt = letter.usedAt {
                let isFresh = surroundings.clock.now < usedAt + .minutes(5)
                let hash = known.passwordHash
                guard isFresh, known.state == .active, try await place.run({ hash.matches(new) }) else {
                    throw AccountFault.linkOver
                }
                return
            }
            guard letter.isOpen(at: surroundings.clock.now) else { throw AccountFault.linkOver }
            let hash = try await place.run { try PasswordHash.make(of: new, cost: cost) }
            try await writing { [self] transaction in
                let (account, email) = try use(letter, in: transaction)
                try transaction.run(SetPassword(account: account.id, hash: hash, at: surroundings.clock.now))
                try transaction.post(ForgetLoginFailures(name: name))
                try more(transaction, account, email)
                try endAll(
                    of: account.id, .passwordChanged, by: .reader, request: request, in: transaction)
            }
        }
    }
}
