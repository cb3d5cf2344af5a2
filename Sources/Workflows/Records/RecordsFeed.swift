public import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage

// What somebody changes in a hospital's records, as the clinic hears of it (MC-4).
extension RecordsDesk {
    /// How the hearing stands in `SyncState`.
    public static let systemIn = "records-in"

    /// Their clock and ours differ, and what is written at once is not seen in one order: so far back is heard again.
    static let overlap = Span.minutes(2)

    /// Asks what has changed since it was last asked.
    public func feed(every interval: Span = .seconds(30)) -> Sweep {
        Sweep(.recordsIn, every: interval) { try await hear() }
    }

    /// One round: every page of what changed, each in its order. Where it breaks off, the next round goes on with the first change that was
    /// not dealt with; what is heard twice is known by its version.
    func hear() async throws -> SweepOutcome {
        var outcome = SweepOutcome()
        let now = now
        let known = try await database.read { try $0.fetch(SyncStates()) }.first { $0.system == Self.systemIn }?.position
        let beginning = known ?? now - .days(1)
        var after: String?
        repeat {
            let asked = await records.changes(since: beginning - Self.overlap, after: after)
            guard case .done(let page) = asked else {
                try await breakOff(asked, heardUntil: beginning)
                return outcome
            }
            for entry in page.elements {
                let ending = try await hear(entry)
                guard case .done(let heard) = ending else {
                    try await breakOff(ending, heardUntil: min(entry.changedAt, now))
                    return outcome
                }
                outcome = outcome + heard
            }
            after = page.next
            // At the end everything is heard that was there when we asked; before it, what they have shown.
            let heard = page.next == nil ? now : page.elements.last?.changedAt
            try await database.write { [clinic = self.clinic, outage = self.outage] transaction in
                if let heard { try transaction.run(NotePosition(system: Self.systemIn, position: min(heard, now))) }
                try clinic.noteSuccess(of: Self.systemIn, telling: outage, in: transaction)
            }
        } while after != nil
        return outcome
    }

    /// Notes that the hearing came no further, and why. What is not dealt with lies at `heardUntil` or later.
    private func breakOff<Value>(_ ending: Ending<Value>, heardUntil: Instant) async throws {
        let reason: String? =
            switch ending {
            case .done, .postponed: nil
            case .later(_, let reason), .never(let reason), .unknown(let reason): reason
            }
        try await database.write { [clinic = self.clinic, outage = self.outage] transaction in
            try transaction.run(NotePosition(system: Self.systemIn, position: heardUntil))
            // Who is left alone was not asked, and has not failed once more.
            if let reason { try clinic.noteFailure(of: Self.systemIn, reason, telling: outage, in: transaction) }
            for system in [Self.system, Self.systemIn] {
                try clinic.lookForOutage(of: system, telling: outage, in: transaction)
            }
        }
    }

    /// What has become of one appointment there. Nothing is done twice for a version, and where they do not say how it stands now nothing is
    /// done at all: it is heard again.
    private func hear(_ entry: RecordsEntry) async throws -> Ending<SweepOutcome> {
        guard let id = ID<Appointment>(entry.identifier), try await isNews(entry, of: id) else { return .done(SweepOutcome()) }
        let clinic = clinic
        // The list may be older than what we have written since: what stands there now is what counts.
        switch await records.find(EffectKey(id)) {
        case .done(let current?) where current.version.id == entry.version.id:
            return .done(
                try await clinic.withKeys {
                    try await database.write { transaction -> SweepOutcome in try clinic.heed(current, of: id, in: transaction) }
                })
        // It was taken away since, or is another of theirs: made anew when it changes here, or none of ours.
        case .done: return .done(SweepOutcome())
        // They will never say it of this one, and the others are not to wait for it.
        case .never(let reason):
            return .done(try await database.write { try clinic.shrug(entry, of: id, reason, in: $0) })
        case .later(let after, let reason): return .later(after: after, reason: reason)
        case .postponed(let after, let reason): return .postponed(after: after, reason: reason)
        case .unknown(let reason): return .unknown(reason: reason)
        }
    }

    private func isNews(_ entry: RecordsEntry, of id: ID<Appointment>) async throws -> Bool {
        try await database.read { transaction in
            guard let link = try transaction.first(LinkOfAppointment(appointment: id)) else { return false }
            return link.theirs != entry.version
        }
    }
}

