import Notation
import Outbox
import Scheduling
import Storage

/// How much of a long table one round looks at.
enum SweepPortion {
    static let rows = 500
    static let perRound = 4
}

/// The last dead letter that was looked at.
typealias DeadPlace = ID<OutboxMessage>

extension Clinic {
    /// Cancels timers and reminders of appointments that are over: whoever ended them should have, in the same transaction.
    func cancelWhatWaitsInVain(_ place: SweepPlace<WaitingFor.Place>) async throws -> SweepOutcome {
        var outcome = SweepOutcome()
        for _ in 0..<SweepPortion.perRound {
            let after = place.current
            let waiting = try await database.doing(.background).read {
                try $0.fetch(WaitingFor(after: after ?? WaitingFor.Place(high: 0, low: 0), limit: SweepPortion.rows))
            }
            let inVain = waiting.filter { $0.isInVain }
            if !inVain.isEmpty {
                outcome.repaired += try await database.doing(.background).write { [self] transaction in
                    try Set(inVain.map(\.subject)).sorted().reduce(0) { count, subject in
                        let count = count
                        return try count
                            + transaction.cancelWaiting(
                                subject: subject, topics: [Topic.reminder, Topic.holdExpiry], now: surroundings.clock.now)
                    }
                }
                for message in inVain { outcome.found(since: message.since) }
            }
            place.goOn(at: waiting.count < SweepPortion.rows ? nil : waiting.last?.subject)
            if place.current == nil { break }
        }
        return outcome
    }

    /// What was given up in the outbox becomes a task: nobody reads a queue.
    func raiseDeadLetters(_ place: SweepPlace<DeadPlace>) async throws -> SweepOutcome {
        let after = place.current
        let dead = try await database.doing(.background).read {
            try $0.fetch(DeadLetters(after: after, limit: SweepPortion.rows))
        }
        var outcome = SweepOutcome()
        if !dead.isEmpty {
            outcome.raised = try await database.doing(.background).write { [self] transaction in
                try dead.reduce(0) { count, letter in
                    let appointment = try letter.subject.flatMap { try transaction.first(AppointmentByID(id: $0.of())) }?.kept.id
                    let draft = TaskDraft(.deliveryDead, key: letter.taskKey, appointment: appointment) { json in
                        json.member("message", letter.id)
                        json.member("topic", letter.topic)
                        json.member("attempts", letter.attempts)
                        json.member("createdAt", letter.createdAt)
                        json.member("diedAt", letter.diedAt)
                        // Kept and shown because it says nothing about a person, as in the list of dead letters.
                        json.member("lastError", letter.lastError)
                    }
                    return count + (try raise(draft, in: transaction) ? 1 : 0)
                }
            }
        }
        place.goOn(at: dead.count < SweepPortion.rows ? nil : dead.last?.id)
        return outcome
    }
}

/// What waits in the outbox for a subject, and how the appointment of that name stands; after a subject, in their order.
struct WaitingFor: Query {
    typealias Place = ID<OutboxSubject>

    static let sql: SQL = """
        SELECT waiting.subject, waiting.created_at, appointment.state, appointment.updated_at FROM (
            SELECT subject, created_at FROM outbox WHERE subject > $1 AND state = 'ready' ORDER BY subject LIMIT $2
        ) AS waiting LEFT JOIN appointment ON appointment.id = waiting.subject ORDER BY waiting.subject
        """
    let after: Place
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }

    struct Row: Sendable {
        let subject: Place
        /// Nil where it is not about an appointment.
        let state: AppointmentState?
        /// Since when it has been waiting for nothing, if it does.
        let since: Instant

        /// Nobody is reminded of, and no hold ends, what is neither held nor booked any more.
        var isInVain: Bool { state.map { $0 != .pending && $0 != .booked } ?? false }
    }

    static func row(_ columns: any Columns) throws -> Row {
        Row(
            subject: try columns.id(0), state: try columns.optional(2) { try columns.choice($0) },
            since: try columns.optional(3, columns.instant) ?? columns.instant(1))
    }
}

extension DeadLetter {
    /// One task for each time it dies, for who settled the last one has not settled this; but for what goes to one place by the thousand:
    /// there one for a day.
    fileprivate var taskKey: String {
        guard [Topic.webhook, Topic.bus].contains(topic) else { return "\(id):\(diedAt)" }
        return "\(topic):\(subject?.description ?? "all"):\(diedAt.microseconds / Span.days(1).microseconds)"
    }
}
