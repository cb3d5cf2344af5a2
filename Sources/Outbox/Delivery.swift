public import Notation
public import Storage

/// One attempt to deliver a message.
public struct Delivery: Sendable {
    /// The same in every attempt: pass it on as the idempotency key.
    public let id: ID<OutboxMessage>
    public let topic: String
    /// The JSON document as it was queued.
    public let payload: String
    public let subject: ID<OutboxSubject>?
    public let orderKey: String?
    /// Counted from 1.
    public let attempt: Int
    public let maxAttempts: Int
    public let createdAt: Instant
    public let expiresAt: Instant?
    /// How often somebody has had it in hand, this time included. An attempt may be given back; this is not.
    public internal(set) var claims = 1
    /// Until when this attempt may begin what must not be done twice: after that somebody else may soon have the message. Nil where nobody
    /// else can have it.
    public internal(set) var beginsBy: Instant?

    /// When this attempt fails, the message is dead.
    public var isLastAttempt: Bool { attempt >= maxAttempts }
}

/// What a handler says about a delivery. A thrown error means: try again later, with a growing, random delay.
public enum Verdict: Sendable, Equatable {
    case done
    /// It is no longer wanted.
    case cancel
    /// Not now. Does not count as an attempt.
    case snooze(until: Instant)
    /// It failed, and the receiver said when to come back (`Retry-After`), or there is a reason to leave them in peace so long. The reason is
    /// stored, as below.
    case retry(after: Span, reason: String = "the receiver asked to try again later")
    /// It can never succeed: an unknown number, a receiver that said no. The reason is stored and shown to operators, so
    /// it must not say anything about a person.
    case dead(reason: String)
}

/// How messages of one topic are delivered.
public enum OutboxHandler: Sendable {
    /// Works on the database only, inside the transaction that finishes the message: its effect happens exactly once,
    /// whoever crashes when. The body may run again (see `Database.write`), so it changes nothing but the database.
    /// What it wrote stays, whatever verdict it returns, so a long job can do a part and snooze; who throws undoes it.
    case transactional(@Sendable (any WriteTransaction, Delivery) throws -> Verdict)

    /// Reaches outside. Happens at least once: a crash between sending and recording sends again, so the receiver must
    /// know a repeat by the delivery's identifier. It should end soon after its task is cancelled: it is cancelled when
    /// its deadline passes, when its lease is lost and when the program stops.
    case external(@Sendable (Delivery) async throws -> Verdict)

    var isTransactional: Bool { if case .transactional = self { true } else { false } }
}

/// Something a handler may throw whose text is stored with the message. Of any other error only the type's name is
/// kept: its description could hold a name or an address.
public struct DeliveryFault: Error, Sendable, CustomStringConvertible {
    public let reason: String
    /// `reason` must not say anything about a person.
    public init(_ reason: String) { self.reason = reason }
    public var description: String { reason }
}

/// What may be stored and logged about an error.
func quietDescription(of error: any Error) -> String {
    let type = String(reflecting: type(of: error))
    return switch error {
    case let fault as StorageFault: "\(type): \(fault)"
    case let fault as DeliveryFault: fault.reason
    default: type
    }
}
