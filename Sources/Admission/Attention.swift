public import Notation

/// How long a connection may keep the server waiting: for the first byte of a request, for the rest of its head, for its body, and for
/// taking its answer. Takes the time and says by when something has to have happened.
public struct Attention: Sendable {
    public struct Settings: Sendable {
        /// Between requests.
        public var idle: Span = .seconds(60)
        /// From the first byte of a request, and from the start of a connection, until its head is there.
        public var head: Span = .seconds(10)
        /// From the head until the end of the body.
        public var body: Span = .seconds(20)
        /// Until a client that takes nothing takes something.
        public var answer: Span = .seconds(20)

        public init() {}
    }

    public enum Slowness: String, Sendable, CaseIterable {
        case idle
        case slowHead = "slow-head"
        case slowBody = "slow-body"
        case slowReader = "slow-reader"
    }

    private let settings: Settings
    /// Requests whose head has come, whose end has come, and that are answered.
    private var (heads, ends, answers) = (0, 0, 0)
    /// Since when nothing of a request has come; since when only a part of its head has; since when only a part of its body.
    private var idleSince: Instant?
    private var headSince: Instant?
    private var bodySince: Instant?
    private var stuckSince: Instant?

    public init(_ settings: Settings = Settings(), at now: Instant) {
        self.settings = settings
        // Who connects has something to say.
        headSince = now
    }

    public mutating func bytesCame(at now: Instant) {
        guard heads == answers, headSince == nil else { return }
        (idleSince, headSince) = (nil, now)
    }

    public mutating func headCame(at now: Instant) {
        heads += 1
        (idleSince, headSince, bodySince) = (nil, nil, now)
    }

    public mutating func endCame() {
        ends += 1
        if ends == heads { bodySince = nil }
    }

    public mutating func answered(at now: Instant) {
        answers += 1
        if answers == heads { idleSince = now }
    }

    /// The client takes, or does not take, what it is sent.
    public mutating func takes(_ isTaking: Bool, at now: Instant) {
        stuckSince = isTaking ? nil : stuckSince ?? now
    }

    /// What it is waited for, and until when; nil while the server is the one who works.
    public var deadline: (at: Instant, Slowness)? {
        var next: (at: Instant, Slowness)?
        func consider(_ since: Instant?, _ span: Span, _ slowness: Slowness) {
            guard let since, next.map({ since + span < $0.at }) ?? true else { return }
            next = (since + span, slowness)
        }
        consider(stuckSince, settings.answer, .slowReader)
        consider(bodySince, settings.body, .slowBody)
        consider(headSince, settings.head, .slowHead)
        consider(idleSince, settings.idle, .idle)
        return next
    }
}
