import CalendarText
import Identity
public import Letters
import Notation
public import Outbox
public import Partners
import People
import Resilience
import Scheduling
import Storage

/// Messages to patients and practitioners: how they leave the house, and what comes back by their links.
public struct Messages: Sendable {
    let clinic: Clinic
    let keyring: LiveKeyring

    init(_ clinic: Clinic, _ keyring: LiveKeyring) {
        self.clinic = clinic
        self.keyring = keyring
    }

    var surroundings: Surroundings { clinic.surroundings }

    func writing<Answer: Sendable>(
        _ body: @escaping @Sendable (any WriteTransaction, FieldKeys) throws -> Answer
    ) async throws -> Answer {
        try await clinic.withKeys {
            try await clinic.database.doing(.background).write { try body($0, try $0.held(clinic.keys)) }
        }
    }
}

extension Accounts {
    /// Their links are sealed with the clinic's secrets, as letters' are.
    public var messages: Messages { Messages(clinic, keyring) }
}

/// Who takes messages to patients, and what they are written on.
public struct MessagePost: Sendable {
    let stationery: Stationery
    let letters: any LetterCarrier
    let texts: (any TextCarrier)?
    let push: (any PushCarrier)?

    public init(
        stationery: Stationery, letters: any LetterCarrier, texts: (any TextCarrier)?, push: (any PushCarrier)? = nil
    ) {
        self.stationery = stationery
        self.letters = letters
        self.texts = texts
        self.push = push
    }

    /// Who is left alone at the moment, and until when.
    var rests: [Channel: Instant] {
        var rests: [Channel: Instant] = [:]
        rests[.email] = letters.restsUntil
        rests[.sms] = texts?.restsUntil
        rests[.push] = push?.restsUntil
        return rests
    }
}

extension Messages {
    /// What the outbox does with messages to patients.
    ///
    /// A text message is handed over once: before anybody is asked it is written down that they may have it, and while that stands the
    /// carrier is asked for it before it is sent again. So is a mail, where whoever takes mails can be asked; elsewhere one that nobody answered
    /// for is handed over again as the same letter, and a notice to a device under the same key.
    public func deliveries(by post: MessagePost) -> [String: OutboxHandler] {
        [
            Topic.message: .external { try await send($0, by: post) },
            Topic.messageWatch: .external { try await look($0, by: post) },
        ]
    }

    private enum Prepared: Sendable {
        case nothing
        case wait(until: Instant)
        /// - unsureSince: when somebody was asked who may have it already.
        case text(TextMessage, createdAt: Instant, unsureSince: Instant?)
        /// - unsureSince: the same.
        case letter(Letter, unsureSince: Instant?)
        case notices([DeviceNotice])
    }

    private func send(_ delivery: Delivery, by post: MessagePost) async throws -> Verdict {
        let id = try delivery.message()
        if let until = try await restsUntil(id, post) { return .snooze(until: until) }
        switch try await writing({ try prepare(id, post, $1, in: $0) }) {
        case .nothing: return .cancel
        case .wait(let until): return .snooze(until: until)
        case .letter(let letter, let since):
            var letter = letter
            letter.beginsBy = delivery.beginsBy
            return try await conclude(await handOver(letter, unsureSince: since, to: post.letters), of: id, delivery)
        case .text(let text, let createdAt, let since):
            guard let carrier = post.texts else { throw DeliveryFault("there is no carrier of text messages") }
            var text = text
            text.beginsBy = delivery.beginsBy
            let outcome = await handOver(text, EffectKey(id), createdAt: createdAt, unsureSince: since, to: carrier)
            return try await conclude(outcome, of: id, delivery)
        case .notices(let notices):
            guard let carrier = post.push else { throw DeliveryFault("there is nobody who takes notices to devices") }
            return try await tell(notices, of: id, by: carrier, delivery)
        }
    }

