public import Notation
import Outbox
import Partners
import Scheduling
import Storage

extension SchedulingDesk {
    /// Compares both sides: what is neither here nor there is asked for again, and what they say of themselves is compared with what stands
    /// here (GF-4).
    public func sweep(every interval: Span = .seconds(60)) -> Sweep {
        let heard = SweepPlace<[String: Instant]>()
        return Sweep(.scheduling, every: interval) {
            let lost = try await askAgain()
            var outcome = lost
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
