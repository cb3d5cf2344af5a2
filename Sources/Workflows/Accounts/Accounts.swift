public import Identity
public import Notation
import People
import Scheduling
import Secrecy
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
    let keyring: LiveKeyring

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

    /// Does so twice a second until its task is cancelled, so that what another node ended is over here within a second (MA-9).
    ///
    /// - Parameter trouble: is told once when the database does not answer, and again only after it has.
    public func heedEnded(
        every pause: Span = .milliseconds(500), trouble: @Sendable (any Error) -> Void = { _ in }
    ) async {
        let clock = surroundings.clock
        var isTrouble = false
        while !Task.isCancelled {
            do {
                try await refreshEnded()
                isTrouble = false
            } catch {
                if !isTrouble { trouble(error) }
                isTrouble = true
            }
            try? await clock.sleep(until: clock.now + pause)
        }
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

    static func normal(_ login: String) -> Personal<String> { Personal(NormalForm.login(login)) }
}

// What is about accounts speaks of people: each transaction has the clinic's keys at hand.
extension Accounts {
    /// What opens. It seals as well where nobody changes keys meanwhile: within `writing`, or a story.
    var keys: FieldKeys { get throws { try clinic.keys.ring() } }

    func reading<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try await clinic.withKeys { try await database.read(body) }
    }

    /// Nobody changes the clinic's keys until this transaction has ended.
    func writing<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        let keys = clinic.keys
        return try await clinic.withKeys {
            try await database.write { transaction in
                _ = try transaction.held(keys)
                return try body(transaction)
            }
        }
    }

    /// Writes down what happened to an account, in the transaction in which it does.
    func audit(
        _ act: String, of account: ID<Account>, by agent: Agent, reason: String? = nil, request: RequestOrigin,
        in transaction: any WriteTransaction
    ) throws {
        try clinic.audit(act, of: account, by: agent, reason: reason, request: request, in: transaction)
    }
}

/// Who has done something to an account, as its records name them.
enum Agent: Sendable {
    case caller(Caller)
    /// Whoever looks after the clinic, at its command line: `operator:brandt`.
    case operatorNamed(String)
    /// Whoever has read a letter to the account's owner.
    case reader
    /// Somebody who has not shown who they are.
    case nobody

    var name: String {
        switch self {
        case .caller(let caller): caller.principal
        case .operatorNamed(let name): name
        case .reader: "letter"
        case .nobody: "nobody"
        }
    }

    /// Nil for whoever has not signed in.
    fileprivate var role: Role? {
        switch self {
        case .caller(let caller): caller.role
        case .operatorNamed: .admin
        case .reader, .nobody: nil
        }
    }
}

extension Story {
    /// Who asks for what is told here.
    var agent: Agent { call.operatorName.map { .operatorNamed($0) } ?? .caller(call.caller) }
}

extension Clinic {
    /// - Parameter reason: the program has worded it: it speaks of nobody.
    func audit(
        _ act: String, of account: ID<Account>, by agent: Agent, reason: String? = nil, request: RequestOrigin,
        in transaction: any WriteTransaction
    ) throws {
        let entry = AuditEntry(
            id: surroundings.identifiers.next(AuditEntry.self), subject: account.of(), at: surroundings.clock.now,
            by: agent.name, act: act, fromState: nil, toState: nil, reason: reason.map { Personal($0) }, overridden: [],
            requestID: request.id,
            circumstances: AuditEntry.Circumstances(
                role: agent.role, purpose: agent.role == .patient ? .patientRequest : .operations, address: request.address,
                operation: request.operation,
                outcome: act == "account.refused" ? "refused" : AuditEntry.Circumstances.done, patients: [], query: nil))
        try transaction.post(InsertAudit(entry: try sealedNow(entry, keepingReason: true)))
        try transaction.post(InsertUnsealed(entry: entry))
    }
}