    /// Until when a message need not be looked at: it has its channel, and whoever would take it is left alone. Thousands may be waiting for
    /// the same carrier, and none of them may cost a booking its turn (MC-2).
    private func restsUntil(_ id: ID<Message>, _ post: MessagePost) async throws -> Instant? {
        let rests = post.rests
        guard !rests.isEmpty else { return nil }
        let found = try await clinic.database.doing(.background).read { try $0.first(MessageProgress(id: id)) }
        guard let found, found.state == .sending, let channel = found.channel else { return nil }
        return rests[channel]
    }

    /// Decides once more whether and where it goes, and writes down that somebody is asked.
    private func prepare(
        _ id: ID<Message>, _ post: MessagePost, _ keys: FieldKeys, in transaction: any WriteTransaction
    ) throws -> Prepared {
        guard let found = try transaction.first(MessageToChange(id: id)) else { return .nothing }
        var message = try keys.open(found)
        // Where one device has it, the others are still tried.
        let isTold = message.state == .handedOver && message.devices.values.contains(.asked)
        guard message.state == .queued || message.state == .sending || isTold else { return .nothing }
        let now = surroundings.clock.now
        let matter = try clinic.matter(of: message, keys, in: transaction)
        let reaching = try clinic.reaching(message, matter, keys, in: transaction)
        if let reason = refusal(of: message, matter, reaching, at: now) {
            if !isTold { try clinic.suppress(message, reason, keys, in: transaction) }
            return .nothing
        }
        if message.createdAt + Self.givenUpAfter < now {
            if message.state == .sending {
                try clinic.fail(message, .notTaken, keys, in: transaction)
            } else if !isTold {
                try clinic.suppress(message, .tooLate, keys, in: transaction)
            }
            return .nothing
        }
        let unsure = message.unsureSince != nil || isTold
        if unsure, let channel = message.channel, let end = reaching.endOfQuiet(for: channel, at: now) {
            return .wait(until: end)
        }
        if !unsure {
            switch reaching.decide(at: now, besides: message.notBy) {
            case .suppress(let reason):
                try clinic.suppress(message, reason, keys, in: transaction)
                return .nothing
            case .wait(let until):
                message.dueAt = until
                try transaction.run(UpdateMessage(message, keys))
                return .wait(until: until)
            case .send(let channel, let address):
                (message.channel, message.words) = (channel, nil)
                message.address = channel == .push ? nil : address
                message.language = reaching.preferences.language ?? post.stationery.language
                if let until = post.rests[channel] { return try leave(message, matter, until: until, keys, in: transaction) }
            }
        }
        return try begin(message, matter, post, unsure, keys, in: transaction)
    }

    /// Nobody is asked yet. It has its channel all the same, and whoever watches over that: when it takes too long, the next has its turn.
    private func leave(
        _ message: Message, _ matter: Clinic.Matter, until: Instant, _ keys: FieldKeys, in transaction: any WriteTransaction
    ) throws -> Prepared {
        var next = message
        next.state = .sending
        try transaction.run(UpdateMessage(next, keys))
        if message.state == .queued { try clinic.watch(message, until: matter.until, in: transaction) }
        return .wait(until: until)
    }

    /// How long a message is tried that is about nothing that begins.
    private static let givenUpAfter: Span = .days(2)

    /// Why it is not sent any more, though somebody was asked to before.
    private func refusal(of message: Message, _ matter: Clinic.Matter, _ reaching: Reaching, at now: Instant) -> Message.Reason? {
        if matter.isOvertaken { return .overtaken }
        guard message.unsureSince != nil || message.state == .handedOver, let channel = message.channel else { return nil }
        if reaching.preferences.consents[channel]?.isGiven == false { return .consentWithdrawn }
        if let start = message.start, start <= now { return .tooLate }
        return nil
    }

