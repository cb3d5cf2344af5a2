import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage

extension LegacyDesk {
    /// Takes in what has changed there, until there is nothing more. By the number of their last change, which is kept with what it led to:
    /// whoever is killed goes on where they were, and two who do it at once do it once.
    @discardableResult
    public func follow() async throws -> SweepOutcome {
        var outcome = SweepOutcome()
        while true {
            let known = try await standing()
            guard known.standing.replacement.phase != .off else { return outcome }
            let asked = now
            switch await legacy.changes(after: known.feed.change, limit: Self.portion) {
            case .done(let changes):
                let isNew = try await take(changes, from: known.feed.change, askedAt: asked)
                guard let isNew else { return outcome }
                outcome = outcome + isNew
                if !changes.isMore { return outcome }
            // Left alone: the next round asks again from where this one did.
            case .postponed: return outcome
            case .later(_, let reason), .never(let reason), .unknown(let reason):
                try await note(failure: reason)
                throw DeliveryFault("the system that is being replaced does not say what it has: \(reason)")
            }
        }
    }

    /// Nil when somebody else was quicker.
    private func take(_ changes: LegacyChanges, from change: Int, askedAt asked: Instant) async throws -> SweepOutcome? {
        let clinic = clinic
        let outcome = try await clinic.withKeys {
            try await clinic.database.doing(.background).write { transaction -> SweepOutcome? in
                let story = try Story(transaction, clinic: clinic, call: Call(caller: .clinic, requestID: "legacy-feed"))
                guard story.directory.replacement.phase != .off else { return nil }
                try transaction.run(TouchLegacyFeed())
                guard var feed = try transaction.first(LegacyFeedToChange()), feed.change == change else { return nil }
                var outcome = SweepOutcome()
                for step in try story.steps(of: changes.entries) { outcome.raised += try story.take(step) }
                for name in changes.unreadable {
                    let draft = TaskDraft(.legacyUnreadable, key: name) { $0.member("theirs", name) }
                    outcome.raised += try clinic.raise(draft, in: transaction) ? 1 : 0
                }
                feed.change = changes.last
                if !changes.isMore { feed.caughtUpAt = asked }
                try transaction.run(StoreLegacyFeed(feed: feed))
                try transaction.run(NoteSyncSuccess(system: Self.system, now: story.now))
                story.sealHooks()
                return outcome
            }
        }
        if let outcome, !changes.entries.isEmpty || outcome.raised > 0 { clinic.afterChange() }
        return outcome
    }

    private func note(failure reason: String) async throws {
        let (clinic, now) = (clinic, now)
        try await clinic.database.doing(.background).write { transaction in
            _ = try transaction.run(NoteSyncFailure(system: Self.system, now: now, error: reason))
        }
    }
}

/// Something that happened there.
struct LegacyStep {
    enum Kind { case asked, changed }
    let entry: LegacyEntry
    let kind: Kind
    let at: Instant
}

extension Story {
    /// What happened, in its order. Of something new that is over already, both are told: in between it took somebody's time, and another
    /// may have been refused for it.
    fileprivate func steps(of entries: [LegacyEntry]) throws -> [LegacyStep] {
        var steps: [LegacyStep] = []
        for entry in entries {
            let isNew = try transaction.first(LegacyRowByID(id: entry.id)) == nil
            if isNew { steps.append(LegacyStep(entry: entry, kind: .asked, at: entry.createdAt)) }
            if !isNew || entry.state == .cancelled {
                steps.append(LegacyStep(entry: entry, kind: .changed, at: entry.updatedAt))
            }
        }
        return steps.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
    }

    /// Returns how many tasks it raised.
    fileprivate func take(_ step: LegacyStep) throws -> Int {
        let entry = step.entry
        let known = try transaction.first(LegacyRowToChange(id: entry.id))
        // Each change once.
        if let known, step.kind == .changed, known.change >= entry.change, known.state == entry.state { return 0 }
        var row = try row(entry, known)
        row.updatedAt = now
        if step.kind == .asked, row.state == .cancelled { row.state = .booked }
        if row.origin == .ours { return try takeOurs(row, known) }
        switch step.kind {
        case .asked:
            try takeAsked(&row, at: entry.createdAt)
            return 0
        case .changed: return try takeChanged(&row, known, at: entry.updatedAt)
        }
    }

