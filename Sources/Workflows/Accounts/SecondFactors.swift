public import Identity
public import Notation
import People
import Scheduling
import Storage

// What somebody has besides their password.
extension Accounts {
    /// Makes a secret for the caller's authenticator, which counts from the first code it proves itself with. Asked for again before
    /// that, it is another. Throws `.credentialsWrong`, and `.secondFactorThere` when there is one that counts.
    public func proposeSecondFactor(
        password: Password, in own: ID<Session>, requestID: String
    ) async throws -> (secret: OneTimeSecret, login: Personal<String>) {
        try await trying(in: own, requestID: requestID) { place, account in
            let known = account.passwordHash
            guard try await place.run({ known.matches(password) }) else { throw AccountFault.credentialsWrong }
            let surroundings = surroundings
            let secret = OneTimeSecret.make(surroundings.random)
            let sealed = try ring.sealed(secret, for: account.id.description, at: surroundings.clock.now)
            try await database.write { transaction in
                let (account, session) = try transaction.owner(of: own, stillWith: known, at: surroundings.clock.now)
                guard try transaction.run(ProposeSecondFactor(account: account.id, sealedSecret: sealed)) == 1 else {
                    throw AccountFault.secondFactorThere
                }
                try transaction.audit(
                    "account.second-factor-proposed", of: account.id, by: session.caller.principal, requestID: requestID,
                    surroundings)
            }
            return (secret, account.login)
        }
    }

    /// From now on the account needs a code to sign in; sessions that have not shown one end. Returns the recovery codes, which nobody
    /// is shown again. Throws `.codeWrong`, and `.secondFactorMissing` when none was proposed, or one counts already.
    public func confirmSecondFactor(code: String, in own: ID<Session>, requestID: String) async throws -> [RecoveryCode] {
        try await trying(in: own, requestID: requestID) { _, _ in
            let (surroundings, ring, ended) = (surroundings, ring, ended)
            let random = surroundings.random
            let codes = (0..<RecoveryCode.count).map { _ in RecoveryCode.make(random) }
            try await database.write { transaction in
                let now = surroundings.clock.now
                let (account, session) = try transaction.owner(of: own, at: now)
                guard let factor = try transaction.first(SecondFactorOf(account: account.id)), !factor.isConfirmed else {
                    throw AccountFault.secondFactorMissing
                }
                guard try transaction.use(code, of: factor, account.id, ring, at: now) else { throw AccountFault.codeWrong }
                for code in codes {
                    try transaction.run(InsertRecoveryCode(account: account.id, digest: ring.digest(of: code, at: now)))
                }
                let by = session.caller.principal
                try transaction.audit("account.second-factor-added", of: account.id, by: by, requestID: requestID, surroundings)
                try transaction.endAll(
                    of: account.id, sparing: own, .secondFactorAdded, by: by, requestID: requestID, surroundings, ended)
            }
            return codes
        }
    }

    /// Takes it away again, for another device. Throws `.credentialsWrong` when password or code are not right.
    public func removeSecondFactor(password: Password, code: String, in own: ID<Session>, requestID: String) async throws {
        try await trying(in: own, requestID: requestID) { place, account in
            let known = account.passwordHash
            guard try await place.run({ known.matches(password) }) else { throw AccountFault.credentialsWrong }
            let (surroundings, ring, name) = (surroundings, ring, failureName(own))
            try await database.write { transaction in
                let now = surroundings.clock.now
                let (account, session) = try transaction.owner(of: own, stillWith: known, at: now)
                guard let factor = try transaction.first(SecondFactorOf(account: account.id)) else {
                    throw AccountFault.secondFactorMissing
                }
                if factor.isConfirmed {
                    guard
                        try transaction.use(code, of: factor, account.id, ring, at: now)
                            || transaction.useRecovery(code, account.id, ring)
                    else { throw AccountFault.credentialsWrong }
                }
                try transaction.post(ForgetLoginFailures(name: name))
                try transaction.removeSecondFactor(of: account.id)
                try transaction.audit(
                    "account.second-factor-removed", of: account.id, by: session.caller.principal, requestID: requestID,
                    surroundings)
            }
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
            try transaction.endAll(
                of: account.id, .secondFactorReset, by: by, requestID: requestID, surroundings, ended)
        }
    }
}

extension WriteTransaction {
    /// Uses a code of the authenticator up; false when it is none, or was used.
    func use(_ code: String, of factor: SecondFactor, _ account: ID<Account>, _ ring: Keyring, at now: Instant) throws -> Bool {
        // One that was sealed with another secret, or for somebody else, has no codes; recovery codes may still do.
        guard let secret = ring.opened(factor.sealedSecret, for: account.description),
            let step = secret.step(of: code, at: now, after: factor.lastStep)
        else { return false }
        return try run(UseStep(account: account, step: step, at: now)) == 1
    }

    /// Uses a recovery code up; false when it is none of theirs, or was used.
    func useRecovery(_ code: String, _ account: ID<Account>, _ ring: Keyring) throws -> Bool {
        guard let code = RecoveryCode(typed: code) else { return false }
        // It may have been given out before a rotation.
        for digest in ring.digests(of: code) {
            if try run(UseRecoveryCode(account: account, digest: digest)) == 1 { return true }
        }
        return false
    }

    fileprivate func removeSecondFactor(of account: ID<Account>) throws {
        try run(RemoveSecondFactor(account: account))
        try run(RemoveRecoveryCodes(account: account))
    }
}
