import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage

/// What their calendar has made of a request, as far as it is final.
enum TheirWord: Sendable, Equatable {
    case confirmed
    /// They will not have it.
    case refused(String)
    /// Nobody knows, and nobody waits any longer.
    case givenUp(String)

    /// Nil while they are still at it.
    init?(_ found: SchedulingEntry, of entry: ExternalEntry) {
        switch found.state {
        case .pending: return nil
        case .confirmed: self = found.time == entry.start ? .confirmed : .givenUp("another-time")
        case .failed: self = .refused(found.reason ?? "failed")
        case .cancelled: self = .refused("cancelled")
        }
    }
}

extension SchedulingDesk {
    /// Runs one change of an entry, with its appointment held. Nil when there is no such entry, or `body` says so.
    @discardableResult
    func change<Answer: Sendable>(
        _ id: ID<ExternalEntry>, _ request: String,
        _ body: @escaping @Sendable (Story, ExternalEntry, Appointment) throws -> Answer?
    ) async throws -> Answer? {
        let clinic = clinic
        return try await clinic.withKeys {
            try await clinic.database.doing(.background).write { transaction in
                guard let known = try transaction.first(ExternalEntryByID(id: id)) else { return nil }
                let story = try Story(transaction, clinic: clinic, call: Call(caller: .clinic, requestID: request))
                guard
                    let appointment = try transaction.first(AppointmentToChange(id: known.appointment)).map({
                        try story.opened($0)
                    }),
                    // As it is now that nobody else changes it.
                    let entry = try transaction.first(ExternalEntryByID(id: id))
                else { return nil }
                let answer = try body(story, entry, appointment)
                story.sealHooks()
                return answer
            }
        }
    }

    /// Writes down what they said, and what follows from it here, in one transaction. What was settled before stays. True when something
    /// changed.
    @discardableResult
    func settle(_ id: ID<ExternalEntry>, _ news: TheirWord) async throws -> Bool {
        try await change(id, "scheduling-answer") { [clinic] story, entry, appointment in
            guard entry.state == .pending else { return false }
            switch news {
            case .confirmed: try story.confirm(entry, appointment)
            case .refused(let reason): try story.lose(entry, appointment, reason, mayBeThere: false, clinic)
            case .givenUp(let reason): try story.lose(entry, appointment, reason, mayBeThere: true, clinic)
            }
            return true
        } ?? false
    }
}

extension Story {
    /// Their yes. What it replaces is given up there; where nobody waits for it any more, it is itself.
    fileprivate func confirm(_ entry: ExternalEntry, _ appointment: Appointment) throws {
        guard appointment.awaits(entry), appointment.state != .pending || !appointment.holdHasExpired(at: now) else {
            return try withdraw(entry, saying: "too-late")
        }
        var next = entry
        next.state = .confirmed
        next.lastAnswer = "confirmed"
        next.updatedAt = now
        try transaction.run(UpdateExternalEntry(entry: next))
        try withdrawElsewhere(appointment.id, except: entry.id)
        guard appointment.state == .pending else { return }
        let confirmed = try appointment.confirmed(at: now)
        try update(confirmed)
        try cancelFollowUps(of: confirmed)
        try noteAgreement(to: confirmed)
        try tell(.confirmed, of: confirmed, from: appointment.state)
        try scheduleFollowUps(of: confirmed)
    }

    /// Their no, or their silence: the time is given back here, and whatever may be there is given up. Who was moved had a time before, and
    /// hears from a human.
    fileprivate func lose(
        _ entry: ExternalEntry, _ appointment: Appointment, _ reason: String, mayBeThere: Bool, _ clinic: Clinic
    ) throws {
        if mayBeThere {
            try withdraw(entry, saying: reason)
        } else {
            var next = entry
            next.state = .failed
            next.lastAnswer = reason
            next.updatedAt = now
            try transaction.run(UpdateExternalEntry(entry: next))
        }
        guard appointment.awaits(entry) else { return }
        if appointment.state == .booked {
            try clinic.raise(.refusedMove(entry, appointment, reason), in: transaction)
        }
        let cancelled = try appointment.cancelled(
            by: call.caller.principal, at: now, reason: .providerFailed, policy: policy(of: appointment), byStaff: true)
        try end(cancelled, was: appointment, kind: .cancelled)
    }
}

extension Appointment {
    /// Whether it still wants what was asked for.
    fileprivate func awaits(_ entry: ExternalEntry) -> Bool {
        (state == .pending || state == .booked) && visit.from == entry.start
    }
}

extension TaskDraft {
    private init(_ kind: ClinicTask.Kind, _ entry: ExternalEntry, _ appointment: Appointment, _ words: [(String, String)]) {
        self.init(kind, key: "\(entry.id)", appointment: appointment.id, patient: appointment.patients.first) { json in
            json.member("entry", entry.id)
            json.member("provider", entry.provider)
            json.member("start", entry.start)
            json.member("state", appointment.state.rawValue)
            for (name, value) in words { json.member(name, value) }
        }
    }

    /// A move that the other calendar does not take: here the appointment is over, and the patient had one.
    static func refusedMove(_ entry: ExternalEntry, _ appointment: Appointment, _ reason: String) -> TaskDraft {
        TaskDraft(.providerMoveRefused, entry, appointment, [("reason", reason)])
    }

    /// What is given up here stands there still, and they do not take it back.
    static func stuck(_ entry: ExternalEntry, _ appointment: Appointment) -> TaskDraft {
        TaskDraft(.providerWithdrawalStuck, entry, appointment, [("lastAnswer", entry.lastAnswer ?? "")])
    }

    /// They have ended what is booked here.
    static func endedThere(_ entry: ExternalEntry, _ appointment: Appointment, _ found: SchedulingEntry) -> TaskDraft {
        TaskDraft(.providerCancelled, entry, appointment, [("theirState", found.state.rawValue), ("reason", found.reason ?? "")])
    }

    /// They have it at another time.
    static func atAnotherTime(_ entry: ExternalEntry, _ appointment: Appointment, _ found: SchedulingEntry) -> TaskDraft {
        TaskDraft(.providerTimeDiffers, entry, appointment, [("theirTime", found.time.description)])
    }

    /// They have something of ours that nobody here knows: as after a backup was restored.
    static func unknownHere(_ found: SchedulingEntry, _ provider: String) -> TaskDraft {
        TaskDraft(.providerEntryUnknown, key: "\(provider):\(found.id)") { json in
            json.member("entry", found.id)
            json.member("provider", provider)
            json.member("start", found.time)
        }
    }
}