    /// As they have it now, with what is known of it here.
    private func row(_ entry: LegacyEntry, _ known: LegacyRow?) throws -> LegacyRow {
        let rules = legacyRules
        let ours = try known == nil ? appointment(askedForBy: entry.requestID) : known?.origin == .ours ? known?.appointment : nil
        return LegacyRow(
            theirID: entry.id, requestID: entry.requestID, change: entry.change, state: entry.state,
            practitioner: rules.practitioner(called: entry.visit.practitioner),
            visitType: rules.visitType(called: entry.visit.visitType), patient: try patient(called: entry.visit.patient),
            visit: TimeRange(from: entry.visit.start, to: entry.visit.end), origin: ours == nil ? .theirs : .ours,
            appointment: ours ?? known?.appointment, decision: known?.decision, difference: known?.difference,
            decidedAt: known?.decidedAt, refusal: known?.refusal, updatedAt: now)
    }

    /// The appointment that a request of ours was about: `…:request` asked for their agreement, `…:legacy-3` told them.
    private func appointment(askedForBy request: String) throws -> ID<Appointment>? {
        let parts = request.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        if parts[1] == "request", let id = ID<ExternalEntry>(parts[0]) {
            return try transaction.first(ExternalEntryByID(id: id))?.appointment
        }
        guard parts[1].hasPrefix(LegacyLink.word), let id = ID<Appointment>(parts[0]) else { return nil }
        return try transaction.first(AppointmentByID(id: id))?.kept.id
    }

    /// Somebody has asked them for it: what would have been said here?
    private func takeAsked(_ row: inout LegacyRow, at asked: Instant) throws {
        let standing = try transaction.first(CurrentReplacement())
        let verdict = try decide(row, at: asked)
        // What was there before anybody compared is no request that both have had.
        if let since = standing?.shadowSince, asked >= since, row.state != .cancelled {
            row.decision = verdict.decision
            row.difference = verdict.difference(from: row)
            row.decidedAt = now
        }
        try transaction.run(StoreLegacyRow(row: row))
        if row.state == .booked { try take(verdict, for: row) }
    }

    private func takeChanged(_ row: inout LegacyRow, _ known: LegacyRow?, at changed: Instant) throws -> Int {
        guard let known else { return 0 }
        let isMoved = !row.targetsSame(known)
        if row.state == .booked, known.state == .booked, !isMoved {
            try transaction.run(StoreLegacyRow(row: row))
            return 0
        }
        try transaction.run(DeleteLegacyClaims(of: row.theirID))
        var raised = 0
        if let id = row.appointment, known.state == .booked {
            if directory.replacement.follows {
                try endQuietly(id)
                row.appointment = nil
            } else {
                raised = try raiseDifference(row, id, known)
                try transaction.run(StoreLegacyRow(row: row))
                return raised
            }
        }
        if row.state == .booked {
            row.refusal = nil
            let verdict = try decide(row, at: changed)
            if isMoved, row.decidedAt != nil {
                row.decision = verdict.decision
                row.difference = verdict.difference(from: row)
                row.decidedAt = now
            }
            try transaction.run(StoreLegacyRow(row: row))
            try take(verdict, for: row)
        } else {
            try transaction.run(StoreLegacyRow(row: row))
        }
        return raised
    }

    /// One that was asked for from here. While their word counts, who ends it there has ended it; afterwards somebody has to look.
    private func takeOurs(_ row: LegacyRow, _ known: LegacyRow?) throws -> Int {
        try transaction.run(StoreLegacyRow(row: row))
        guard row.state == .cancelled, let known, known.state == .booked, let id = row.appointment,
            let appointment = try transaction.first(AppointmentToChange(id: id)).map({ try opened($0) }),
            appointment.state == .booked, appointment.visit == row.visit, appointment.practitioner == row.practitioner,
            // Given up from here, and asked for once more.
            try !transaction.fetch(LegacyRowsOfAppointment(appointment: id)).contains(where: {
                $0.theirID != row.theirID && $0.state == .booked && $0.visit == row.visit
            })
        else { return 0 }
        guard directory.replacement.follows else { return try raiseDifference(row, id, known) }
        let cancelled = try appointment.cancelled(
            by: call.caller.principal, at: now, reason: .providerFailed, policy: policy(of: appointment), byStaff: true)
        try end(cancelled, was: appointment, kind: .cancelled)
        return 0
    }

