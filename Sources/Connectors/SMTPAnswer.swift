import CCurl
import Letters
import Notation
import Resilience

/// How a conversation ended, and what that means for the letter (RFC 5321 §4.2.1).
struct SMTPAnswer {
    private let code: CURLcode
    /// The server's last reply; 354 is the one that asks for the message.
    private let reply: Int
    /// What that was the reply to; see `isAboutTheLetter`.
    private let command: String
    private let isHandedOver: Bool

    init(_ code: CURLcode, reply: Int, to command: String, isHandedOver: Bool) {
        self.code = code
        self.reply = reply
        self.command = command
        self.isHandedOver = isHandedOver
    }

    var handover: Handover {
        if code == CURLE_OK { return .done }
        let isRefusal = (400...599).contains(reply)
        if isHandedOver, !isRefusal { return .unknown(reason: "handed over whole, and no answer came (\(curlWords))") }
        guard isRefusal else { return .later(after: nil, reason: "the mail server did not take it (\(curlWords))") }
        let reason = "the mail server said \(reply) \(isHandedOver ? "to the message" : "to \(command)")"
        // A refusal of the recipient or the message is about this letter. One before that (no such user here, no relaying from you) is
        // about the settings: every letter would meet it, and none is to be lost by it.
        if reply >= 500, isAboutTheLetter { return .never(reason: reason) }
        // What a server that does not know us yet says, to see whether we come back (greylisting, RFC 6647).
        let wantsPatience = reply == 450 || reply == 451
        return .later(after: wantsPatience && isAboutTheLetter ? .minutes(1) : nil, reason: reason)
    }

    /// What it says about the server. One that refuses a recipient or a message works; one that closes (421), refuses the sender or the
    /// password, or cannot be reached does so with every letter.
    var outcome: CircuitBreaker.Outcome {
        let isAboutOne = (400...599).contains(reply) && reply != 421 && isAboutTheLetter
        return code == CURLE_OK || isAboutOne ? .done : .failed
    }

    private var isAboutTheLetter: Bool { isHandedOver || command == "RCPT" }
    private var curlWords: String { String(cString: curl_easy_strerror(code)) }
}
