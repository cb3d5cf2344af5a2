public import Identity
public import Notation
import People
import Scheduling
import Storage

/// Who may sign in to a clinic, and the sessions of those who have.
///
/// A session is continued with refresh tokens, each of which is good once (RFC 9700 §4.14.2): the next turn comes with each answer. A
/// token from an earlier turn says that there are two who have it, and ends the session for both; only the one before the newest is
/// answered again for half a minute, with the same successor, because the first answer may have been lost.
public final class Accounts: Sendable {
    public let clinic: Clinic
    public let settings: AccountSettings
    /// Whose access tokens are good no more, though they have not expired.
    public let ended = EndedSessions()
    private let keyring: LiveKeyring

    public init(_ clinic: Clinic, _ keyring: LiveKeyring, settings: AccountSettings = AccountSettings()) {
        self.clinic = clinic
        self.keyring = keyring
        self.settings = settings
    }

    /// With one secret of 32 bytes or more.
    public convenience init(_ clinic: Clinic, secret: [UInt8], settings: AccountSettings = AccountSettings()) {
        self.init(clinic, LiveKeyring(Keyring(secret: secret)), settings: settings)
    }

    var ring: Keyring { keyring.ring }

    var database: any Database { clinic.database }
    var surroundings: Surroundings { clinic.surroundings }

    /// Learns which sessions ended meanwhile, here or elsewhere.
    public func refreshEnded() async throws {
        try await ended.refresh(
            from: database, now: surroundings.clock.now, memory: settings.accessLasting + .minutes(1))
    }

    /// Forgets sessions that nobody can continue, letters nobody can use and wrong passwords that nobody waits for any more.
    public func forgetOld() async throws {
        let (now, settings) = (surroundings.clock.now, settings)
        try await database.write { transaction in
            try transaction.run(ForgetOldSessions(before: now - .days(30)))
            try transaction.run(ForgetOldLetters(before: now - .days(30)))
            try transaction.run(ForgetOldAssertions(before: now))
            try transaction.run(ForgetOldLoginFailures(before: now - settings.waitMaximum - settings.waitMaximum))
        }
    }

    /// A password that is the same for a clinic and a purpose each time it is asked for, and nobody can guess: for a demonstration.
    public func derivedPassword(for purpose: String) -> String {
        String(DerivedKey.text(of: purpose, from: ring.founding, for: "mediconnect derived password").prefix(16))
    }

    /// What a page says of its session in a header, to show that no other site's page speaks in its place.
    public func csrfToken(of session: ID<Session>) -> String { ring.csrfToken(of: session, at: surroundings.clock.now) }

    public func isCSRFToken(_ text: String, of session: ID<Session>) -> Bool { ring.isCSRFToken(text, of: session) }

    /// Which session a refresh token is of; nil when it is none of this clinic's.
    public func session(ofRefreshToken text: String) -> ID<Session>? { ring.refreshToken(text)?.session }

    /// Seals and opens what a browser takes along.
    public var secrets: Keyring { ring }

    /// What stands for a login where wrong passwords are counted. The same after a rotation, which gives nobody five guesses more.
    func failureName(_ login: Personal<String>) -> [UInt8] {
        DerivedKey.digest(of: login.revealed, from: ring.founding, for: "mediconnect login failures")
    }

    /// The same for what is tried within a session.
    func failureName(_ session: ID<Session>) -> [UInt8] {
        DerivedKey.digest(of: session.description, from: ring.founding, for: "mediconnect session failures")
    }

    /// The same where the glass is broken: who is right there has proved nothing that would give other tries back.
    func emergencyFailureName(_ session: ID<Session>) -> [UInt8] {
        DerivedKey.digest(of: session.description, from: ring.founding, for: "mediconnect emergency failures")
    }

    static func normal(_ login: String) -> Personal<String> { Personal(login.lowercased()) }
}

extension WriteTransaction {
    /// Writes down what happened to an account, in the transaction in which it does.
    func audit(
        _ act: String, of account: ID<Account>, by: String, reason: String? = nil, requestID: String, _ surroundings: Surroundings
    ) throws {
        let entry = AuditEntry(
            id: surroundings.identifiers.next(AuditEntry.self), subject: account.of(), at: surroundings.clock.now, by: by,
            act: act,
            fromState: nil, toState: nil, reason: reason.map { Personal($0) }, overridden: [], requestID: requestID)
        // Whatever reason there is, the program has worded it: it speaks of nobody.
        try post(InsertAudit(entry: Sealed(kept: entry)))
        try post(InsertUnsealed(entry: entry))
    }
}
