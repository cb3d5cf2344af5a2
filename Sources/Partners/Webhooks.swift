public import Notation

/// What a webhook is signed with (Standard Webhooks): `whsec_` and 24 to 64 bytes in base64.
public struct WebhookSecret: Sendable, Hashable {
    public let bytes: Personal<[UInt8]>

    /// Nil when there are fewer or more.
    public init?(_ bytes: [UInt8]) {
        guard (24...64).contains(bytes.count) else { return nil }
        self.bytes = Personal(bytes)
    }
}

/// Where somebody wants to be told.
public struct WebhookEndpoint: Sendable, Hashable {
    /// Ours for it: calls to one endpoint are counted together.
    public let id: String
    /// Counts what humans have changed of it: what was known of it before says nothing about it as it is.
    public let version: Int
    public let url: String
    /// One, or two while one is replaced by the other: then both sign.
    public let secrets: [WebhookSecret]

    public init(id: String, version: Int = 1, url: String, secrets: [WebhookSecret]) {
        self.id = id
        self.version = version
        self.url = url
        self.secrets = secrets
    }
}

/// What they are told: identifiers, and nothing about a person.
public struct WebhookMessage: Sendable, Hashable {
    /// Bytes of a body. Receivers need not take more.
    public static let longest = 20_000

    /// The same in every attempt.
    public let id: EffectKey
    /// A JSON document.
    public let body: [UInt8]

    public init(id: EffectKey, body: [UInt8]) {
        self.id = id
        self.body = body
    }
}

public enum WebhookAnswer: Sendable, Hashable {
    case taken
    /// 410: they never want to be told again, neither this nor anything else.
    case gone
}

public protocol WebhookCarrier: Sendable {
    /// Tells an endpoint once. Whoever is answered `later` tells it again after `WebhookSchedule`'s next pause.
    func deliver(_ message: WebhookMessage, to endpoint: WebhookEndpoint) async -> Ending<WebhookAnswer>
}

/// When an endpoint that did not take a webhook is told again (Standard Webhooks, "delivery retry schedule").
public enum WebhookSchedule {
    public static let pauses: [Span] = [
        .zero, .seconds(5), .minutes(5), .minutes(30), .hours(2), .hours(5), .hours(10), .hours(14), .hours(20), .hours(24),
    ]

    /// The pause after the `attempt`th failure, counted from 1, longer by up to a tenth so that not everybody comes at once; nil when that
    /// was the last.
    ///
    /// - Parameters:
    ///   - asked: what the endpoint wants (`Retry-After`); it is obeyed, never shortened.
    ///   - luck: 0..<1
    public static func pause(after attempt: Int, asked: Span? = nil, luck: Double) -> Span? {
        guard attempt >= 1, attempt < pauses.count else { return nil }
        let pause = Span(microseconds: Int64(Double(pauses[attempt].microseconds) * (1 + luck / 10)))
        return max(pause, asked ?? .zero)
    }
}