extension Clinic {
    /// Decides what a version of theirs means that is not one we know, with appointment and link held.
    ///
    /// Whatever of ours is on its way goes by versions itself and finds theirs. What says the same as ours is our own word, or as good as
    /// that. Else a human hears what they wanted. A time, and that it is cancelled, is put back once, for the time is sold here: who insists
    /// is not fought with, but shown. What has become of a visit is theirs to say, and left.
    fileprivate func heed(_ entry: RecordsEntry, of id: ID<Appointment>, in transaction: any WriteTransaction) throws
        -> SweepOutcome
    {
        guard let appointment = try transaction.first(AppointmentToChange(id: id))?.kept,
            let link = try transaction.first(LinkToChange(appointment: id)), link.theirs.id == entry.version.id,
            link.theirs != entry.version, link.ourVersion >= appointment.version,
            try transaction.first(IsOnItsWay(orderKey: OutboxMessage.recordsOrder(of: id))) == nil
        else { return SweepOutcome() }
        let now = surroundings.clock.now
        let ours = RecordsAppointment(appointment, [])
        if entry.says(ours) {
            try transaction.run(AdoptVersion(appointment: id, version: entry.version.version, now: now))
            return SweepOutcome()
        }
        var outcome = SweepOutcome(oldest: entry.changedAt)
        let what = entry.difference(from: ours)
        let isPutBack = what != .state && link.putBack != appointment.version
        if try raise(.changedThere(appointment, entry, what, isPutBack: isPutBack), in: transaction) { outcome.raised = 1 }
        guard isPutBack else {
            try transaction.run(AdoptVersion(appointment: id, version: entry.version.version, now: now))
            return outcome
        }
        try transaction.run(
            PutBack(appointment: id, version: entry.version.version, ourVersion: appointment.version, now: now))
        try transaction.post(
            OutboxMessage.recordsChange(id, version: appointment.version, surroundings.identifiers.next(OutboxMessage.self), now))
        transaction.afterCommit { self.afterChange() }
        outcome.repaired = 1
        return outcome
    }

    /// They have changed it and never say how it stands: a human hears what their list said.
    fileprivate func shrug(
        _ entry: RecordsEntry, of id: ID<Appointment>, _ reason: String, in transaction: any WriteTransaction
    ) throws -> SweepOutcome {
        guard let appointment = try transaction.first(AppointmentByID(id: id))?.kept else { return SweepOutcome() }
        let isNew = try raise(.changedThere(appointment, entry, .unread, isPutBack: false, reason: reason), in: transaction)
        return SweepOutcome(raised: isNew ? 1 : 0, oldest: entry.changedAt)
    }
}

extension TaskDraft {
    /// What they wanted of an appointment, and whether ours was written over it.
    fileprivate static func changedThere(
        _ appointment: Appointment, _ entry: RecordsEntry, _ what: RecordsDifference, isPutBack: Bool, reason: String? = nil
    ) -> TaskDraft {
        TaskDraft(
            .recordsChanged, key: "\(appointment.id):\(entry.version.id):\(entry.version.version)", appointment: appointment.id,
            patient: appointment.patients.first
        ) { json in
            json.member("what", what.rawValue)
            json.member("record", entry.version.id)
            json.member("theirVersion", entry.version.version)
            json.member("theirStatus", entry.status)
            json.member("theirStart", entry.start)
            json.member("theirEnd", entry.end)
            json.member("changedAt", entry.changedAt)
            json.member("version", appointment.version)
            json.member("putBack", isPutBack)
            if let reason { json.member("reason", reason) }
        }
    }
}

extension RecordsAppointment {
    /// What two of them are compared by; nothing about a person.
    var content: String { "\(status.rawValue) \(start) \(end)" }
}

/// In what somebody there has made it differ.
private enum RecordsDifference: String {
    case cancelled, moved, state
    /// Nobody knows: they do not say how it stands.
    case unread
}

extension RecordsEntry {
    fileprivate func difference(from ours: RecordsAppointment) -> RecordsDifference {
        if status == RecordsAppointment.Status.cancelled.rawValue { return .cancelled }
        return start != ours.start || end != ours.end ? .moved : .state
    }

    var content: String { "\(status) \(start?.description ?? "-") \(end?.description ?? "-")" }
}
