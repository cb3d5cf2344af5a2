import Notation
import Outbox
import Scheduling
import Storage

// The other direction: what should be told, and waits nowhere to be told.
extension Clinic {
    /// Queues the next reminder of each booked visit ahead that has none waiting. One that was sent, or given up, is not queued again: its key
    /// says so.
    func remindAfterAll(_ place: SweepPlace<AppointmentPlace>) async throws -> SweepOutcome {
        var outcome = SweepOutcome()
        let (now, spans) = (surroundings.clock.now, settings.remindersBefore)
        guard let last = spans.min() else { return outcome }
        // What begins sooner than that is not reminded of any more.
        let beginning = AppointmentPlace(start: now + last, id: ID(high: 0, low: 0))
        for _ in 0..<SweepPortion.perRound {
            let after = place.current.map { max($0, beginning) } ?? beginning
            let looked = try await database.doing(.background).read {
                try $0.fetch(RemindedAppointments(after: after, limit: SweepPortion.rows))
            }
            for row in looked where row.lacksReminder {
                let isQueued = try await database.doing(.background).write { [self] transaction in
                    guard let appointment = try transaction.first(AppointmentToChange(id: row.place.id))?.kept,
                        appointment.state == .booked,
                        try transaction.first(IsReminded(appointment: appointment.id)) == nil,
                        let reminder = OutboxMessage.firstReminder(
                            appointment, of: spans, surroundings.identifiers.next(OutboxMessage.self), now)
                    else { return false }
                    return try transaction.enqueue(reminder)
                }
                guard isQueued else { continue }
                outcome.repaired += 1
                outcome.found(since: row.since)
            }
            place.goOn(at: looked.count < SweepPortion.rows ? nil : looked.last?.place)
            if place.current == nil { break }
        }
        return outcome
    }

    /// Queues messages to patients that are still to be sent and that no worker has: as they were, so whoever sends one whose fate nobody knows
    /// asks about it first. What was given up in the outbox is somebody's task.
    func sendAfterAll(_ place: SweepPlace<ID<Message>>) async throws -> SweepOutcome {
        var outcome = SweepOutcome()
        if settings.messages == nil { return outcome }
        let beginning = ID<Message>.first(at: surroundings.clock.now - Self.messagesWait)
        for _ in 0..<SweepPortion.perRound {
            let after = place.current.map { max($0, beginning) } ?? beginning
            let looked = try await database.doing(.background).read {
                try $0.fetch(QueuedMessages(after: after, limit: SweepPortion.rows))
            }
            for row in looked where row.isLost {
                let isQueued = try await database.doing(.background).write { [self] transaction in
                    guard let message = try transaction.first(MessageToChange(id: row.id))?.kept, message.state.isToBeSent,
                        try transaction.first(IsInOutbox(id: row.id.of())) == nil
                    else { return false }
                    return try transaction.enqueue(sending(message))
                }
                guard isQueued else { continue }
                outcome.repaired += 1
                outcome.found(since: row.since)
            }
            place.goOn(at: looked.count < SweepPortion.rows ? nil : looked.last?.id)
            if place.current == nil { break }
        }
        if outcome.repaired > 0 { afterChange() }
        return outcome
    }

    /// None waits longer: it is too late by then.
    private static let messagesWait = Span.days(3)
}

extension Message.State {
    var isToBeSent: Bool { self == .queued || self == .sending }
}

extension ID {
    /// Before all that are made at this time or later (RFC 9562 §5.7).
    fileprivate static func first(at instant: Instant) -> ID {
        ID(high: UInt64(max(0, instant.microseconds / 1_000)) << 16, low: 0)
    }
}

/// Appointments after a place, in order of their start, and whether a reminder of each waits: found by whom it is about, for there are as many of
/// the topic as visits.
struct RemindedAppointments: Query {
    static let sql = SQL(
        """
        SELECT listed.start_at, listed.id, listed.state, listed.updated_at, (SELECT outbox.id FROM outbox
            WHERE outbox.subject = listed.id AND outbox.state = 'ready' AND '' || outbox.topic = 'appointment.reminder' LIMIT 1)
        FROM \(AppointmentPlace.listed("state, updated_at"))
        ORDER BY listed.start_at, listed.id
        """)
    let after: AppointmentPlace
    let limit: Int
    var bindings: [SQLValue] { after.bindings(limit) }

    struct Row: Sendable {
        let place: AppointmentPlace
        let state: AppointmentState
        let since: Instant
        let isReminded: Bool
        var lacksReminder: Bool { state == .booked && !isReminded }
    }

    static func row(_ columns: any Columns) throws -> Row {
        let reminder: ID<OutboxMessage>? = try columns.optional(4) { try columns.id($0) }
        return Row(
            place: try AppointmentPlace(columns), state: try columns.choice(2),
            since: try columns.instant(3), isReminded: reminder != nil)
    }
}

struct IsReminded: Query {
    static let sql: SQL = """
        SELECT 1 FROM outbox WHERE subject = $1 AND state = 'ready' AND '' || topic = 'appointment.reminder' LIMIT 1
        """
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> Bool { true }
}

/// Messages to patients after one, in the order they were written, and whether the outbox has them: there they bear the same name.
struct QueuedMessages: Query {
    static let sql: SQL = """
        SELECT listed.id, listed.state, listed.created_at, (SELECT outbox.id FROM outbox WHERE outbox.id = listed.id)
        FROM (SELECT id, state, created_at FROM message WHERE id > $1 ORDER BY id LIMIT $2) AS listed ORDER BY listed.id
        """
    let after: ID<Message>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }

    struct Row: Sendable {
        let id: ID<Message>
        let state: Message.State
        let since: Instant
        let isInOutbox: Bool
        var isLost: Bool { state.isToBeSent && !isInOutbox }
    }

    static func row(_ columns: any Columns) throws -> Row {
        let known: ID<OutboxMessage>? = try columns.optional(3) { try columns.id($0) }
        return Row(
            id: try columns.id(0), state: try columns.choice(1), since: try columns.instant(2), isInOutbox: known != nil)
    }
}

struct IsInOutbox: Query {
    static let sql: SQL = "SELECT 1 FROM outbox WHERE id = $1"
    let id: ID<OutboxMessage>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Bool { true }
}
