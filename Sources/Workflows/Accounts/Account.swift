public import Identity
public import Notation
public import People

/// Somebody who may sign in. One person may be several things in a clinic, and signs in as one of them at a time.
public struct Account: Sendable {
    public enum State: String, Sendable, CaseIterable { case active, locked, closed }

    public let id: ID<Account>
    /// In small letters: `emma@clinic.example`.
    public internal(set) var login: Personal<String>
    public let state: State
    public let createdAt: Instant
    let passwordHash: PasswordHash
    let passwordSetAt: Instant
}

/// One sign-in and all its continuations, on one device.
public struct SessionRecord: Sendable {
    public let id: ID<Session>
    let account: ID<Account>
    /// Who it speaks for.
    public internal(set) var caller: Caller
    /// What the client calls itself: `Emma's phone`.
    public internal(set) var device: Personal<String>?
    let turn: Int
    /// When it was last continued.
    public let turnedAt: Instant
    public let createdAt: Instant
    public let expiresAt: Instant
    public let endedAt: Instant?
    /// Who has said that it is them; nil for their password.
    let issuer: String?
}

/// Why a session ended.
public enum SessionEnd: String, Sendable, CaseIterable {
    /// Its owner ended it.
    case signedOut = "signed-out"
    /// A token that had been used before was used again: somebody has a copy.
    case reused
    case passwordChanged = "password-changed"
    case accountLocked = "account-locked"
    case accountClosed = "account-closed"
    case secondFactorAdded = "second-factor-added"
    /// There were too many, and it was the oldest.
    case tooMany = "too-many"
    case secondFactorReset = "second-factor-reset"
    /// What the account may sign in as, or where, is not what it was.
    case rolesChanged = "roles-changed"
    case emailChangeUndone = "email-change-undone"
    /// It is no provider's word any more whose account it is.
    case unlinked
}

/// What a session is continued with, and for how long.
public struct SessionGrant: Sendable {
    public let session: SessionRecord
    /// The next turn; nothing else continues the session.
    public let refreshToken: String
    /// The clinic wants a second factor of this role, and the account has none: until it has, it can do nothing else.
    public let mustAddSecondFactor: Bool
}

/// What accounts refuse. Whoever signs in is told the same for a login nobody has and for a wrong password.
public enum AccountFault: Error, Sendable, Equatable {
    case credentialsWrong
    case tooManyTries(seconds: Int)
    /// The account is several things, and which is meant was not said.
    case roleNeeded([Role])
    /// It is that already, as somebody else.
    case roleTaken
    /// It is not that, or it is nothing else: then it can only be closed.
    case roleMissing
    case placeUnknown
    case sessionEnded
    case passwordUnsuitable(PasswordFlaw)
    case loginTaken
    case accountUnknown
    /// Login and password are right, and a code of the authenticator is missing.
    case secondFactorNeeded
    case secondFactorThere
    case secondFactorMissing
    /// Not one the authenticator shows now, or one that was used.
    case codeWrong
    /// The code of a letter is none, was used, is too old, or what it was for has changed since.
    case linkOver
    /// Another account has this address.
    case emailTaken
    /// Nobody knows where its owner is written to.
    case emailMissing
    /// It has been shown already that letters reach them there.
    case emailVerified
    /// The address before can still be taken back.
    case emailChangedLately
    /// There is no such service, its secret is another, or it was revoked.
    case serviceUnknown
    /// The service was not given what it asks for.
    case scopeNotGranted
    /// There is a service with this identifier.
    case serviceThere
    /// More want to sign in than can be looked at.
    case overloaded
    /// Nobody here is whom the provider has named, or not in this way; why is in the audit.
    case identityRefused
    /// The account, or the provider's subject, is linked already.
    case linkTaken
}

public struct AccountSettings: Sendable {
    /// How long a session lasts that nobody continues (MA-9).
    public var sessionLasting: Span = .days(7)
    /// How long it lasts however often it is continued.
    public var sessionMaximum: Span = .days(30)
    /// How long the token before the newest is answered with the same successor: its first answer may have been lost.
    public var lostAnswer: Span = .seconds(30)
    /// How many an account may have open; the oldest makes room for a new one.
    public var sessionsMaximum = 100
    /// How long an access token is valid.
    public var accessLasting: Span = .minutes(15)
    /// So many wrong passwords cost nothing; each further one twice the wait of the one before, up to a quarter of an hour.
    public var freeTries = 5
    public var waitMaximum: Span = .minutes(15)
    public var passwordCost: PasswordHash.Cost = .usual
    /// Who cannot do anything without a second factor.
    public var secondFactorFor: Set<Role> = []

    public init() {}
}
