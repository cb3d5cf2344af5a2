import Identity
public import Letters
import Notation
import Outbox
import Storage

/// Why a letter is good no more.
public enum LetterEnd: Sendable, CaseIterable {
    case used
    /// Its time has passed, or was ended by a newer letter.
    case expired
    /// The account has another password or address since, or was locked.
    case overtaken
    /// There is no such letter.
    case unknown
}

/// What accounts leave in the outbox.
public enum AccountTopic {
    /// A letter to be written and sent: `{"letter": …}`. Address and code are looked up and made when it is.
    public static let letter = "account.letter"
    /// Somebody has asked for a new password: `{"account": …}`, or an identifier that is nobody's.
    public static let resetAsked = "account.reset-asked"
}

extension Accounts {
    /// Queues a letter in the transaction that is its reason.
    ///
    /// - Parameter address: where it goes when not to the account's own.
    func queue(
        _ kind: LetterKind, to account: Account, at email: AccountEmail?, address: Personal<String>? = nil,
        in transaction: any WriteTransaction
    ) throws {
        let now = surroundings.clock.now
        let letter = LetterRecord(
            id: surroundings.identifiers.next(AccountLetter.self), account: account.id, kind: kind, address: address,
            createdAt: now,
            expiresAt: now + kind.lasting, usedAt: nil, likeness: likeness(of: account, at: email))
        try transaction.run(InsertLetter(letter: try keys.seal(letter)))
        try transaction.post(
            OutboxMessage(
                id: letter.id.of(), topic: AccountTopic.letter, payload: #"{"letter":"\#(letter.id)"}"#, createdAt: now,
                expiresAt: letter.expiresAt, subject: letter.account.of(), maxAttempts: Self.attemptsMaximum))
        let clinic = clinic
        transaction.afterCommit { clinic.afterChange() }
    }

    /// What a letter asks for ends long before so many attempts: until then a mail server may be away for a weekend.
    private static let attemptsMaximum = 1_000

    /// Stands for what an account is like: another password, another address, and it is not like that any more.
    func likeness(of account: Account, at email: AccountEmail?) -> [UInt8] {
        DerivedKey.digest(
            of: "\(account.id) \(account.passwordHash.text) \(email?.address.revealed ?? "")", from: ring.founding,
            for: "mediconnect letter likeness")
    }

    /// The letter a code came in, of a kind, and whose it is; throws `.linkOver` when there is none. Whether it may still be used is for
    /// the transaction that uses it.
    func letter(_ kind: LetterKind, with code: String) async throws -> (letter: LetterRecord, account: Account) {
        guard let code = ring.letterCode(code) else { throw AccountFault.linkOver }
        return try await reading { [self] transaction in
            guard let letter = try transaction.first(LetterByID(id: code.letter)), letter.kept.kind == kind,
                let account = try transaction.first(AccountByID(id: letter.kept.account))
            else { throw AccountFault.linkOver }
            return (try keys.open(letter), try keys.open(account))
        }
    }

    /// Why a letter of a kind cannot be used, for who holds its code. Says nothing about anything else: a code that no secret of the clinic
    /// has sealed is `.unknown`, whatever there is.
    public func end(of kind: LetterKind, code: String) async throws -> LetterEnd {
        guard let code = ring.letterCode(code) else { return .unknown }
        let known = try await database.read { try $0.first(LetterByID(id: code.letter))?.kept }
        guard let known, known.kind == kind else { return .unknown }
        if known.usedAt != nil { return .used }
        return known.isOpen(at: surroundings.clock.now) ? .overtaken : .expired
    }

    /// Uses a letter up, and nobody else changes the account until the transaction ends. Throws `.linkOver` when it was used, its time has
    /// passed, or the account has changed since.
    func use(_ letter: LetterRecord, in transaction: any WriteTransaction) throws -> (account: Account, email: AccountEmail?) {
        guard let account = try transaction.first(AccountToChange(id: letter.account)).map({ try keys.open($0) }),
            account.state == .active
        else { throw AccountFault.linkOver }
        let email = try transaction.email(of: account, try keys)
        guard !letter.kind.needsLikeness || likeness(of: account, at: email) == letter.likeness,
            try transaction.run(UseLetter(id: letter.id, at: surroundings.clock.now)) == 1
        else { throw AccountFault.linkOver }
        return (account, email)
    }
}
