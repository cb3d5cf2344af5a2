/// Who is played.
public enum Part: String, Codable, CaseIterable, Sendable {
    case sms, mail, payments, scheduling, fhir, push, webhooks, legacy
    /// A mail server and RabbitMQ, which do not speak HTTP. New ones stand at the end: each has its luck by its place.
    case smtp, broker

    var speaksHTTP: Bool { self != .smtp && self != .broker }

    /// Whether it tells afterwards what became of what it was asked for.
    var reports: Bool { self == .sms || self == .payments }

    /// Members of a mode that say nothing to it. Mail servers and brokers show nothing, give no tokens and report nowhere; a broker has no words
    /// for "later".
    var deafTo: Set<String> {
        var deaf: Set<String> = []
        if self != .sms { deaf.insert("receipts") }
        if self != .payments { deaf.insert("refundsFail") }
        if !reports { deaf.insert("lostWebhooks") }
        if !speaksHTTP {
            deaf.formUnion([
                "pending", "overbooks", "duplicateWebhooks", "lateWebhooks", "reorderedWebhooks", "forgetTokens", "sparesTokens",
                "sparesReads",
            ])
        }
        if self == .broker { deaf.insert("retryAfter") }
        return deaf
    }
}

/// How a part behaves until it is told otherwise. All that is left out is as usual.
public struct Mode: Codable, Equatable, Sendable {
    /// Milliseconds before each answer.
    public var delay: Int?
    /// The share of requests, 0 to 1, that fail with 500 and do nothing: a letter with 451, a message with `basic.nack`.
    public var errors: Double?
    /// Whether those do what was asked before they fail.
    public var errorsAreDone: Bool?
    /// Nothing is done and nothing answered.
    public var hang: Bool?
    /// What was asked is done, and nothing answered.
    public var silent: Bool?
    /// What was asked is done, and the answer says something else.
    public var garbled: Bool?
    /// 429 with this many seconds in `Retry-After`, or 421 to a letter's sender; nothing is done.
    public var retryAfter: Int?
    /// Everything new is refused: the text's number, the payment's card, the appointment's time, the letter's mailbox (550); and no queue takes a
    /// message.
    public var refuses: Bool?
    /// What is new stays open until somebody decides: an appointment is `pending`, and so is a refund.
    public var pending: Bool?
    /// What becomes of each text that was accepted, `undelivered` or `failed`: its receipt says so, and so does the list.
    public var receipts: String?
    /// Each refund fails after it was answered as done, or as pending: that is told by webhooks, and the list has it so.
    public var refundsFail: Bool?
    /// The system that is being replaced books a practitioner's time more than once.
    public var overbooks: Bool?
    /// It knows no repeats: who asks twice has two.
    public var forgetful: Bool?
    /// Every webhook is sent twice.
    public var duplicateWebhooks: Bool?
    /// Milliseconds before each webhook.
    public var lateWebhooks: Int?
    /// Of two webhooks the second is sent first. One alone waits until the mode changes.
    public var reorderedWebhooks: Bool?
    /// No webhook is sent: whoever wants to know has to ask.
    public var lostWebhooks: Bool?
    /// Every token that was given is worth nothing from now on.
    public var forgetTokens: Bool?
    /// Tokens are given as usual, whatever else the mode says, and use up none of its `times`.
    public var sparesTokens: Bool?
    /// Whoever only looks is answered as usual, whatever else the mode says, and uses up none of its `times`.
    public var sparesReads: Bool?
    /// What is new is done twice, though it was asked for once: a partner that does not keep its word.
    public var twice: Bool?
    /// For so many requests; then it is as usual again.
    public var times: Int?

    public init() {}

    /// What is wrong with it; nil when nothing is.
    var flaw: String? {
        if let delay, !(0...600_000).contains(delay) { return "delay must be from 0 to 600000 milliseconds" }
        if let errors, !(0...1).contains(errors) { return "errors must be from 0 to 1" }
        if let retryAfter, !(0...86_400).contains(retryAfter) { return "retryAfter must be from 0 to 86400 seconds" }
        if let lateWebhooks, !(0...600_000).contains(lateWebhooks) { return "lateWebhooks must be from 0 to 600000 milliseconds" }
        if let receipts, !Self.receipts.contains(receipts) {
            return "receipts must be \(Self.receipts.joined(separator: " or "))"
        }
        if let times, !(1...1_000_000).contains(times) { return "times must be from 1 to 1000000" }
        return nil
    }

    /// A telephone that could not be reached, and a text that was never sent.
    static let receipts = ["undelivered", "failed"]

    static let members: Set<String> = [
        "delay", "errors", "errorsAreDone", "hang", "silent", "garbled", "retryAfter", "refuses", "pending", "overbooks",
        "forgetful",
        "duplicateWebhooks", "lateWebhooks", "reorderedWebhooks", "forgetTokens", "sparesTokens", "sparesReads", "twice",
        "times", "receipts", "refundsFail", "lostWebhooks",
    ]
}

/// What becomes of one request.
enum Fate: Sendable, Equatable {
    case answers
    case fails(afterDoing: Bool)
    case hangs
    case isSilent
    case isGarbled
    case asksForPatience(seconds: Int)
}

/// SplitMix64: the same numbers from the same seed, on every machine.
struct SeededNumbers: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// 0..<1
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// So many hexadecimal digits.
    mutating func digits(_ count: Int) -> String {
        var text = ""
        while text.count < count {
            let part = String(next(), radix: 16)
            text += String(repeating: "0", count: 16 - part.count) + part
        }
        return String(text.prefix(count))
    }
}
