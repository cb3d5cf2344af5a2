public import Notation
import Outbox
import People
import Scheduling
public import Storage

extension RecordsDesk {
    /// Compares appointments from yesterday on with what stands in the records, and sends again what nobody is sending (GF-4).
    public func sweep(every interval: Span = .seconds(60)) -> Sweep {
        let place = SweepPlace<AppointmentPlace>()
        return Sweep(.records, every: interval) { try await clinic.sendWhatIsBehind(place, grace: .minutes(2)) }
    }
}

extension Clinic {
    /// How the systems outside do that the clinic keeps in step with.
    public func syncStates(for call: Call) async throws -> [SyncState] {
        // Nobody's data is in it: it needs leave, and no record.
        guard call.caller.may(.keepTasks) else { throw Refusal.notPermitted }
        return try await database.read { try $0.syncStates() }
    }

    /// The same for whoever looks after the program.
    public func syncStates() async throws -> [SyncState] { try await database.doing(.background).read { try $0.syncStates() } }

    /// Tries at once what waits for another try; for whoever keeps tasks.
    public func hurrySync(call: Call, wording: Wording<[SyncState]>) async throws -> Reply<[SyncState]> {
        try await perform(call, wording: wording) { story in
            try story.require(.keepTasks)
        } act: { story, _ in
            try story.transaction.run(HurryTopic(topic: Topic.recordsChange, now: story.now))
            try story.auditChange(of: AuditSubject.everybody, "sync.retried")
            story.transaction.afterCommit { self.afterChange() }
            return try story.transaction.syncStates()
        }
    }

    /// Has what changed there since yesterday heard once more; what is behind there is sent by the sweep anyway.
    public func hearSyncAgain(call: Call, wording: Wording<[SyncState]>) async throws -> Reply<[SyncState]> {
        try await perform(call, wording: wording) { story in
            try story.require(.keepTasks)
        } act: { story, _ in
            try story.transaction.hearAgain(since: story.now - .days(1))
            try story.auditChange(of: AuditSubject.everybody, "sync.reconciled")
            return try story.transaction.syncStates()
        }
    }

    /// Tries at once what waits for another try. Returns how many.
    public func hurrySync() async throws -> Int {
        let now = surroundings.clock.now
        let count = try await database.doing(.background).write { transaction in
            try transaction.run(HurryTopic(topic: Topic.recordsChange, now: now))
        }
        afterChange()
        return count
    }

    /// Sends again every appointment from yesterday on that is not in step and nobody is sending, and has what changed there since
    /// yesterday heard once more. Returns how many are sent.
    public func reconcileRecords() async throws -> Int {
        let since = surroundings.clock.now - .days(1)
        try await database.doing(.background).write { try $0.hearAgain(since: since) }
        let place = SweepPlace<AppointmentPlace>()
        var count = 0
        repeat { count += try await sendWhatIsBehind(place, grace: .zero).repaired } while place.current != nil
        return count
    }

    /// - Parameter grace: what is younger is still on its way.
    func sendWhatIsBehind(_ place: SweepPlace<AppointmentPlace>, grace: Span) async throws -> SweepOutcome {
        var outcome = SweepOutcome()
        let now = surroundings.clock.now
        let beginning = AppointmentPlace(start: now - .days(1), id: ID(high: 0, low: 0))
        for _ in 0..<SweepPortion.perRound {
            let after = place.current ?? beginning
            let looked = try await database.doing(.background).read {
                try $0.fetch(RecordsInStep(after: after, limit: SweepPortion.rows))
            }
            for row in looked where row.isBehind && row.since <= now - grace {
                outcome.found(since: row.since)
                outcome.repaired += try await database.doing(.background).write { [self] transaction in
                    let order = OutboxMessage.recordsOrder(of: row.place.id)
                    if try transaction.first(IsOnItsWay(orderKey: order)) != nil { return 0 }
                    try transaction.post(
                        OutboxMessage.recordsChange(
                            row.place.id, version: row.version, surroundings.identifiers.next(OutboxMessage.self), now))
                    return 1
                }
            }
            place.goOn(at: looked.count < SweepPortion.rows ? nil : looked.last?.place)
            if place.current == nil { break }
        }
        if outcome.repaired > 0 { afterChange() }
        return outcome
    }
}

extension WriteTransaction {
    fileprivate func hearAgain(since: Instant) throws {
        guard let known = try first(SyncStateOf(system: RecordsDesk.systemIn))?.position, known > since else { return }
        try run(NotePosition(system: RecordsDesk.systemIn, position: since, isAgain: true))
    }
}

extension ReadTransaction {
    fileprivate func syncStates() throws -> [SyncState] {
        let topics = [RecordsDesk.system: Topic.recordsChange, LegacyDesk.system: Topic.legacyChange]
        return try fetch(SyncStates()).map { state in
            guard let topic = topics[state.system] else { return state }
            let waiting = try first(WaitingOfTopic(topic: topic))
            var state = state
            state.waiting = waiting?.count ?? 0
            state.oldestWaiting = waiting?.oldest
            return state
        }
    }
}

extension SyncState {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("system", system)
            json.member("lastSuccessAt", lastSuccess)
            json.member("lastFailureAt", lastFailure)
            json.member("failures", failures)
            json.member("lastError", lastError)
            json.member("waiting", waiting)
            json.member("oldestWaitingAt", oldestWaiting)
            json.member("failingSince", failingSince)
            json.member("alertedAt", alertedAt)
            json.member("heardUntil", position)
        }
    }
}