    private func begin(
        _ message: Message, _ matter: Clinic.Matter, _ post: MessagePost, _ unsure: Bool, _ keys: FieldKeys,
        in transaction: any WriteTransaction
    ) throws -> Prepared {
        let now = surroundings.clock.now
        var next = message
        next.state = message.state == .handedOver ? .handedOver : .sending
        // Who finds that they have nothing asks again: from then on it counts anew.
        next.unsureSince = message.unsureSince.map { $0 + lag(of: message.channel, post) <= now ? now : $0 } ?? now
        let draft = try draft(of: message, matter, in: transaction)
        let prepared: Prepared
        switch message.channel {
        case .sms:
            let words =
                try message.words
                ?? Personal(
                    post.stationery.textMessage(draft, hearsReplies: clinic.settings.messages?.hearsReplies ?? false))
            next.words = words
            guard let number = message.address.flatMap({ PhoneNumber($0.revealed) }) else { return .nothing }
            let text = TextMessage(to: number, words: words, expires: matter.end(of: message, after: now))
            prepared = .text(text, createdAt: message.createdAt, unsureSince: unsure ? message.unsureSince : nil)
        case .email:
            guard let letter = try letter(of: message, draft, matter, post.stationery) else { return .nothing }
            prepared = .letter(letter, unsureSince: unsure ? message.unsureSince : nil)
        case .push:
            prepared = .notices(try notices(of: &next, matter, post.stationery, keys, in: transaction))
        case nil: return .nothing
        }
        try transaction.run(UpdateMessage(next, keys))
        if message.state == .queued { try clinic.watch(message, until: matter.until, in: transaction) }
        return prepared
    }

    /// How long what somebody was asked to carry may be on its way to them.
    private func lag(of channel: Channel?, _ post: MessagePost) -> Span {
        switch channel {
        case .sms: post.texts?.knownAfter ?? .zero
        case .email: post.letters.knownAfter ?? .zero
        case .push, nil: .zero
        }
    }

    // MARK: Words

    func draft(
        of message: Message, _ matter: Clinic.Matter, in transaction: any ReadTransaction
    ) throws -> MessageDraft {
        let language = message.language ?? .english
        var draft = MessageDraft(kind: message.kind, language: language, reference: message.reference)
        draft.time = (message.start ?? matter.appointment?.visit.from).map { matter.zone.spoken($0) }
        draft.until = matter.until.map { matter.zone.spoken($0) }
        draft.today = matter.zone.day(at: message.createdAt)
        draft.amount = matter.amount
        draft.staff = matter.staff
        draft.place = matter.location.map { [$0.name, $0.address].compactMap { $0 }.joined(separator: ", ") }
        draft.minutes = message.minutes
        draft.template = try transaction.first(TemplateOf(kind: message.kind, language: language))?.template
        func code(_ purpose: MessageCode.Purpose) -> String {
            keyring.ring.text(of: MessageCode(message: message.id.of(), purpose: purpose), at: message.createdAt)
        }
        if message.kind.asksForAnswer { draft.answerCode = code(.answer) }
        if message.channel == .email { draft.unsubscribeCode = code(.unsubscribe) }
        return draft
    }

    private func letter(
        of message: Message, _ draft: MessageDraft, _ matter: Clinic.Matter, _ stationery: Stationery
    ) throws -> Letter? {
        guard let address = message.address.flatMap({ MailAddress($0.revealed) }) else { return nil }
        return Letter(
            name: message.id.description, from: stationery.from, to: address, at: message.createdAt,
            words: try stationery.mail(draft),
            calendar: matter.appointment.flatMap { calendar(of: message, $0, matter, to: address, stationery) },
            unsubscribe: stationery.unsubscribeLink(draft))
    }

