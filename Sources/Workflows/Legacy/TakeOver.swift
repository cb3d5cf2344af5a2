import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage

extension LegacyDesk {
    /// Takes over what is booked there and is no appointment here yet, the earliest first: one transaction for each, and once for each of
    /// their names. Where the backfill has not begun nothing is. What cannot be taken over stays theirs, with the reason and a task.
    @discardableResult
    public func takeOver(atMost count: Int) async throws -> SweepOutcome {
        guard try await standing().standing.takesOver else { return SweepOutcome() }
        var (outcome, left) = (SweepOutcome(), count)
        var place = (start: now, id: "")
        while left > 0 {
            let (after, limit) = (place, min(left, SweepPortion.rows))
            let rows = try await clinic.database.doing(.background).read {
                try $0.fetch(WaitingLegacyRows(after: after.start, id: after.id, limit: limit))
            }
            for row in rows { outcome = outcome + (try await takeOver(row.theirID)) }
            left -= rows.count
            guard let last = rows.last, rows.count == limit else { return outcome }
            place = (start: last.visit.from, id: last.theirID)
        }
        return outcome
    }

    private func takeOver(_ id: String) async throws -> SweepOutcome {
        let clinic = clinic
        let done = try await clinic.withKeys {
            try await clinic.database.doing(.background).write { transaction -> (LegacyReport, isRaised: Bool)? in
                let story = try Story(transaction, clinic: clinic, call: Call(caller: .clinic, requestID: "legacy-backfill"))
                // As it is now: somebody may have taken it over, or ended it there.
                guard try transaction.first(CurrentReplacement())?.takesOver == true,
                    var row = try transaction.first(LegacyRowToChange(id: id)), row.isWaiting
                else { return nil }
                do {
                    let appointment = try story.attempt { try story.takeOver(&row) }
                    try transaction.run(StoreLegacyRow(row: row))
                    try transaction.run(TouchLegacyFeed())
                    if var feed = try transaction.first(LegacyFeedToChange()) {
                        feed.taken += 1
                        try transaction.run(StoreLegacyFeed(feed: feed))
                    }
                    story.sealHooks()
                    return (
                        LegacyReport(what: .takenOver, appointment: appointment.id, theirs: row.theirID, reason: nil),
                        isRaised: false
                    )
                } catch let refusal as any LegacyRefusal {
                    // Somebody who is still waiting for their word has it: they will say no to one of the two.
                    if try story.isHeldByWhoAsks(row) { return nil }
                    row.refusal = refusal.word
                    try transaction.run(StoreLegacyRow(row: row))
                    let isNew = try clinic.raise(.notTaken(row, refusal), in: transaction)
                    return (
                        LegacyReport(what: .notTaken, appointment: nil, theirs: row.theirID, reason: refusal.word),
                        isRaised: isNew
                    )
                }
            }
        }
        guard let done else { return SweepOutcome() }
        report(done.0)
        return SweepOutcome(repaired: done.0.what == .takenOver ? 1 : 0, raised: done.isRaised ? 1 : 0)
    }
}

/// Why one of theirs cannot be taken over, as it is kept.
private protocol LegacyRefusal: Error { var word: String { get } }

extension Refusal: LegacyRefusal { fileprivate var word: String { rawValue } }

/// A visit of that kind takes another time here.
private struct EndDiffers: LegacyRefusal { var word: String { LegacyVerdict.endDiffers } }

extension LegacyStanding {
    /// Whether what is booked there becomes appointments here.
    var takesOver: Bool { backfillSince != nil && replacement.blocks }
}

extension LegacyRow {
    var isWaiting: Bool { state == .booked && origin == .theirs && appointment == nil && refusal == nil }
}

extension Story {
    /// Makes an appointment of theirs one of this clinic. The clinic's rules of notice, hours and grid were theirs to keep, so they are set
    /// aside; nobody's time is.
    fileprivate func takeOver(_ row: inout LegacyRow) throws -> Appointment {
        guard let patient = row.patient, let isOpen = try transaction.first(PatientExists(id: patient.of())) else {
            throw Refusal.patientUnknown
        }
        if !isOpen { throw Refusal.patientClosed }
        guard let visitType = row.visitType, let type = directory.visitTypes[visitType] else { throw Refusal.visitTypeUnknown }
        guard let practitioner = row.practitioner else { throw Refusal.practitionerUnknown }
        // A visit of another length would take other people's time, or too little.
        guard type.visit(at: row.visit.from) == row.visit else { throw EndDiffers() }
        let wish = Wish(
            visitType: visitType, practitioner: practitioner, start: row.visit.from, patients: [patient], isOverride: true)
        let placement = try directory.place(
            wish, in: TransactionCalendar(transaction: transaction), now: now)
        if let taken = placement.overridden.first(where: { !$0.canBeOverridden }) { throw taken }
        let appointment = Appointment(
            id: newID(), state: .booked, visitType: visitType, practitioner: placement.practitioner, room: placement.room,
            device: placement.device, patients: [patient], location: placement.location, visit: placement.visit,
            overrideReason: placement.overridden.isEmpty ? nil : Personal("taken over"), createdAt: now, updatedAt: now)
        try transaction.run(DeleteLegacyClaims(of: row.theirID))
        try store(appointment, placement, content: [])
        // Whoever it is about was told by them; from the switch on they are reminded from here.
        try tell(.booked, of: appointment, from: nil, overridden: placement.overridden, isQuiet: true)
        try scheduleFollowUps(of: appointment)
        row.appointment = appointment.id
        row.updatedAt = now
        return appointment
    }

    /// Whether the time is kept here for somebody who asks them for it at this moment.
    fileprivate func isHeldByWhoAsks(_ row: LegacyRow) throws -> Bool {
        for holder in [row.practitioner, row.patient?.of()].compactMap({ $0 }) {
            for claim in try transaction.fetch(LiveClaims(holder: holder, range: row.visit)) {
                if try transaction.first(AppointmentByID(id: claim.appointment))?.kept.state == .pending { return true }
            }
        }
        return false
    }
}

extension TaskDraft {
    fileprivate static func notTaken(_ row: LegacyRow, _ refusal: any LegacyRefusal) -> TaskDraft {
        TaskDraft(.legacyNotTaken, key: "\(row.theirID):\(row.change)", patient: row.patient) { json in
            json.member("theirs", row.theirID)
            json.member("start", row.visit.from)
            json.member("end", row.visit.to)
            json.member("practitioner", row.practitioner)
            json.member("refusal", refusal.word)
        }
    }
}
