import Notation
import Scheduling

// C7: what a change leaves to be done is in the outbox once, and what came of it is there once.
extension Checker {
    private static let reminderMinutes = [24 * 60, 2 * 60]

    /// No message but for an event, and none twice: one that was delivered is gone, and its notices are there instead. A
    /// timer for each hold that still holds its time.
    mutating func checkFollowUps() {
        let waiting = snapshot.messages.filter { $0.topic == "appointment.event" }.map(\.payload)
        let delivered = Set(snapshot.events.map(\.payload)).subtracting(waiting)
        compare(
            .everythingFollowsOnce, wanted: snapshot.events.map(\.payload).filter { !delivered.contains($0) }, found: waiting,
            "event in the outbox")
        let holding = chains.filter { $0.value.last?.to == "pending" }
        let timers = Dictionary(grouping: snapshot.messages.filter { $0.topic == "appointment.hold-expiry" }, by: \.subject)
        for id in holding.keys.sorted() where timers[id] == nil {
            report(.everythingFollowsOnce, "\(id) is held without a timer")
        }
        for case let id? in timers.keys where chains[id]?.links.first?.kind != "appointment.held" {
            report(.everythingFollowsOnce, "\(id) has a timer and was never held")
        }
        if isQuiet { checkQueueIsEmpty() }
    }

    private mutating func checkQueueIsEmpty() {
        for message in snapshot.messages {
            switch message.state {
            case "running", "dead", "expired":
                report(.everythingFollowsOnce, "a message ended as \(message.state): \(message.payload)")
            case "ready" where message.availableAt <= now:
                report(.everythingFollowsOnce, "a due message waits: \(message.payload)")
            default: break
            }
        }
    }

    /// One notice for each event that people are told about, to each of them, unless its message still waits.
    mutating func checkNotices() {
        let told = snapshot.notices.filter { !["reminder", "payment-honoured", "refund", "offer"].contains($0.kind) }.map {
            "\($0.kind) of \($0.appointment) to \($0.role) \($0.recipient)"
        }
        let waiting = Set(snapshot.messages.filter { $0.topic == "appointment.event" }.map(\.payload))
        var wanted: [String] = []
        for (id, chain) in chains {
            for link in chain.links where !waiting.contains(link.payload) {
                guard let kind = Self.notice(for: link.kind) else { continue }
                wanted += link.patients.map { "\(kind) of \(id) to patient \($0)" }
                wanted.append("\(kind) of \(id) to practitioner \(link.practitioner)")
                // Whose it was before hears that it is theirs no longer.
                if link.kind == "appointment.rescheduled", let before = chain.link(link.version - 1)?.practitioner,
                    before != link.practitioner
                {
                    wanted.append("\(kind) of \(id) to practitioner \(before)")
                }
            }
        }
        compare(.everythingFollowsOnce, wanted: wanted, found: told, "notice")
    }

    private static func notice(for kind: String) -> String? {
        switch kind {
        case "appointment.booked", "appointment.confirmed": "confirmation"
        case "appointment.cancelled": "cancellation"
        case "appointment.expired": "expiry"
        case "appointment.rescheduled": "move"
        default: nil
        }
    }

    /// Each reminder at most once for each time an appointment had, before it begins, and only while that was its time.
    mutating func checkReminders() {
        var sent: [String: Int] = [:]
        for notice in snapshot.notices where notice.kind == "reminder" {
            guard let payload = try? JSON(parsing: notice.payload), let start = payload["start"]?.string.flatMap(Instant.init),
                let minutes = payload["minutesBefore"]?.integer
            else { return report(.everythingFollowsOnce, "a reminder nobody can read") }
            sent["\(notice.appointment) \(start.microseconds) \(minutes) \(notice.recipient)", default: 0] += 1
            if notice.at >= start { report(.everythingFollowsOnce, "\(notice.appointment) was reminded of after it began") }
            if notice.at + clockSlack < start - .minutes(Int(minutes)) {
                report(.everythingFollowsOnce, "\(notice.appointment) was reminded of early")
            }
            if !wasBooked(notice.appointment, for: start, at: notice.at) {
                report(.everythingFollowsOnce, "\(notice.appointment) was reminded of a time it did not have")
            }
        }
        for (reminder, count) in sent.sorted(by: { $0.key < $1.key }) where count > 1 {
            report(.everythingFollowsOnce, "reminder \(reminder) was sent \(count) times")
        }
        if isQuiet { checkNoReminderIsMissing(sent) }
    }

    private func wasBooked(_ id: ID<Appointment>, for start: Instant, at instant: Instant) -> Bool {
        guard let chain = chains[id] else { return false }
        return chain.links.contains { link in
            let next = chain.link(link.version + 1)?.at ?? instant
            return link.to == "booked" && link.start == start && link.at - clockSlack <= instant && instant <= next + clockSlack
        }
    }

    /// Who is still booked has heard, or will, of everything that lay ahead when the time was given.
    private mutating func checkNoReminderIsMissing(_ sent: [String: Int]) {
        let reminders = snapshot.messages.filter { $0.topic == "appointment.reminder" && $0.state == "ready" }
        let waiting = Dictionary(grouping: reminders, by: \.subject)
        for booking in snapshot.bookings where booking.state == "booked" {
            guard let chain = chains[booking.id], let last = chain.last else { continue }
            for minutes in Self.reminderMinutes {
                let due = last.start - .minutes(minutes)
                // One that waits brings the next.
                let isAhead = waiting[booking.id]?.contains { $0.availableAt <= due } ?? false
                guard due > last.at, !isAhead else { continue }
                for patient in booking.patients
                where sent["\(booking.id) \(last.start.microseconds) \(minutes) \(patient)"] == nil {
                    report(.everythingFollowsOnce, "\(booking.id) was not reminded of \(minutes) minutes before")
                }
            }
        }
    }
}
