public import Identity
public import Notation
import Scheduling
import Storage

// What somebody has besides their password.
extension Accounts {
    /// Makes a secret for the caller's authenticator, which counts from the first code it proves itself with. Asked for again before
    /// that, it is another. Throws `.credentialsWrong`, and `.secondFactorThere` when there is one that counts.
    public func proposeSecondFactor(
        password: Password, in own: ID<Session>, requestID: String
    ) async throws -> (secret: OneTimeSecret, login: Personal<String>) {
        let account = try await provenOwner(of: own, password)
        let surroundings = surroundings
        let secret = OneTimeSecret.make(surroundings.random)
        let sealed = try vault.sealed(secret, for: account.id.description)
        try await database.write { transaction in
            guard try transaction.run(ProposeSecondFactor(account: account.id, sealedSecret: sealed)) == 1 else {
                throw AccountFault.secondFactorThere
            }
            try transaction.audit(
                "account.second-factor-proposed", of: account.id, by: account.principal, requestID: requestID, surroundings)
        }
        return (secret, account.login)
    }

    /// From now on the account needs a code to sign in. Returns the recovery codes, which nobody is shown again. Throws `.codeWrong`,
    /// and `.secondFactorMissing` when none was proposed, or one counts already.
    public func confirmSecondFactor(code: String, in own: ID<Session>, requestID: String) async throws -> [RecoveryCode] {
        guard let account = try await account(of: own) else { throw AccountFault.sessionEnded }
        let (surroundings, vault, secret) = (surroundings, vault, secret)
        let random = surroundings.random
        let codes = (0..<RecoveryCode.count).map { _ in RecoveryCode.make(random) }
        try await database.write { transaction in
            guard let factor = try transaction.first(SecondFactorOf(account: account.id)), !factor.isConfirmed else {
                throw AccountFault.secondFactorMissing
            }
            guard try transaction.use(code, of: factor, account.id, vault, at: surroundings.clock.now) else {
                throw AccountFault.codeWrong
            }
            for code in codes {
                try transaction.run(InsertRecoveryCode(account: account.id, digest: code.digest(with: secret)))
            }
            try transaction.audit(
                "account.second-factor-added", of: account.id, by: account.principal, requestID: requestID, surroundings)
        }
        return codes
    }

    /// Takes it away again, for another device. Throws `.credentialsWrong` when password or code are not right.
    public func removeSecondFactor(password: Password, code: String, in own: ID<Session>, requestID: String) async throws {
        let account = try await provenOwner(of: own, password, keepsCount: true)
        let (surroundings, vault, secret, name) = (surroundings, vault, secret, failureName(account.login))
        try await database.write { transaction in
            guard let factor = try transaction.first(SecondFactorOf(account: account.id)) else {
                throw AccountFault.secondFactorMissing
            }
            if factor.isConfirmed {
                guard
                    try transaction.use(code, of: factor, account.id, vault, at: surroundings.clock.now)
                        || transaction.useRecovery(code, account.id, secret)
                else { throw AccountFault.credentialsWrong }
            }
            try transaction.post(ForgetLoginFailures(name: name))
            try transaction.removeSecondFactor(of: account.id)
            try transaction.audit(
                "account.second-factor-removed", of: account.id, by: account.principal, requestID: requestID, surroundings)
        }
    }

    /// For somebody who has lost their authenticator and their recovery codes, by whoever looks after the clinic.
    public func resetSecondFactor(login: String, by: String, requestID: String) async throws {
        try await change(login: login) { transaction, account, surroundings, ended in
            guard try transaction.first(SecondFactorOf(account: account.id)) != nil else {
                throw AccountFault.secondFactorMissing
            }
            try transaction.removeSecondFactor(of: account.id)
            try transaction.audit("account.second-factor-reset", of: account.id, by: by, requestID: requestID, surroundings)
            for session in try transaction.fetch(OpenSessions(account: account.id, now: surroundings.clock.now)) {
                try transaction.end(session, .secondFactorReset, by: by, requestID: requestID, surroundings, ended)
            }
        }
    }

    /// Whose session it is, when the password is theirs. Wrong ones are counted as in signing in.
    ///
    /// - Parameter keepsCount: leaves the try counted: what follows may still go wrong.
    private func provenOwner(
        of session: ID<Session>, _ password: Password, keepsCount: Bool = false
    ) async throws -> Account {
        guard let account = try await account(of: session) else { throw AccountFault.sessionEnded }
        try await countTry(account.login)
        let (known, name) = (account.passwordHash, failureName(account.login))
        guard try await HashingDesk.shared.run({ known.matches(password) }) else { throw AccountFault.credentialsWrong }
        if !keepsCount { try await database.write { try $0.post(ForgetLoginFailures(name: name)) } }
        return account
    }
}

extension WriteTransaction {
    /// Uses a code of the authenticator up; false when it is none, or was used.
    func use(_ code: String, of factor: SecondFactor, _ account: ID<Account>, _ vault: OneTimeVault, at now: Instant) throws
        -> Bool
    {
        guard let secret = vault.opened(factor.sealedSecret, for: account.description) else {
            throw StorageFault.statement("second_factor: a secret that this clinic has not sealed")
        }
        guard let step = secret.step(of: code, at: now, after: factor.lastStep) else { return false }
        return try run(UseStep(account: account, step: step, at: now)) == 1
    }

    /// Uses a recovery code up; false when it is none of theirs, or was used.
    func useRecovery(_ code: String, _ account: ID<Account>, _ secret: [UInt8]) throws -> Bool {
        guard let code = RecoveryCode(typed: code) else { return false }
        return try run(UseRecoveryCode(account: account, digest: code.digest(with: secret))) == 1
    }

    fileprivate func removeSecondFactor(of account: ID<Account>) throws {
        try run(RemoveSecondFactor(account: account))
        try run(RemoveRecoveryCodes(account: account))
    }
}

extension Account {
    /// The account itself, where somebody acts on it and not as anybody in the clinic.
    var principal: String { "account:\(id)" }
}
