public import Notation
public import Partners

/// Sends text messages through Twilio, or whatever speaks its API.
public struct TextConnector: TextCarrier {
    public let way: WayOut
    private let format: TwilioFormat

    public init(_ settings: TextSettings, way: WayOut) {
        self.way = way
        format = TwilioFormat(settings)
    }

    public var restsUntil: Instant? { way.restsUntil }
    /// As long as it would have been waited for: whoever dies meanwhile leaves a request that may be worked on without them.
    public var knownAfter: Span { .seconds(way.settings.timeoutSeconds) }

    public func send(_ text: TextMessage, key: EffectKey) async -> Ending<TextReceipt> {
        guard (1...TwilioFormat.longest).contains(text.words.revealed.utf16.count) else {
            return .never(reason: "a text message has 1 to 1,600 characters")
        }
        let now = way.now
        if let expires = text.expires, expires <= now { return .never(reason: "it is too late for this message") }
        let format = format
        let call = format.sending(text, key: key, now: now)
        return await way.ask(call, isRepeatable: false, beginsBy: text.beginsBy) { format.receipt($0, now: now) }
    }

    public func find(_ text: TextMessage, since: Instant) async -> Ending<TextReceipt?> {
        let (format, now) = (format, way.now)
        return await way.ask(format.finding(text, since: since), isRepeatable: true) {
            format.found($0, text, since: since, now: now)
        }
    }

    public func news(in call: IncomingCall) throws(IncomingRefusal) -> TextNews { try format.news(in: call) }
}
