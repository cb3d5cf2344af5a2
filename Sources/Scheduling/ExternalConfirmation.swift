public import Notation

/// What somebody else's calendar has said to an appointment that it has to agree to (GF-2).
public struct ExternalConfirmation: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        /// It is being asked.
        case pending
        case confirmed
        /// It said no.
        case failed
        /// It may have it, and is being told to give it up.
        case cancelling
        case cancelled
    }

    /// Whether a calendar can be called so: 1 to 64 letters, digits and `-_.`.
    public static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "-_.".utf8.contains($0)
            }
    }

    /// The other calendar's name in the clinic's settings.
    public let provider: String
    /// What names the request there: the same in every attempt.
    public let requestID: String
    public let state: State
    /// How often it was asked.
    public let attempts: Int
    /// A word of theirs, or why nothing came: says nothing about a person.
    public let lastAnswer: String?
    /// It is asked until then.
    public let askedUntil: Instant
    public let updatedAt: Instant

    public init(
        provider: String, requestID: String, state: State, attempts: Int, lastAnswer: String?, askedUntil: Instant,
        updatedAt: Instant
    ) {
        self.provider = provider
        self.requestID = requestID
        self.state = state
        self.attempts = attempts
        self.lastAnswer = lastAnswer
        self.askedUntil = askedUntil
        self.updatedAt = updatedAt
    }
}
