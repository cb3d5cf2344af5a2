public import Notation

/// Takes letters to people. Called at least once for each: after a crash, or an answer that never came, with the same letter again, unless
/// whoever delivers it can be asked whether they have it.
public protocol LetterCarrier: Sendable {
    func carry(_ letter: Letter) async -> Handover

    /// Until when nobody would be asked; nil when somebody might be.
    var restsUntil: Instant? { get }

    /// How long after a letter was handed over whoever delivers it knows for sure whether they have it; nil where nobody can be asked.
    var knownAfter: Span? { get }

    /// Asks them: `done` when they have it, `never` when they have not.
    func find(_ letter: Letter) async -> Handover
}

extension LetterCarrier {
    public var knownAfter: Span? { nil }
    public func find(_ letter: Letter) async -> Handover { .unknown(reason: "nobody can be asked") }

    /// Who never rests.
    public var restsUntil: Instant? { nil }
}

/// What became of a letter that was handed over. Reasons are for operators and say nothing about a person.
public enum Handover: Sendable, Equatable {
    /// Whoever delivers it has taken it, and answers for it.
    case done
    /// Not now. `after` is how long the receiver is known to want; nil leaves it to the sender's patience.
    case later(after: Span?, reason: String)
    /// Nobody was asked: whoever takes letters has failed lately, and is left alone until then.
    case resting(until: Instant)
    /// It will never be taken: there is no such mailbox, or the receiver refuses it for good.
    case never(reason: String)
    /// It was handed over whole, and no answer came: it may have arrived, or not.
    case unknown(reason: String)
}
