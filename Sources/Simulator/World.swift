import Foundation
import Notation
import ServiceLifecycle
import Synchronization

/// Everything the simulator knows, and the one lock around it.
final class World: Sendable {
    struct State: Sendable {
        var numbers: [Part: SeededNumbers]
        var modes: [Part: Mode] = [:]
        var ledger = Ledger()
        /// Where we are to tell what happened, by part.
        var callbacks: [Part: String] = [:]
        /// What signs what subscribers are told, of those that were given a secret of their own.
        var secrets: [String: [UInt8]] = [:]
        var texts = Shelf<SentText>()
        var intents = Shelf<PaymentIntent>()
        var refunds = Shelf<GivenBack>()
        var scheduled = Shelf<Scheduled>()
        var former = Shelf<FormerAppointment>()
        var kept = Shelf<KeptAnswer>()
        /// Keys of payments that are under way.
        var busy: Set<String> = []
        var mails = Shelf<SentMail>()
        var published = Shelf<PublishedMessage>()
        /// Those a client has declared, and of which type.
        var exchanges: [String: String] = [:]
        var records = Shelf<HeldRecord>()
        /// Tokens that were given, and until when they are good.
        var tokens: [Part: [String: Instant]] = [:]
        var changes = 0
        var hanging = 0
        /// A webhook that waits for the next, to be sent after it, as often as it is sent.
        var held: [Part: [Post]] = [:]
        var journal: Journal?
        /// Nothing more is written when the disk refuses: the next request says so.
        var diskFault: String?
    }

    private let state: Mutex<State>
    let clock: any WallClock
    let postman: Postman

    init(seed: UInt64, folder: String?, clock: any WallClock, postman: Postman) throws {
        self.clock = clock
        self.postman = postman
        var numbers: [Part: SeededNumbers] = [:]
        for (index, part) in Part.allCases.enumerated() {
            numbers[part] = SeededNumbers(seed: seed &* 31 &+ UInt64(index))
        }
        var state = State(numbers: numbers)
        if let folder {
            for line in try Journal.lines(folder: folder) { try state.restore(line) }
            // Only what is known now: a journal would grow with every start.
            try Journal.renew(folder: folder) { journal in
                state.journal = journal
                state.writeAll()
            }
            if let fault = state.diskFault { throw JournalFault(reason: fault) }
            state.journal = try Journal(folder: folder)
        }
        self.state = Mutex(state)
    }

    var now: Instant { clock.now }

    /// Throws when the simulator is to end.
    func pause(_ span: Span) async throws {
        let (clock, deadline) = (clock, now + span)
        try await cancelWhenGracefulShutdown { try await clock.sleep(until: deadline) }
    }

    func change<Answer: Sendable>(_ body: (inout State) throws -> Answer) rethrows -> Answer {
        try state.withLock { try body(&$0) }
    }

    /// What becomes of a request, which is counted by that. One that is spared is neither counted nor in any mode.
    func fate(of part: Part, _ kind: RequestKind) -> (fate: Fate, mode: Mode)? {
        change { state in
            let mode = state.modes[part] ?? Mode()
            if mode.spares(kind) { return nil }
            state.ledger.tallies[part, default: Tally()].requests += 1
            // Drawn in any case, so that the same seed gives the same luck whatever the mode was before.
            let luck = state.numbers[part]!.unit()
            if let times = mode.times { state.modes[part] = times > 1 ? mode.once(fewer: times) : nil }
            return (Self.fate(mode, luck), mode)
        }
    }

    private static func fate(_ mode: Mode, _ luck: Double) -> Fate {
        if let seconds = mode.retryAfter { return .asksForPatience(seconds: seconds) }
        if let errors = mode.errors, luck < errors { return .fails(afterDoing: mode.errorsAreDone == true) }
        if mode.hang == true { return .hangs }
        if mode.silent == true { return .isSilent }
        return mode.garbled == true ? .isGarbled : .answers
    }

    func noteAnswer(_ status: Int, of part: Part) {
        change { $0.ledger.tallies[part, default: Tally()].answers[status, default: 0] += 1 }
    }

    func set(_ mode: Mode, for part: Part) {
        let freed = change { state -> [Post] in
            state.modes[part] = mode == Mode() ? nil : mode
            if mode.forgetTokens == true { state.tokens[part] = nil }
            return mode.reorderedWebhooks == true ? [] : state.held.removeValue(forKey: part) ?? []
        }
        freed.forEach(postman.take)
    }

    /// Hands webhooks to the postman as the part's mode has it.
    func send(_ posts: [Post], as mode: Mode) {
        let now = now
        for var post in posts {
            if mode.lostWebhooks == true {
                change { $0.ledger.tallies[post.part, default: Tally()].webhooksLost += 1 }
                continue
            }
            if let late = mode.lateWebhooks { post.due = now + .milliseconds(late) }
            let copies = mode.duplicateWebhooks == true ? [post, post] : [post]
            guard mode.reorderedWebhooks == true else {
                copies.forEach(postman.take)
                continue
            }
            let earlier = change { state -> [Post]? in
                guard let earlier = state.held.removeValue(forKey: post.part) else {
                    state.held[post.part] = copies
                    return nil
                }
                return earlier
            }
            if let earlier { (copies + earlier).forEach(postman.take) }
        }
    }
}

