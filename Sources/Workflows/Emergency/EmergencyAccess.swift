public import Notation
public import People

/// Somebody broke the glass: for one patient, for an hour, for a reason that somebody else will read.
public struct EmergencyAccess: Sendable {
    public enum Verdict: String, Sendable, CaseIterable { case justified, unjustified }

    public struct Review: Sendable {
        public let by: String
        public let at: Instant
        public let verdict: Verdict
        public internal(set) var note: Personal<String>?
    }

    /// How long the glass stays broken.
    public static let lasting: Span = .minutes(60)
    /// How long a review may take.
    public static let reviewWithin: Span = .hours(72)

    public let id: ID<EmergencyAccess>
    /// Who broke it: `practitioner:0192…`.
    public let principal: String
    public let patient: ID<Patient>
    public internal(set) var reason: Personal<String>
    public let begunAt: Instant
    /// An hour later, or when whoever broke it was done.
    public let endsAt: Instant
    public internal(set) var review: Review?

    public func isOverdue(at now: Instant) -> Bool { review == nil && begunAt + Self.reviewWithin <= now }
}

extension EmergencyAccess: Sealable {
    static let table = "emergency_access"
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows
        -> EmergencyAccess
    {
        var copy = self
        copy.reason = try exchange("reason", reason)
        copy.review?.note = try review?.note.map { try exchange("note", $0) }
        return copy
    }
}
