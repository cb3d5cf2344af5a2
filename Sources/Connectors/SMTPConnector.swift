import CCurl
public import Letters
public import Notation
import Partners
public import Resilience
import Synchronization

/// Hands letters to a mail server, through libcurl. It blocks, so each letter has a thread for as long as it takes, and there are only a
/// few of them. A server that fails or drags is left alone for a while, and then tried with a few letters (MC-2).
public final class SMTPConnector: LetterCarrier {
    /// Nil asks the server whatever it said before.
    public let way: WayOut?
    private let server: MailServer
    private let lanes: Lanes

    /// Whoever waits for a server that is left alone looks again after so long: a few good letters may have come first.
    private static let look = Span.seconds(10)

    /// - Parameter way: how long a letter may take, how many are under way at once and wait, and when the server is left alone; nil is for
    ///   trials, and goes by what `server` says of the first two.
    public init(_ server: MailServer, way: WayOut? = nil) {
        self.way = way
        var server = server
        if let way {
            server.deadline = .seconds(way.settings.timeoutSeconds)
            server.patience = min(server.patience, server.deadline)
            server.lanes = way.settings.bulkhead.atOnce
        }
        self.server = server
        lanes = Lanes(server.lanes)
    }

    public var restsUntil: Instant? {
        way.flatMap { way in way.restsUntil.map { min($0, way.now + Self.look) } }
    }

    public func carry(_ letter: Letter) async -> Handover {
        guard let way else { return await converse(letter).handover }
        let ending: Ending<Void> = await way.pass { () -> WayOut.Read<Void> in
            if let end = letter.beginsBy, way.now >= end { return SMTPEnd.tooLate.read }
            return await self.converse(letter).read
        }
        switch ending {
        case .done: return .done
        case .later(let after, let reason): return .later(after: after, reason: reason)
        case .postponed(let after, _): return .resting(until: way.now + min(after, Self.look))
        case .never(let reason): return .never(reason: reason)
        case .unknown(let reason): return .unknown(reason: reason)
        }
    }

    private func converse(_ letter: Letter) async -> SMTPEnd {
        let server = server
        let conversation = SMTPConversation(letter, believesSimulators: server.believesSimulators)
        return await withTaskCancellationHandler {
            (try? await lanes.run { conversation.hold(with: server) }) ?? .notBegun("no thread could be started")
        } onCancel: {
            conversation.giveUp()
        }
    }
}

/// What came of a letter, and what that says about the server.
struct SMTPEnd: Sendable {
    let handover: Handover
    let outcome: CircuitBreaker.Outcome

    static func notBegun(_ reason: String) -> SMTPEnd { SMTPEnd(handover: .later(after: nil, reason: reason), outcome: .neither) }

    static let tooLate = SMTPEnd(
        handover: .unknown(reason: "it was begun too late, when somebody else may be at it"), outcome: .neither)

    /// As a way out has it.
    var read: WayOut.Read<Void> {
        switch handover {
        case .done: WayOut.Read(reading: .value(()), outcome: outcome)
        case .later(let after, let reason):
            WayOut.Read(reading: .notNow(after: after, reason: reason, isTheirs: outcome == .failed), outcome: outcome)
        case .resting: WayOut.Read(reading: .notNow(after: nil, reason: "it is left alone", isTheirs: false), outcome: .neither)
        case .never(let reason): WayOut.Read(reading: .refused(reason), outcome: outcome)
        case .unknown(let reason): WayOut.Read(reading: .unclear(reason), outcome: outcome)
        }
    }
}

/// One letter's conversation with a mail server.
final class SMTPConversation: Sendable {
    private struct State {
        var sent = 0
        /// Everything was handed over: from here on only the server's answer says what came of it.
        var isHandedOver = false
        /// The command that was said last: `MAIL`, `RCPT`.
        var command = ""
        var isGivenUp = false
        /// What has greeted us delivers nothing.
        var isSimulator = false
    }

    private let from: String
    private let to: String
    private let message: [UInt8]
    private let believesSimulators: Bool
    private let state = Mutex(State())

    init(_ letter: Letter, believesSimulators: Bool) {
        self.believesSimulators = believesSimulators
        from = "<\(letter.from.address.text.revealed)>"
        to = "<\(letter.to.text.revealed)>"
        message = letter.message
    }

    func giveUp() { state.withLock { $0.isGivenUp = true } }

    /// Blocks until it is over.
    func hold(with server: MailServer) -> SMTPEnd {
        guard Self.isReady, let curl = curl_easy_init() else { return .notBegun("libcurl does not start") }
        defer { curl_easy_cleanup(curl) }
        let recipients = curl_slist_append(nil, to)
        defer { curl_slist_free_all(recipients) }
        guard set(curl, recipients, server) else {
            return .notBegun("libcurl refuses the settings of the mail server")
        }
        let code = curl_easy_perform(curl)
        if isUnbelieved { return .notBegun("a simulator answers there") }
        let (isHandedOver, command) = state.withLock { ($0.isHandedOver, $0.command) }
        let answer = SMTPAnswer(code, reply: Int(mc_response_code(curl)), to: command, isHandedOver: isHandedOver)
        // Who gave up knows nothing about the server.
        return SMTPEnd(handover: answer.handover, outcome: isGivenUp ? .neither : answer.outcome)
    }