    /// Of what was moved or ended from here there is nothing to say.
    private func raiseDifference(_ row: LegacyRow, _ id: ID<Appointment>, _ known: LegacyRow) throws -> Int {
        guard let appointment = try transaction.first(AppointmentByID(id: id))?.kept, appointment.state == .booked,
            appointment.visit == known.visit, appointment.practitioner == known.practitioner
        else { return 0 }
        let draft = TaskDraft(
            .legacyDiffers, key: "\(row.theirID):\(row.change)", appointment: id, patient: appointment.patients.first
        ) { json in
            json.member("theirs", row.theirID)
            json.member("theirState", row.state.rawValue)
            json.member("theirStart", row.visit.from)
            json.member("start", appointment.visit.from)
        }
        return try clinic.raise(draft, in: transaction) ? 1 : 0
    }

    /// Ends here what they have ended or moved. Whoever it is about was told by them; what was paid for it here comes back.
    private func endQuietly(_ id: ID<Appointment>) throws {
        guard let appointment = try transaction.first(AppointmentToChange(id: id)).map({ try opened($0) }),
            appointment.state == .booked
        else { return }
        let cancelled = try appointment.cancelled(
            by: call.caller.principal, at: now, reason: .other, policy: policy(of: appointment), byStaff: true)
        try update(cancelled)
        try releaseClaims(of: appointment)
        try cancelFollowUps(of: appointment)
        try tell(.cancelled, of: cancelled, from: appointment.state, isQuiet: true)
        try settlePayment(of: cancelled, was: appointment)
    }

    // MARK: Deciding

    /// Decides a request of theirs as if it had been asked of us, at the moment it was.
    func decide(_ row: LegacyRow, at asked: Instant) throws -> LegacyVerdict {
        guard let patient = row.patient, let isOpen = try transaction.first(PatientExists(id: patient.of())) else {
            return .refused(.patientUnknown)
        }
        guard let visitType = row.visitType else { return .refused(.visitTypeUnknown) }
        guard let practitioner = row.practitioner else { return .refused(.practitionerUnknown) }
        if !isOpen { return .refused(.patientClosed) }
        let wish = Wish(visitType: visitType, practitioner: practitioner, start: row.visit.from, patients: [patient])
        let calendar = TransactionCalendar(transaction: transaction, countsOthers: true, except: row.theirID)
        do {
            return .booked(try directory.place(wish, in: calendar, now: asked, moving: row.appointment))
        } catch let refusal as Refusal {
            return .refused(refusal)
        }
    }

    /// Notes what a request of theirs takes of people's time.
    private func take(_ verdict: LegacyVerdict, for row: LegacyRow) throws {
        for claim in verdict.claims(for: row) {
            try transaction.run(
                InsertLegacyClaim(of: row.theirID, holder: claim.holder, lane: claim.lane, range: claim.range))
        }
    }
}

/// What would have been said here.
enum LegacyVerdict {
    case booked(Placement)
    case refused(Refusal)

    /// As it is kept.
    var decision: String {
        switch self {
        case .booked: "booked"
        case .refused(let refusal): refusal.rawValue
        }
    }

    /// In what both differ: our refusal where they have booked it, `refusedThere` where they have not and we would have, `endDiffers` where
    /// the visit takes another time. Nil when they agree.
    func difference(from row: LegacyRow) -> String? {
        switch (self, row.state) {
        case (.booked(let placement), .booked): placement.visit == row.visit ? nil : Self.endDiffers
        case (.booked, _): Self.refusedThere
        case (.refused(let refusal), .booked): refusal.rawValue
        case (.refused, _): nil
        }
    }

    static let endDiffers = "endDiffers"
    static let refusedThere = "refusedThere"

    func claims(for row: LegacyRow) -> [(holder: ID<Resource>, lane: Int, range: TimeRange)] {
        guard case .booked(let placement) = self, placement.visit == row.visit else { return row.roughClaims() }
        return placement.claims(for: ID(high: 0, low: 0)).map { (holder: $0.holder, lane: $0.lane, range: $0.range) }
    }
}
