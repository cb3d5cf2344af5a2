import Notation
import Outbox
import Scheduling
import Storage

// What a booking, a move and an end entail where somebody else's calendar has to agree: rows and messages of the same transaction.

extension Story {
    /// The calendar that has to agree to appointments of a practitioner; nil where the clinic's own word is enough.
    /// While another system is being replaced and its word counts, or is about to, it is that one: whom it asks in turn is its own affair.
    func provider(of practitioner: ID<Resource>) -> String? {
        directory.replacement.asks ? Replacement.provider : directory.resources[practitioner]?.provider
    }

    /// Until when somebody else's calendar is asked, and until when the time is kept meanwhile: a little longer, so that what is said in the
    /// last moment still counts.
    var askedUntil: Instant { now + clinic.settings.confirmedWithin }
    var keptMeanwhile: Instant { askedUntil + .minutes(1) }

    /// Asks for the appointment's time there.
    @discardableResult
    func askElsewhere(_ appointment: Appointment, _ provider: String) throws -> ExternalEntry {
        let entry = ExternalEntry(
            id: newID(), appointment: appointment.id, provider: provider, start: appointment.visit.from, state: .pending,
            attempts: 0, askedUntil: askedUntil, createdAt: now, updatedAt: now)
        try transaction.post(InsertExternalEntry(entry: entry))
        try transaction.post(OutboxMessage.request(entry, newID(), now))
        return entry
    }

    /// What was ever asked for; nothing is looked up where the clinic works with no other calendar.
    func entries(of appointment: ID<Appointment>) throws -> [ExternalEntry] {
        guard !clinic.settings.schedulingProviders.isEmpty || clinic.settings.legacy != nil else { return [] }
        return try transaction.fetch(ExternalEntriesOf(appointment: appointment))
    }

    /// A hold is confirmed here: now somebody else's calendar is asked, and the time is kept meanwhile.
    func awaitElsewhere(_ hold: Appointment, _ provider: String) throws -> Appointment {
        var awaiting = try hold.awaiting(until: keptMeanwhile, at: now)
        try update(awaiting)
        try transaction.run(ForgetHold(appointment: hold.id))
        try cancelFollowUps(of: hold)
        awaiting.external = try askElsewhere(awaiting, provider).confirmation
        try tell(.held, of: awaiting, from: hold.state)
        try scheduleFollowUps(of: awaiting)
        return awaiting
    }

    /// A booking has another time, or another practitioner: whose calendar has to agree is asked, and what was agreed to before is given up
    /// when they do; where nobody has to any more, at once. A hold is asked for when it is confirmed.
    func carryMoveElsewhere(_ moved: Appointment, from before: Appointment) throws -> ExternalConfirmation? {
        guard moved.state == .booked, moved.visit.from != before.visit.from || moved.practitioner != before.practitioner else {
            return nil
        }
        guard let provider = provider(of: moved.practitioner) else {
            try withdrawElsewhere(moved.id)
            return nil
        }
        return try askElsewhere(moved, provider).confirmation
    }

    /// Gives up there whatever may be there of an appointment.
    ///
    /// - Parameter kept: stays as it is.
    func withdrawElsewhere(_ appointment: ID<Appointment>, except kept: ID<ExternalEntry>? = nil) throws {
        for entry in try entries(of: appointment) where entry.id != kept && [.pending, .confirmed].contains(entry.state) {
            try withdraw(entry)
        }
    }

    /// Of what nobody there has heard nobody there has to give up anything.
    func withdraw(_ entry: ExternalEntry, saying answer: String? = nil) throws {
        var next = entry
        next.state = entry.attempts == 0 ? .cancelled : .cancelling
        next.lastAnswer = answer ?? entry.lastAnswer
        next.updatedAt = now
        try transaction.run(UpdateExternalEntry(entry: next))
        if next.state == .cancelling { try transaction.post(OutboxMessage.withdrawal(next, newID(), now)) }
    }

    /// While somebody else's calendar is asked, an appointment can be cancelled and nothing else: two answers on their way would have to be
    /// told apart from each other by time.
    func mustNotBeAsked(_ appointment: ID<Appointment>) throws {
        if try isAsked(appointment) { throw Refusal.transitionNotAllowed }
    }

    /// Whether somebody else's calendar is asked for it at this moment.
    func isAsked(_ appointment: ID<Appointment>) throws -> Bool {
        try entries(of: appointment).contains { $0.state == .pending }
    }
}