    private func set(_ curl: UnsafeMutableRawPointer, _ recipients: UnsafeMutablePointer<curl_slist>?, _ server: MailServer)
        -> Bool
    {
        let scheme = server.encryption == .implicit ? "smtps" : "smtp"
        let encryption = server.encryption == .none ? CURLUSESSL_NONE : CURLUSESSL_ALL
        var texts: [(CURLoption, String)] = [
            (CURLOPT_URL, "\(scheme)://\(server.host):\(server.port)"), (CURLOPT_MAIL_FROM, from),
            // Whatever the server says, curl goes nowhere else.
            (CURLOPT_PROTOCOLS_STR, "smtp,smtps"), (CURLOPT_REDIR_PROTOCOLS_STR, "smtp,smtps"), (CURLOPT_PROXY, ""),
        ]
        if let user = server.user { texts.append((CURLOPT_USERNAME, user)) }
        if let password = server.password { texts.append((CURLOPT_PASSWORD, password.revealed)) }
        if let authorities = server.authorities { texts.append((CURLOPT_CAINFO, authorities)) }
        let numbers: [(CURLoption, Int)] = [
            (CURLOPT_USE_SSL, Int(encryption.rawValue)), (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
            (CURLOPT_UPLOAD, 1), (CURLOPT_NOSIGNAL, 1), (CURLOPT_VERBOSE, 1), (CURLOPT_NOPROGRESS, 0),
            (CURLOPT_CONNECTTIMEOUT_MS, server.patience.wholeMilliseconds),
            (CURLOPT_SERVER_RESPONSE_TIMEOUT, max(1, server.patience.wholeMilliseconds / 1_000)),
            (CURLOPT_TIMEOUT_MS, server.deadline.wholeMilliseconds),
        ]
        let own = Unmanaged.passUnretained(self).toOpaque()
        return texts.allSatisfy { mc_set_text(curl, $0, $1) == CURLE_OK }
            && numbers.allSatisfy { mc_set_number(curl, $0, $1) == CURLE_OK }
            && mc_set_pointer(curl, CURLOPT_MAIL_RCPT, recipients) == CURLE_OK
            && mc_set_read(curl, { SMTPConversation.at($3).read($0, $1 * $2) }, own) == CURLE_OK
            && mc_set_write(curl, { _, size, count, _ in size * count }) == CURLE_OK
            && mc_set_debug(curl, { SMTPConversation.at($4).hear($1, $2, $3) }, own) == CURLE_OK
            && mc_set_progress(curl, { context, _, _, _, _ in SMTPConversation.at(context).mayGoOn ? 0 : 1 }, own) == CURLE_OK
    }

    private static func at(_ context: UnsafeMutableRawPointer?) -> SMTPConversation {
        Unmanaged<SMTPConversation>.fromOpaque(context!).takeUnretainedValue()
    }

    private var isGivenUp: Bool { state.withLock { $0.isGivenUp } }
    private var isUnbelieved: Bool { !believesSimulators && state.withLock { $0.isSimulator } }
    private var mayGoOn: Bool { !isGivenUp && !isUnbelieved }

    /// The next bytes of the message; none is its end.
    private func read(_ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int) -> Int {
        if isUnbelieved { return Int(CURL_READFUNC_ABORT) }
        let start = state.withLock { state in
            if state.sent == message.count { state.isHandedOver = true }
            return state.sent
        }
        let count = min(capacity, message.count - start)
        message.withUnsafeBytes {
            if let buffer, count > 0 {
                UnsafeMutableRawPointer(buffer).copyMemory(from: $0.baseAddress! + start, byteCount: count)
            }
        }
        state.withLock { $0.sent += count }
        return count
    }

    /// Remembers which command it was, whether a simulator has greeted us, and nothing else: among what is said are names, and a password.
    private func hear(_ kind: curl_infotype, _ text: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int32 {
        guard let text else { return 0 }
        if kind == CURLINFO_HEADER_IN {
            let line = String(decoding: UnsafeRawBufferPointer(start: text, count: count), as: UTF8.self)
            if line.hasPrefix("220"), line.contains(WayOut.simulatorHeader) { state.withLock { $0.isSimulator = true } }
        }
        guard kind == CURLINFO_HEADER_OUT else { return 0 }
        let command = String(decoding: UnsafeRawBufferPointer(start: text, count: min(count, 4)), as: UTF8.self)
        if Self.commands.contains(command) { state.withLock { $0.command = command } }
        return 0
    }

    private static let commands: Set<String> = ["EHLO", "HELO", "STAR", "AUTH", "MAIL", "RCPT", "DATA"]

    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
}

extension Span {
    fileprivate var wholeMilliseconds: Int { Int(microseconds / 1_000) }
}
