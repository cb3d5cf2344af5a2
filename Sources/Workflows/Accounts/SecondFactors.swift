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
        password: Password, in own: ID<Session>, request: RequestOrigin
    ) async throws -> (secret: OneTimeSecret, login: Personal<String>) {
        try await trying(in: own, request: request) { place, account in
            let known = account.passwordHash
            guard try await place.run({ known.matches(password) }) else { throw AccountFault.credentialsWrong }
            let secret = OneTimeSecret.make(surroundings.random)
            let sealed = try ring.sealed(secret, for: account.id.description, at: surroundings.clock.now)
            try await writing { [self] transaction in
                let (account, session) = try owner(of: own, stillWith: known, in: transaction)
                guard try transaction.run(ProposeSecondFactor(account: account.id, sealedSecret: sealed)) == 1 else {
                    throw AccountFault.secondFactorThere
                }
                try audit(
                    "account.second-factor-proposed", of: account.id, by: .caller(session.caller), request: request,
                    in: transaction)
            }
            return (secret, account.login)
        }
    }

    /// From now on the account needs a code to sign in; sessions that have not shown one end. Returns the recovery codes, which nobody
    /// is shown again. Throws `.codeWrong`, and `.secondFactorMissing` when none was proposed, or one counts already.
    public func confirmSecondFactor(code: String, in own: ID<Session>, request: RequestOrigin) async throws -> [RecoveryCode] {
        try await trying(in: own, request: request) { _, _ in
            let ring = ring
            let random = surroundings.random
            let codes = (0..<RecoveryCode.count).map { _ in RecoveryCode.make(random) }
            try await writing { [self] transaction in
                let now = surroundings.clock.now
                let (account, session) = try owner(of: own, in: transaction)
                guard let factor = try transaction.first(SecondFactorOf(account: account.id)), !factor.isConfirmed else {
                    throw AccountFault.secondFactorMissing
                }
                guard try transaction.use(code, of: factor, account.id, ring, at: now) else { throw AccountFault.codeWrong }
                for code in codes {
                    try transaction.run(InsertRecoveryCode(account: account.id, digest: ring.digest(of: code, at: now)))
                }
                let by = Agent.caller(session.caller)
                try audit("account.second-factor-added", of: account.id, by: by, request: request, in: transaction)
                try endAll(
                    of: account.id, sparing: own, .secondFactorAdded, by: by, request: request, in: transaction)
            }
            return codes
        }
    }

    /// Takes it away again, for another device. Throws `.credentialsWrong` when password or code are not right.
    public func removeSecondFactor(password: Password, code: String, in own: ID<Session>, request: RequestOrigin) async throws {
        try await trying(in: own, request: request) { place, account in
            let known = account.passwordHash
            guard try await place.run({ known.matches(password) }) else { throw AccountFault.credentialsWrong }
            let (ring, name) = (ring, failureName(own))
            try await writing { [self] transaction in
                let now = surroundings.clock.now
                let (account, session) = try owner(of: own, stillWith: known, in: transaction)
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
                try audit(
                    "account.second-factor-removed", of: account.id, by: .caller(session.caller), request: request,
                    in: transaction)
            }
        }
    }

    /// For somebody who has lost their authenticator and their recovery codes, by whoever looks after the clinic.
    public func resetSecondFactor(login: String, by: String, request: RequestOrigin) async throws {
        try await change(login: login) { [self] transaction, account in
            guard try transaction.first(SecondFactorOf(account: account.id)) != nil else {
                throw AccountFault.secondFactorMissing
            }
            try transaction.removeSecondFactor(of: account.id)
            try audit("account.second-factor-reset", of: account.id, by: .operatorNamed(by), request: request, in: transaction)
            try endAll(
                of: account.id, .secondFactorReset, by: .operatorNamed(by), request: request, in: transaction)
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
