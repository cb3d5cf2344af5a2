public import Notation
public import People

/// Somebody broke the glass: for one patient, for an hour, for a reason that somebody else will read.
public struct EmergencyAccess: Sendable {
    public enum Verdict: String, Sendable, CaseIterable { case justified, unjustified }

    public struct Review: Sendable {
        public let by: String
        public let at: Instant
        public let verdict: Verdict
        public let note: Personal<String>?
    }

    /// How long the glass stays broken.
    public static let lasting: Span = .minutes(60)
    /// How long a review may take.
    public static let reviewWithin: Span = .hours(72)

    public let id: ID<EmergencyAccess>
    /// Who broke it: `practitioner:0192…`.
    public let principal: String
    public let patient: ID<Patient>
    public let reason: Personal<String>
    public let begunAt: Instant
    /// An hour later, or when whoever broke it was done.
    public let endsAt: Instant
    public let review: Review?

    public func isOverdue(at now: Instant) -> Bool { review == nil && begunAt + Self.reviewWithin <= now }
}
