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
    }

    /// Another time limit, and what is slow with it.
    public mutating func wait(seconds: Int) {
        timeoutSeconds = seconds
        breaker.slowAfter = .milliseconds(seconds * 800)
    }
}

// MC-2's figures; what it does not name is given ten seconds.
extension WayOutSettings {
    public static let texts = WayOutSettings("sms", timeoutSeconds: 5)
    public static let mail = WayOutSettings("mail", timeoutSeconds: 5)
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
