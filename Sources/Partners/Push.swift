public import Notation

/// A notice to one telephone or browser that has asked for such.
public struct PushNotice: Sendable, Hashable {
    /// The device's registration.
    public let device: Personal<String>
    /// Stand on lock screens: never anything about anybody's health.
    public let title: String
    public let words: String
    /// Where whoever touches it is led; it is not shown.
    public let link: String?
    /// What it is about: of several that wait for a device which is away, it gets the newest about one thing.
    public let about: String?
    /// Not to be delivered later than this.
    public let expires: Instant?

    public init(
        device: Personal<String>, title: String, words: String, link: String? = nil, about: String? = nil,
        expires: Instant? = nil
    ) {
        self.device = device
        self.title = title
        self.words = words
        self.link = link
        self.about = about
        self.expires = expires
    }
}

public enum PushAnswer: Sendable, Hashable {
    case taken
    /// The device does not want notices any more: forget it.
    case gone
}

/// Takes notices to devices. A repeat under the same key stands in the first one's place, so that nobody sees two.
public protocol PushCarrier: Sendable {
    func send(_ notice: PushNotice, key: EffectKey) async -> Ending<PushAnswer>

    /// Until when nobody would be asked; nil when somebody might be.
    var restsUntil: Instant? { get }
}

extension PushCarrier {
    /// Who never rests.
    public var restsUntil: Instant? { nil }
}
