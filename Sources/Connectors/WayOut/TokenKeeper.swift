import Notation
import Partners
import Resilience
import Synchronization

/// Keeps the token a destination gives us for our credentials (RFC 6749 §4.4, RFC 7523), and fetches another a minute before it ends. Only
/// one is fetched at a time: whoever comes meanwhile waits for that.
final class TokenKeeper: Sendable {
    struct Token: Sendable {
        let text: Personal<String>
        let until: Instant
    }

    private let way: WayOut
    private let request: @Sendable (_ now: Instant) async throws -> OutboundCall
    private let token = Mutex<Token?>(nil)
    /// One inside; the others wait.
    private let door: Gate

    /// - Parameter request: asks for a token.
    init(way: WayOut, clock: any WallClock, request: @escaping @Sendable (_ now: Instant) async throws -> OutboundCall) {
        self.way = way
        self.request = request
        door = Gate(Bulkhead.Settings(atOnce: 1, waiting: 1000, patience: .seconds(way.settings.timeoutSeconds)), clock: clock)
    }

    /// Asks a destination with the token. One that is refused is thrown away, and asked for once more.
    func ask<Value: Sendable>(
        _ call: OutboundCall, by way: WayOut, isRepeatable: Bool, read: @Sendable (OutboundAnswer) -> Reading<Value>
    ) async -> Ending<Value> {
        for isLast in [false, true] {
            let found = await current()
            guard case .done(let token) = found else { return found.map { _ in preconditionFailure("there is a token") } }
            let isRefused = Flag()
            var signed = call
            signed.headers.append(OutboundCall.bearer(token.text))
            let ending = await way.ask(signed, isRepeatable: isRepeatable) { answer in
                if answer.status == 401 { isRefused.raise() }
                return read(answer)
            }
            guard isRefused.isRaised, !isLast else { return ending }
            forget(token)
        }
        preconditionFailure("the last round returns")
    }

    private func known() -> Token? {
        let now = way.now
        return token.withLock { $0 }.flatMap { $0.until > now ? $0 : nil }
    }

    /// Unless it is another by now.
    private func forget(_ old: Token) { token.withLock { if $0?.text == old.text { $0 = nil } } }

    private func current() async -> Ending<Token> {
        if let known = known() { return .done(known) }
        guard let place = await door.enter() else { return .postponed(after: .seconds(1), reason: "too many wait for a token") }
        defer { door.leave(place) }
        // Whoever was inside before has fetched one.
        if let known = known() { return .done(known) }
        let now = way.now
        let call: OutboundCall
        do { call = try await request(now) } catch { return .later(after: nil, reason: "our credentials cannot be read") }
        let ending = await way.ask(call, isRepeatable: true) { Self.read($0, now: now) }
        if case .done(let fetched) = ending { token.withLock { $0 = fetched } }
        return ending
    }

    /// Credentials that are refused are the operator's to mend: nothing that was to be sent is lost by them.
    private static func read(_ answer: OutboundAnswer, now: Instant) -> Reading<Token> {
        let standard = Reading<Token>.standard(answer, isRepeatable: true, now: now)
        if case .refused(let reason) = standard {
            return .notNow(after: nil, reason: "it gives us no token: \(reason)", isTheirs: false)
        }
        if let standard { return standard }
        guard let json = document(answer.body), let text = json["access_token"]?.string, isToken(text) else {
            return .garbled(isRepeatable: true)
        }
        let seconds = json["expires_in"]?.integer ?? 300
        return .value(Token(text: Personal(text), until: now + .seconds(Int(min(max(seconds, 0), 86_400))) - .minutes(1)))
    }

    private static func isToken(_ text: String) -> Bool {
        (1...16_384).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
