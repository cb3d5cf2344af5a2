public import Notation

/// A telephone number as the world dials it (E.164): `+49301234567`.
public struct PhoneNumber: Hashable, Sendable {
    public let text: Personal<String>

    /// Nil unless it is a plus, a digit that is not 0, and 6 to 14 digits more.
    public init?(_ text: some StringProtocol) {
        let digits = text.utf8.dropFirst()
        guard text.utf8.first == UInt8(ascii: "+"), (7...15).contains(digits.count), digits.first != 48,
            digits.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        self.text = Personal(String(text))
    }
}

/// A text message to one telephone.
public struct TextMessage: Sendable, Hashable {
    public let to: PhoneNumber
    /// Stands on lock screens: never anything about anybody's health. To 1,600 characters.
    public let words: Personal<String>
    /// Not to be delivered later than this: a reminder after the visit is worse than none.
    public let expires: Instant?
    /// Whoever has not begun to hand it over by then must not any more: somebody else may be at it.
    public var beginsBy: Instant?

    public init(to: PhoneNumber, words: Personal<String>, expires: Instant? = nil) {
        self.to = to
        self.words = words
        self.expires = expires
    }
}

/// What became of a text message that was taken.
public enum TextState: String, Sendable, Hashable, CaseIterable {
    case accepted, sent, delivered
    /// It did not arrive, and will not.
    case failed
}

public struct TextReceipt: Sendable, Hashable {
    /// The carrier's name for it.
    public let id: String
    public let state: TextState

    public init(id: String, state: TextState) {
        self.id = id
        self.state = state
    }
}

/// What a carrier tells us of itself. It may come twice, late and in any order: `key` says whether it was heard before.
public struct TextNews: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// `about` is the key it was sent with; `code` the carrier's own number for a failure.
        case state(TextState, about: EffectKey?, code: String?)
        case reply(from: PhoneNumber, words: Personal<String>)
    }

    /// The same whenever the same thing is told.
    public let key: String
    /// The carrier's name for the message.
    public let id: String
    public let kind: Kind

    public init(key: String, id: String, kind: Kind) {
        self.key = key
        self.id = id
        self.kind = kind
    }
}

/// Takes text messages to telephones. Carriers do them twice when asked twice, so whoever is answered `unknown` asks `find` first; `unknown` it
/// is also when `beginsBy` has passed.
public protocol TextCarrier: Sendable {
    func send(_ text: TextMessage, key: EffectKey) async -> Ending<TextReceipt>

    /// What became of a message of these words that was sent to this telephone at this time or later; nil when there is none.
    func find(_ text: TextMessage, since: Instant) async -> Ending<TextReceipt?>

    /// For how long a message that somebody was asked to carry may still be on its way to them: before that, that they have none says nothing.
    var knownAfter: Span { get }

    /// What the carrier tells us, once it has proved that it is the carrier. It carries no time: what was heard is known by its key.
    func news(in call: IncomingCall) throws(IncomingRefusal) -> TextNews

    /// Until when nobody would be asked; nil when somebody might be.
    var restsUntil: Instant? { get }
}

extension TextCarrier {
    /// Who never rests.
    public var restsUntil: Instant? { nil }
    /// Who has at once what was said to them.
    public var knownAfter: Span { .zero }
}
