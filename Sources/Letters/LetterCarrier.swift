public import Notation

/// Takes letters to people. Called at least once for each: after a crash, or an answer that never came, with the same letter again.
public protocol LetterCarrier: Sendable {
    func carry(_ letter: Letter) async -> Handover

    /// Until when nobody would be asked; nil when somebody might be.
    var restsUntil: Instant? { get }
}

extension LetterCarrier {
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