    /// What the patient's calendar is told: the same visit under one name, and each change with a higher number.
    private func calendar(
        of message: Message, _ appointment: Appointment, _ matter: Clinic.Matter, to address: MailAddress,
        _ stationery: Stationery
    ) -> CalendarPart? {
        // Whose calendar it is has it already.
        if message.change != nil { return nil }
        let method: CalendarMessage.Method
        switch message.kind {
        case .confirmation, .move: method = .request
        case .cancellation: method = .cancel
        // What was honoured is confirmed, too; what is offered is nobody's yet.
        case .reminder, .expiry, .delay, .correction, .offer, .honoured, .refund: return nil
        }
        let from = stationery.from
        let text = CalendarMessage(
            method, uid: "\(appointment.id)@\(from.address.host)", sequence: appointment.version, stamp: message.createdAt,
            time: appointment.visit, zone: matter.zone, summary: from.name,
            location: matter.location.map { [$0.name, $0.address].compactMap { $0 }.joined(separator: ", ") },
            organizer: CalendarMessage.Party(name: from.name, email: from.address.text.revealed),
            attendee: CalendarMessage.Party(email: address.text.revealed))
        return CalendarPart(contentType: text.contentType, text: String(decoding: text.bytes, as: UTF8.self))
    }

    // MARK: Handing over

    /// What came of asking somebody to take it.
    private enum Outcome: Sendable {
        case taken(TextReceipt?)
        case never
        /// They have not got it.
        case notNow(after: Span?, reason: String)
        case resting(until: Instant)
        /// They may have it.
        case unsure(after: Span?, reason: String)

    }

    private func handOver(_ letter: Letter, unsureSince: Instant?, to carrier: any LetterCarrier) async -> Outcome {
        let now = surroundings.clock.now
        if let since = unsureSince, let lag = carrier.knownAfter {
            let known = since + lag
            if now < known { return .unsure(after: known - now, reason: "nobody can say yet whether it was taken") }
            switch await carrier.find(letter) {
            case .done: return .taken(nil)
            case .never: break
            case .later(let after, let reason): return .unsure(after: after ?? lag, reason: reason)
            case .resting(let until): return .unsure(after: max(.zero, until - now), reason: "it is left alone for a while")
            case .unknown(let reason): return .unsure(after: max(lag, .minutes(1)), reason: reason)
            }
        }
        switch await carrier.carry(letter) {
        case .done: return .taken(nil)
        case .later(let after, let reason): return .notNow(after: after, reason: reason)
        case .resting(let until): return .resting(until: until)
        case .never: return .never
        // Where nobody can be asked, better twice than never: a mail program knows the letter again.
        case .unknown(let reason): return .unsure(after: carrier.knownAfter ?? .minutes(10), reason: reason)
        }
    }

    /// - Parameter unsureSince: nil unless the carrier may have it already.
    private func handOver(
        _ text: TextMessage, _ key: EffectKey, createdAt: Instant, unsureSince: Instant?, to carrier: any TextCarrier
    ) async -> Outcome {
        if let since = unsureSince {
            let (now, known) = (surroundings.clock.now, since + carrier.knownAfter)
            if now < known { return .unsure(after: known - now, reason: "it may be on its way to them still") }
            // Their clock may be behind; the words are this message's alone.
            switch await carrier.find(text, since: createdAt - .minutes(5)) {
            case .done(let receipt?): return .taken(receipt)
            case .done(nil): break
            case .later(let after, let reason): return .unsure(after: after, reason: reason)
            case .postponed(let after, let reason): return .unsure(after: after, reason: reason)
            case .never(let reason), .unknown(let reason): return .unsure(after: nil, reason: reason)
            }
        }
        switch await carrier.send(text, key: key) {
        case .done(let receipt): return .taken(receipt)
        case .later(let after, let reason): return .notNow(after: after, reason: reason)
        case .postponed(let after, _): return .resting(until: surroundings.clock.now + after)
        case .never: return .never
        case .unknown(let reason): return .unsure(after: nil, reason: reason)
        }
    }

