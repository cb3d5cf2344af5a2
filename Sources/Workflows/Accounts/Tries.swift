import Notation
import Scheduling
import Storage

// Wrong passwords and codes: counted before anybody looks, and written down afterwards.
extension Accounts {
    /// Throws `.tooManyTries` while the last failures are too many and too fresh; otherwise counts one more.
    func countTry(_ name: [UInt8]) async throws {
        let (clock, settings) = (surroundings.clock, settings)
        try await database.write { transaction in
            while true {
                let now = clock.now
                let failures = try transaction.first(LoginFailures(name: name))
                if let failures, failures.count >= settings.freeTries {
                    let wait = min(settings.waitMaximum, .seconds(1 << min(failures.count - settings.freeTries, 20)))
                    let left = failures.lastAt + wait - now
                    if left > .zero { throw AccountFault.tooManyTries(seconds: Int((left.seconds).rounded(.up))) }
                }
                // Zero rows: somebody else was counted meanwhile.
                if try transaction.run(CountLoginFailure(name: name, seen: failures?.count ?? 0, at: now)) == 1 { return }
            }
        }
    }

    /// Writes down that somebody was refused; for a login nobody has as much is written, and nothing kept.
    func noteRefusal(of account: ID<Account>?, _ name: [UInt8], reason: String? = nil, request: RequestOrigin) async throws {
        try await clinic.withKeys {
            try await database.write { [self] transaction in
                guard let account else {
                    return try transaction.post(TouchLoginFailure(name: name, at: surroundings.clock.now))
                }
                try audit("account.refused", of: account, by: .nobody, reason: reason, request: request, in: transaction)
            }
        }
    }
}
