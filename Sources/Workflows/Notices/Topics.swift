import Notation
import Outbox
import Scheduling

/// The kinds of work the clinic leaves in the outbox.
public enum Topic {
    /// An appointment's event, to be turned into notices. In order for each appointment.
    public static let event = "appointment.event"
    public static let reminder = "appointment.reminder"
    public static let holdExpiry = "appointment.hold-expiry"
    /// A time was given back for which somebody waits.
    public static let freedTime = "waitlist.freed"
    /// Somebody else's calendar is asked, and told that something is given up. In order for each time that is asked for.
    public static let schedulingRequest = "scheduling.request"
    public static let schedulingCancel = "scheduling.cancel"
    /// An appointment has another version, for a hospital's records. In order for each appointment.
    public static let recordsChange = "records.change"
    /// A change for somebody outside who wants to be told; each on its own, in no order.
    public static let webhook = "webhook.deliver"
    /// A change for the message broker. In order for each appointment.
    public static let bus = "bus.publish"
    /// An appointment has another version, for the system that is being replaced. In order for each appointment.
    public static let legacyChange = "legacy.change"
    /// Somebody broke the glass: the privacy officer is to know.
    public static let emergency = "emergency.begun"
    /// What partners have told; see `Clinic.hearing`.
    public static let incomingPayments = "incoming.payments"
    public static let incomingTexts = "incoming.texts"
    /// What the payment provider is asked for.
    public static let openPayment = "payment.open"
    public static let cancelPayment = "payment.cancel"
    public static let refund = "payment.refund"

    /// Those that somebody outside is called for.
    public static let outside = [
        message, AccountTopic.letter, schedulingRequest, schedulingCancel, recordsChange, webhook, bus, legacyChange, openPayment,
        cancelPayment, refund,
    ]
    /// Those that somebody outside has told.
    public static let told = [incomingPayments, incomingTexts]
}

extension OutboxMessage {
    /// The message bears the event's identifier, so whoever passes it on names it by the same.
    static func event(_ event: AppointmentEvent, version: Int, _ now: Instant) -> OutboxMessage {
        OutboxMessage(
            id: event.id.of(), topic: Topic.event, payload: event.payload, createdAt: now,
            orderKey: event.appointment.description,
            orderNumber: version)
    }

    /// The first reminder that lies ahead. Nil when none does.
    static func firstReminder(_ appointment: Appointment, of spans: [Span], _ id: ID<OutboxMessage>, _ now: Instant)
        -> OutboxMessage?
    {
        spans.filter { appointment.visit.from - $0 > now }.max().map { reminder(appointment, before: $0, id, now) }
    }

    /// The one that follows a reminder when it is sent, so that each visit has one row waiting instead of all of them.
    static func reminder(
        _ appointment: Appointment, after sent: Span, of spans: [Span], _ id: ID<OutboxMessage>, _ now: Instant
    ) -> OutboxMessage? {
        spans.filter { $0 < sent }.max().map { reminder(appointment, before: $0, id, now) }
    }

    /// Never sent once the visit has begun, and sent once for each time the appointment was given: moving it makes a new one.
    private static func reminder(_ appointment: Appointment, before: Span, _ id: ID<OutboxMessage>, _ now: Instant)
        -> OutboxMessage
    {
        let minutes = before.microseconds / 60_000_000
        return OutboxMessage(
            id: id, topic: Topic.reminder,
            payload: #"{"appointment":"\#(appointment.id)","start":"\#(appointment.visit.from)","minutesBefore":\#(minutes)}"#,
            createdAt: now, availableAt: appointment.visit.from - before, expiresAt: appointment.visit.from,
            dedupeKey: "\(appointment.id):\(appointment.visit.from):\(minutes)", subject: appointment.id.of())
    }

    static func emergency(_ access: EmergencyAccess, _ id: ID<OutboxMessage>, _ now: Instant) -> OutboxMessage {
        OutboxMessage(
            id: id, topic: Topic.emergency,
            payload: #"{"emergency":"\#(access.id)","patient":"\#(access.patient)","by":"\#(access.principal)"}"#, createdAt: now,
            priority: .urgent, dedupeKey: access.id.description, subject: access.id.of())
    }

    static func holdExpiry(_ appointment: Appointment, _ heldUntil: Instant, _ id: ID<OutboxMessage>, _ now: Instant)
        -> OutboxMessage
    {
        OutboxMessage(
            id: id, topic: Topic.holdExpiry, payload: #"{"appointment":"\#(appointment.id)"}"#, createdAt: now,
            availableAt: heldUntil, priority: .urgent, subject: appointment.id.of())
    }
}
