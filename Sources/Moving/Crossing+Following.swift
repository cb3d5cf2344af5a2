import Storage

extension Crossing {
    /// What one look at the log came to.
    struct Followed: Sendable {
        /// Entries it took.
        var entries: Int
        /// Rows the target does not take yet.
        var refused: [Changes.Refused]
    }

    /// Takes the oldest changes off the log and makes the target have what the source has now under their keys.
    ///
    /// The keys and their rows are read at one moment, so a change that is not in the rows is still in the log. The log is
    /// shortened last: a crash before that follows the same changes once more, which changes nothing.
    func follow() async throws -> Followed {
        let deferred = try await target.read { try $0.fetch(DeferredKeys()) }
        let (entries, changes) = try await source.read { [tables, limit = settings.batchChanges] transaction in
            let entries = try transaction.fetch(LogPage(limit: limit))
            let keys = (entries + deferred).map { (table: $0.table, key: $0.key) }
            return (entries, try Changes(tables, reading: keys, in: transaction))
        }
        if entries.isEmpty && deferred.isEmpty { return Followed(entries: 0, refused: []) }
        let refused = try await target.writeWithPass(as: run) { transaction in
            let refused = try changes.apply(in: transaction)
            for key in deferred { try transaction.post(NoLongerDefer(table: key.table, key: key.key)) }
            for row in refused { try transaction.post(Defer(table: row.table, key: row.key.text)) }
            return refused
        }
        if !entries.isEmpty { try await forget(entries) }
        return Followed(entries: entries.count, refused: refused)
    }

    private func forget(_ entries: [LogEntry]) async throws {
        try await source.write(as: run) { transaction in
            for start in stride(from: 0, to: entries.count, by: ForgetEntries.together) {
                let some = entries[start..<min(start + ForgetEntries.together, entries.count)]
                try transaction.post(ForgetEntries(numbers: some.map(\.number)))
            }
        }
    }

    /// Follows until few changes are left. Where they come as fast as they are followed, so few that they would take a quarter of
    /// the pause. Gives up when the log does not get shorter however long it is followed.
    mutating func followUntilFew() async throws {
        let start = ContinuousClock.now
        var shortest = Int.max
        var vain = 0
        var done = 0
        while vain < 50 {
            let followed = try await follow()
            report.followed += followed.entries
            done += followed.entries
            let left = try await source.read { try $0.first(LogLength()) ?? 0 }
            progress(MoveProgress(phase: .following, table: "", done: done, total: done + left))
            if left < settings.fewChanges { return }
            vain = left < shortest ? 0 : vain + 1
            shortest = min(shortest, left)
            let perSecond = Double(done) / (ContinuousClock.now - start).seconds
            if vain >= 5, Double(left) < perSecond * Double(settings.pauseSeconds) / 4 { return }
        }
        throw MoveFault.tooBusy
    }

    /// Follows to the very end, while nobody writes. Each round either takes entries or has fewer rows refused than before.
    mutating func followAll(within deadline: ContinuousClock.Instant) async throws {
        var last = Int.max
        while true {
            guard ContinuousClock.now < deadline else { throw MoveFault.pauseTooLong(seconds: settings.pauseSeconds) }
            let followed = try await follow()
            report.followed += followed.entries
            if followed.entries == 0, let refused = followed.refused.first, followed.refused.count >= last {
                throw MoveFault.refused(table: refused.table, rule: refused.rule)
            }
            if followed.entries == 0, followed.refused.isEmpty { return }
            last = followed.entries == 0 ? followed.refused.count : Int.max
        }
    }
}