    /// Writes down what came of it, and says when to try again.
    private func conclude(_ outcome: Outcome, of id: ID<Message>, _ delivery: Delivery) async throws -> Verdict {
        try await writing { transaction, keys in
            guard let found = try transaction.first(MessageToChange(id: id)) else { return }
            var message = try keys.open(found)
            // A receipt, or whoever watches, may have been faster.
            guard message.state == .sending else { return }
            switch outcome {
            case .taken(let receipt?):
                transaction.afterCommit { clinic.noteMessage(.sms, Message.State.handedOver.rawValue) }
                // Taken first, whatever became of it since.
                (message.state, message.handedAt) = (.handedOver, surroundings.clock.now)
                (message.carrierID, message.unsureSince) = (receipt.id, nil)
                try transaction.run(UpdateMessage(message, keys))
                try clinic.note(receipt.state, of: message, carrierID: receipt.id, keys, in: transaction)
            case .taken(nil):
                transaction.afterCommit { clinic.noteMessage(.email, Message.State.handedOver.rawValue) }
                (message.state, message.handedAt, message.unsureSince) = (.handedOver, surroundings.clock.now, nil)
                try transaction.run(UpdateMessage(message, keys))
            case .never: try clinic.fail(message, .refused, keys, in: transaction)
            case .notNow, .resting:
                message.unsureSince = nil
                try transaction.run(UpdateMessage(message, keys))
            case .unsure: break
            }
        }
        switch outcome {
        case .taken, .never: return .done
        case .resting(let until): return .snooze(until: until)
        case .notNow(let after, let reason), .unsure(let after, let reason):
            guard let after else { throw DeliveryFault(reason) }
            let delay = Backoff().delay(attempt: delivery.attempt, luck: surroundings.random.unit())
            return .retry(after: max(after, delay), reason: reason)
        }
    }

    // MARK: Whether it has arrived

    /// Asks after a message whose time is over. One that has not arrived is left to the next channel, where there is one; a mail or a notice
    /// that was taken counts as arrived, for nobody says more of them.
    private func look(_ delivery: Delivery, by post: MessagePost) async throws -> Verdict {
        let id = try delivery.message()
        let known = try await clinic.withKeys {
            let keys = try clinic.keys.ring()
            return try await clinic.database.read { try $0.first(MessageByID(id: id)).map { try keys.open($0) } }
        }
        guard let known, known.state == .sending || known.state == .handedOver else { return .cancel }
        let receipt = known.channel == .sms ? await found(known, by: post.texts) : nil
        try await writing { transaction, keys in
            guard let found = try transaction.first(MessageToChange(id: id)) else { return }
            let message = try keys.open(found)
            guard message.state == .sending || message.state == .handedOver else { return }
            if let receipt, receipt.state == .delivered || receipt.state == .failed {
                return try clinic.note(receipt.state, of: message, carrierID: receipt.id, keys, in: transaction)
            }
            if message.channel != .sms, message.state == .handedOver { return }
            let matter = try clinic.matter(of: message, keys, in: transaction)
            let reaching = try clinic.reaching(message, matter, keys, in: transaction)
            // Without another channel this one goes on trying.
            guard let channel = message.channel, reaching.next(after: message.notBy + [channel]) != nil else { return }
            try clinic.fail(message, message.state == .sending ? .notTaken : .notDelivered, keys, in: transaction)
        }
        return .done
    }

    private func found(_ message: Message, by carrier: (any TextCarrier)?) async -> TextReceipt? {
        guard let carrier, let words = message.words, let number = message.address.flatMap({ PhoneNumber($0.revealed) }) else {
            return nil
        }
        let text = TextMessage(to: number, words: words, expires: nil)
        return await carrier.find(text, since: message.createdAt - .minutes(5)).value ?? nil
    }
}

extension Clinic.Matter {
    /// When what a message says is worth nothing any more; nil when it is over, or has no end.
    func end(of message: Message, after now: Instant) -> Instant? { (until ?? message.start).flatMap { $0 > now ? $0 : nil } }
}

extension Zone {
    fileprivate func spoken(_ instant: Instant) -> SpokenTime {
        SpokenTime(day: day(at: instant), minute: minuteOfDay(at: instant))
    }
}

extension Message {
    /// Four signs that tell two messages with the same words apart.
    fileprivate var reference: String { String(id.description.suffix(4)).uppercased() }
}
