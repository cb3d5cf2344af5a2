import Letters
public import Notation
import Outbox
import People
import Scheduling
import Storage

extension Topic {
    /// A message to a patient or a practitioner is to be sent: `{"message": …}`.
    public static let message = "notice.send"
    /// Whether it has arrived by now, or another channel is needed.
    public static let messageWatch = "notice.watch"
    /// Somebody runs late: for each visit that is left.
    public static let delay = "appointment.delay"
}

/// How a clinic reaches its patients.
public struct MessageSettings: Sendable {
    /// Those it has.
    public var channels: Set<Channel>
    /// How long a channel has to deliver before the next is used.
    public var patience: Span = .minutes(15)
    /// Whether what somebody replies to a text message comes back.
    public var hearsReplies = false

    public init(channels: Set<Channel>) { self.channels = channels }
}

extension Clinic {
    /// Writes a notice down, and for a patient the message it becomes, in the transaction that is its reason.
    @discardableResult
    func tell(
        _ recipient: ID<Caller>, _ role: Role, _ kind: Notice.Kind, _ appointment: ID<Appointment>?, payload: String,
        in transaction: any WriteTransaction
    ) throws -> Notice {
        let notice = Notice(
            id: surroundings.identifiers.next(Notice.self), recipient: recipient, recipientRole: role, kind: kind,
            appointment: appointment, at: surroundings.clock.now, payload: payload)
        try transaction.post(InsertNotice(notice: notice))
        if let message = try message(of: notice) { try decide(message, in: transaction) }
        return notice
    }

    /// Queues a message, unless it is plain already that it will not be sent: then it says so, and no worker has to find it out.
    private func decide(_ message: Message, in transaction: any WriteTransaction) throws {
        guard let reason = try hindrance(to: message, in: transaction) else { return try queue(message, in: transaction) }
        var suppressed = message
        (suppressed.state, suppressed.reason, suppressed.endedAt) = (.suppressed, reason, message.createdAt)
        try transaction.post(InsertMessage(message: suppressed))
        transaction.afterCommit { self.noteMessage(nil, reason.rawValue) }
    }

    /// Nil for what goes no further than the mailbox.
    private func message(of notice: Notice) throws -> Message? {
        guard settings.messages != nil, notice.recipientRole == .patient, let kind = MessageKind(rawValue: notice.kind.rawValue)
        else { return nil }
        let details = try JSON(parsing: notice.payload)
        guard details["givenBack"] == nil else { return nil }
        let (start, minutes) = (details.instant("start"), details.whole("minutes"))
        return Message(
            id: surroundings.identifiers.next(Message.self), notice: notice.id, patient: notice.recipient.of(),
            appointment: notice.appointment, kind: kind, start: start, minutes: minutes, place: 1, notBy: [], state: .queued,
            createdAt: notice.at, dueAt: notice.at)
    }

    /// The next try of what a channel has not delivered.
    func follow(_ failed: Message, in transaction: any WriteTransaction) throws {
        let now = surroundings.clock.now
        try queue(
            Message(
                id: surroundings.identifiers.next(Message.self), notice: failed.notice, patient: failed.patient,
                appointment: failed.appointment, kind: failed.kind, change: failed.change, start: failed.start,
                minutes: failed.minutes,
                place: failed.place + 1,
                notBy: failed.notBy + [failed.channel].compactMap(\.self), state: .queued, createdAt: now, dueAt: now),
            in: transaction)
    }

    func queue(_ message: Message, in transaction: any WriteTransaction) throws {
        try transaction.post(InsertMessage(message: message))
        try transaction.post(sending(message))
        transaction.afterCommit { self.afterChange() }
    }

    /// It bears the message's own name, so it is found whether there is one.
    func sending(_ message: Message) -> OutboxMessage {
        OutboxMessage(
            id: message.id.of(), topic: Topic.message, payload: message.outboxPayload, createdAt: message.createdAt,
            // An offer may stand for five minutes.
            priority: message.kind == .offer ? .urgent : .normal, dedupeKey: message.id.description,
            subject: message.patient.of(),
            maxAttempts: Self.attemptsMaximum)
    }

    /// What it is about ends long before so many attempts.
    private static let attemptsMaximum = 1_000

    /// Looks after a message from the moment it is first handed over.
    ///
    /// - Parameter end: when what it says is over. The next channel has half of the time until then.
    func watch(_ message: Message, until end: Instant?, in transaction: any WriteTransaction) throws {
        let now = surroundings.clock.now
        var patience = settings.messages?.patience ?? .minutes(15)
        if let end { patience = min(patience, Span(microseconds: max(0, (end - now).microseconds / 2))) }
        try transaction.post(
            OutboxMessage(
                id: surroundings.identifiers.next(OutboxMessage.self), topic: Topic.messageWatch, payload: message.outboxPayload,
                createdAt: now, availableAt: now + patience, dedupeKey: message.id.description, subject: message.patient.of()))
    }
}

extension JSON {
    fileprivate func instant(_ name: String) -> Instant? {
        guard let text = self[name]?.string else { return nil }
        return Instant(text)
    }

    fileprivate func whole(_ name: String) -> Int? {
        guard let number = self[name]?.integer else { return nil }
        return Int(number)
    }
}

extension Message {
    fileprivate var outboxPayload: String { #"{"message":"\#(id)"}"# }
}

extension Delivery {
    func message() throws -> ID<Message> {
        guard let id = try JSON(parsing: payload)["message"]?.string.flatMap({ ID<Message>($0) }) else {
            throw DeliveryFault("an outbox message names no message")
        }
        return id
    }
}
