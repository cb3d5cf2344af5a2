public import Notation
import Outbox
import Partners
import Scheduling
import Storage

extension SchedulingDesk {
    /// Compares both sides: what is neither here nor there is asked for again, what was agreed to is compared with the time an appointment has
    /// now, and what they say of themselves with what was agreed to (GF-4).
    public func sweep(every interval: Span = .seconds(60)) -> Sweep {
        let heard = SweepPlace<[String: Instant]>()
        let place = SweepPlace<AppointmentPlace>()
        return Sweep(.scheduling, every: interval) {
            let lost = try await askAgain()
            var outcome = lost + (try await carryAgain(place))
            for provider in clinic.settings.schedulingProviders.sorted() {
                outcome = outcome + (try await compare(provider, heard))
            }
            return outcome
        }
    }

    /// Nobody asks for them any more: their message was lost or given up.
    private func askAgain() async throws -> SweepOutcome {
        let clinic = clinic
        return try await clinic.database.doing(.background).write { transaction in
            let now = clinic.surroundings.clock.now
            var outcome = SweepOutcome()
            let entries = try transaction.fetch(UnsettledEntries(before: now - .minutes(2), limit: SweepPortion.rows))
            for entry in entries {
                outcome.found(since: entry.createdAt)
                if try transaction.first(IsOnItsWay(orderKey: entry.orderKey)) != nil { continue }
                let id = clinic.surroundings.identifiers.next(OutboxMessage.self)
                try transaction.post(
                    entry.state == .pending ? OutboxMessage.request(entry, id, now) : .withdrawal(entry, id, now))
                outcome.repaired += 1
            }
            if outcome.repaired > 0 { transaction.afterCommit { clinic.afterChange() } }
            return outcome
        }
    }

    /// What they agreed to and is no longer so: nobody has told them, and they have not changed it, so their own word does not show it.
    private func carryAgain(_ place: SweepPlace<AppointmentPlace>) async throws -> SweepOutcome {
        var outcome = SweepOutcome()
        if clinic.settings.schedulingProviders.isEmpty { return outcome }
        let beginning = AppointmentPlace(start: now - .days(1), id: ID(high: 0, low: 0))
        for _ in 0..<SweepPortion.perRound {
            let after = place.current ?? beginning
            let looked = try await clinic.database.doing(.background).read {
                try $0.fetch(AgreedElsewhere(after: after, limit: SweepPortion.rows))
            }
            for row in looked where row.differs {
                guard let agreed = row.agreed, try await carry(agreed.entry) else { continue }
                outcome.repaired += 1
                outcome.found(since: row.since)
            }
            place.goOn(at: looked.count < SweepPortion.rows ? nil : looked.last?.place)
            if place.current == nil { break }
        }
        return outcome
    }

    /// With the appointment held, and only what still differs. Their yes to the new time gives up the old one there; until then nothing more is
    /// asked.
    private func carry(_ id: ID<ExternalEntry>) async throws -> Bool {
        let clinic = clinic
        return try await change(id, "scheduling-sweep") { story, entry, appointment in
            // Of a system that is being replaced its own sweep sees to it.
            guard entry.state == .confirmed, clinic.settings.schedulingProviders.contains(entry.provider),
                try !story.isAsked(appointment.id)
            else { return false }
            if !appointment.state.holdsItsTime {
                try story.withdraw(entry, saying: "is-over-here")
            } else {
                guard appointment.state == .booked, appointment.visit.from != entry.start else { return false }
                if let provider = story.provider(of: appointment.practitioner) {
                    try story.askElsewhere(appointment, provider)
                } else {
                    try story.withdraw(entry, saying: "is-elsewhere")
                }
            }
            story.transaction.afterCommit { clinic.afterChange() }
            return true
        } ?? false
    }

    /// What has changed there since it was last asked; the first time, in the last week. A little of it is looked at twice, so clocks may
    /// differ.
    private func compare(_ provider: String, _ heard: SweepPlace<[String: Instant]>) async throws -> SweepOutcome {
        let start = now
        let since = heard.current?[provider].map { $0 - .minutes(10) } ?? start - .days(7)
        var (outcome, after, pages) = (SweepOutcome(), String?.none, 0)
        repeat {
            switch await partner.entries(of: provider, since: since, after: after) {
            case .done(let page):
                for found in page.elements { outcome = outcome + (try await compare(found, provider)) }
                after = page.next
            // Left alone: the next round asks again from where this one did.
            case .postponed: return outcome
            case .later(_, let reason), .never(let reason), .unknown(let reason):
                throw DeliveryFault("\(provider) does not say what it has: \(reason)")
            }
            pages += 1
        } while after != nil && pages < 1_000
        var marks = heard.current ?? [:]
        marks[provider] = start
        heard.goOn(at: marks)
        return outcome
    }

    private func compare(_ found: SchedulingEntry, _ provider: String) async throws -> SweepOutcome {
        guard let id = ID<ExternalEntry>(found.id), found.requestID == EffectKey(id, "request").text else {
            return SweepOutcome()
        }
        let clinic = clinic
        let known = try await clinic.database.doing(.background).read { try $0.first(ExternalEntryByID(id: id)) }
        guard let entry = known else {
            guard !found.isOver else { return SweepOutcome() }
            let isNew = try await clinic.database.doing(.background).write {
                try clinic.raise(.unknownHere(found, provider), in: $0)
            }
            return SweepOutcome(raised: isNew ? 1 : 0, oldest: found.updatedAt)
        }
        if entry.state == .pending, let news = TheirWord(found, of: entry) {
            return try await settle(id, news) ? SweepOutcome(repaired: 1, oldest: entry.updatedAt) : SweepOutcome()
        }
        guard entry.differs(from: found) else { return SweepOutcome() }
        return try await repair(entry, found)
    }

    /// With the appointment held, and only what still differs.
    private func repair(_ looked: ExternalEntry, _ found: SchedulingEntry) async throws -> SweepOutcome {
        let clinic = clinic
        return try await change(looked.id, "scheduling-sweep") { story, entry, appointment -> SweepOutcome? in
            guard entry.differs(from: found) else { return nil }
            switch entry.state {
            case .confirmed where found.isOver:
                guard appointment.state == .booked else { return nil }
                let isNew = try clinic.raise(.endedThere(entry, appointment, found), in: story.transaction)
                return SweepOutcome(raised: isNew ? 1 : 0, oldest: found.updatedAt)
            case .confirmed:
                let isNew = try clinic.raise(.atAnotherTime(entry, appointment, found), in: story.transaction)
                return SweepOutcome(raised: isNew ? 1 : 0, oldest: found.updatedAt)
            case .failed, .cancelled:
                // It was done after all, when nobody believed in it any more.
                try story.withdraw(entry, saying: "was-there-still")
                return SweepOutcome(repaired: 1, oldest: found.updatedAt)
            case .pending, .cancelling: return nil
            }
        } ?? SweepOutcome()
    }
}

extension ExternalEntry {
    /// Whether what they say cannot stand beside what is here. What is on its way is not compared: it is asked for anyway.
    fileprivate func differs(from found: SchedulingEntry) -> Bool {
        switch state {
        case .confirmed: found.isOver || found.time != start
        case .failed, .cancelled: !found.isOver && found.state == .confirmed
        case .pending, .cancelling: false
        }
    }
}
