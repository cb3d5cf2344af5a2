/// A promise that was broken, and how.
public struct Violation: Sendable, Equatable, CustomStringConvertible {
    public enum Promise: String, Sendable, CaseIterable {
        /// Two appointments have the same person or thing at the same time.
        case neverDoubleBooked
        /// The claims say something else than the appointments they belong to.
        case claimsAgree
        /// What was acknowledged is there.
        case nothingLost
        /// Nothing is there that nobody asked for, and nothing of what was refused.
        case noGhosts
        /// One key, one effect, one answer.
        case onceForEachKey
        /// Every change has one event and one audit entry, and they tell how the appointment came to be what it is.
        case everyChangeIsTold
        /// What a change leaves to be done is in the outbox once, and done once.
        case everythingFollowsOnce
        /// A hold ends when it should.
        case holdsEnd
        /// A freed time is offered to one person at a time, and to nobody twice.
        case offeredOnce
    }

    public let promise: Promise
    public let detail: String

    public var description: String { "\(promise.rawValue): \(detail)" }
}
