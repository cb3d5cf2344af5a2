public import Notation
public import Outbound
public import Resilience

/// One destination outside: how long it is waited for, how much of us it may keep busy, and when it is left alone (MC-2).
public struct WayOutSettings: Sendable {
    /// Stands in metrics, events and logs: `sms`, `payments`.
    public var destination: String
    /// From the first look at the address to the last byte of the answer.
    public var timeoutSeconds: Int
    public var breaker: CircuitBreaker.Settings
    public var bulkhead: Bulkhead.Settings
    /// Bytes of an answer's body.
    public var answerMaximum = 256 * 1024
    /// Places in the operator's own network.
    public var exceptions: [OutboundException] = []
    /// A PEM file of the authorities that vouch for it; nil for the machine's own.
    public var authorities: String?
    /// A simulator does nothing for anybody: its word counts only where somebody has said that this is a trial.
    public var believesSimulators = false

    /// - Parameter timeoutSeconds: what it may take at most; four fifths of it count as slow.
    public init(_ destination: String, timeoutSeconds: Int, bulkhead: Bulkhead.Settings = Bulkhead.Settings()) {
        self.destination = destination
        self.timeoutSeconds = timeoutSeconds
        self.bulkhead = bulkhead
        breaker = CircuitBreaker.Settings(slowAfter: .milliseconds(timeoutSeconds * 800))
        wait(seconds: timeoutSeconds)
    }

    /// Another time limit, and the same share of it is slow. Trying out takes as long as one call may: whoever takes that long in good health would
    /// never be back otherwise.
    public mutating func wait(seconds: Int) {
        breaker.slowAfter = Span(microseconds: breaker.slowAfter.microseconds * Int64(seconds) / Int64(timeoutSeconds))
        breaker.halfOpenAtMost = max(breaker.halfOpenAtMost, .seconds(seconds))
        timeoutSeconds = seconds
    }
}

// MC-2's figures; what it does not name is given ten seconds.
extension WayOutSettings {
    public static let texts = WayOutSettings("sms", timeoutSeconds: 5)
    public static let mail = WayOutSettings("mail", timeoutSeconds: 5)
    /// A mail server that is spoken to by SMTP, instead of a service: a letter is a conversation, so slow ones are in good health, and there are far
    /// fewer of them than of other calls. Each has a thread for as long as it takes.
    public static let mailServer: WayOutSettings = {
        var settings = WayOutSettings(
            mail.destination, timeoutSeconds: 30, bulkhead: Bulkhead.Settings(atOnce: 4, waiting: 100, patience: .seconds(30)))
        settings.breaker.slowAfter = .seconds(20)
        (settings.breaker.window, settings.breaker.minimumCalls) = (.minutes(1), 5)
        (settings.breaker.rest, settings.breaker.restAtMost) = (.seconds(10), .minutes(1))
        (settings.breaker.permits, settings.breaker.halfOpenAtMost) = (2, .minutes(1))
        return settings
    }()
    public static let push = WayOutSettings("push", timeoutSeconds: 3)
    public static let payments = WayOutSettings("payments", timeoutSeconds: 10)
    public static let scheduling = WayOutSettings("scheduling", timeoutSeconds: 10)
    public static let records = WayOutSettings("ehr", timeoutSeconds: 30)
    public static let legacy = WayOutSettings("legacy", timeoutSeconds: 10)
    public static let broker = WayOutSettings("broker", timeoutSeconds: 5)
    /// Each webhook has a way of its own, and none may keep many of those busy that tell them all.
    public static let webhooks: WayOutSettings = {
        var settings = WayOutSettings("webhooks", timeoutSeconds: 15, bulkhead: Bulkhead.Settings(atOnce: 4, waiting: 8))
        // Nothing a subscriber says matters but how it says it (reliability.md §9.8).
        settings.answerMaximum = 64 * 1024
        return settings
    }()

    /// Everybody who may be called.
    public static let all = [texts, mail, push, payments, scheduling, records, legacy, broker, webhooks]
}