/// What a request is for, as far as modes tell requests apart.
enum RequestKind: Sendable {
    case token, read, change
}

extension Mode {
    func spares(_ kind: RequestKind) -> Bool {
        switch kind {
        case .token: sparesTokens == true
        case .read: sparesReads == true
        case .change: false
        }
    }

    func once(fewer times: Int) -> Mode {
        var mode = self
        mode.times = times - 1
        return mode
    }
}

extension World.State {
    mutating func restore(_ line: Journal.Line) throws {
        let decoder = JSONDecoder()
        switch line.kind {
        case "effect": ledger.restore(try decoder.decode(Effect.self, from: line.thing))
        case "text": texts.put(try decoder.decode(SentText.self, from: line.thing), line.id)
        case "intent": intents.put(try decoder.decode(PaymentIntent.self, from: line.thing), line.id)
        case "refund": refunds.put(try decoder.decode(GivenBack.self, from: line.thing), line.id)
        case "mail": mails.put(try decoder.decode(SentMail.self, from: line.thing), line.id)
        case "published": published.put(try decoder.decode(PublishedMessage.self, from: line.thing), line.id)
        case "exchange": exchanges[line.id] = try decoder.decode(DeclaredExchange.self, from: line.thing).type
        case "record": records.put(try decoder.decode(HeldRecord.self, from: line.thing), line.id)
        case "kept": kept.put(try decoder.decode(KeptAnswer.self, from: line.thing), line.id)
        case "scheduled":
            let thing = try decoder.decode(Scheduled.self, from: line.thing)
            changes = max(changes, thing.change)
            scheduled.put(thing, line.id)
        case "former":
            let thing = try decoder.decode(FormerAppointment.self, from: line.thing)
            changes = max(changes, thing.change)
            former.put(thing, line.id)
        default: break
        }
    }

    private mutating func write(_ kind: String, _ id: String, _ thing: some Encodable) {
        do { try journal?.write(kind, id, thing) } catch { diskFault = "the simulator's journal cannot be written" }
    }

    mutating func writeAll() {
        for thing in texts.all { write("text", thing.sid, thing) }
        for thing in mails.all { write("mail", thing.id, thing) }
        for thing in published.all { write("published", thing.id, thing) }
        for (name, type) in exchanges { write("exchange", name, DeclaredExchange(type: type)) }
        for thing in intents.all { write("intent", thing.id, thing) }
        for thing in refunds.all { write("refund", thing.id, thing) }
        for thing in scheduled.all { write("scheduled", thing.id, thing) }
        for thing in former.all { write("former", thing.id, thing) }
        for thing in records.all { write("record", thing.id, thing) }
        for (name, thing) in kept.named { write("kept", name, thing) }
        for effect in ledger.listed(nil) { write("effect", "\(effect.part.rawValue) \(effect.what) \(effect.key)", effect) }
    }

    mutating func put(_ text: SentText) {
        texts.put(text, text.sid)
        write("text", text.sid, text)
    }

    mutating func put(_ intent: PaymentIntent) {
        intents.put(intent, intent.id)
        write("intent", intent.id, intent)
    }

    mutating func put(_ refund: GivenBack) {
        refunds.put(refund, refund.id)
        write("refund", refund.id, refund)
    }

    mutating func put(_ thing: Scheduled) {
        scheduled.put(thing, thing.id)
        write("scheduled", thing.id, thing)
    }

    mutating func put(_ thing: FormerAppointment) {
        former.put(thing, thing.id)
        write("former", thing.id, thing)
    }

    mutating func put(_ mail: SentMail) {
        mails.put(mail, mail.id)
        write("mail", mail.id, mail)
    }

    mutating func put(_ message: PublishedMessage) {
        published.put(message, message.id)
        write("published", message.id, message)
    }

    mutating func put(_ exchange: String, _ type: String) {
        exchanges[exchange] = type
        write("exchange", exchange, DeclaredExchange(type: type))
    }

    mutating func put(_ record: HeldRecord) {
        records.put(record, record.id)
        write("record", record.id, record)
    }

    mutating func keep(_ answer: KeptAnswer, _ part: Part, _ key: String) {
        let name = "\(part.rawValue) \(key)"
        kept.put(answer, name)
        write("kept", name, answer)
    }

    func kept(_ part: Part, _ key: String) -> KeptAnswer? { kept["\(part.rawValue) \(key)"] }

    /// - Parameter mode: that of the request, which may have been the last it was for; it says how often it was done. Nil where nobody asked.
    mutating func note(_ part: Part, _ what: String, key: String, made: String, at now: Instant, as mode: Mode? = nil) {
        for _ in 0..<(mode?.twice == true ? 2 : 1) { ledger.note(part, what, key: key, made: made, at: now) }
        writeEffect(part, what, key)
    }

    mutating func noteRepeat(_ part: Part, _ what: String, key: String) {
        ledger.noteRepeat(part, what, key: key)
        writeEffect(part, what, key)
    }

    private mutating func writeEffect(_ part: Part, _ what: String, _ key: String) {
        guard journal != nil, let effect = ledger.effect(part, what, key: key) else { return }
        write("effect", "\(part.rawValue) \(what) \(key)", effect)
    }

    mutating func name(_ prefix: String, _ part: Part, _ digits: Int = 24) -> String {
        prefix + numbers[part]!.digits(digits)
    }
}
