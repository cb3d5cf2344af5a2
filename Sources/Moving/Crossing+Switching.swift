import Notation
import Storage

extension Crossing {
    /// The pause: nobody writes, the last changes follow, both sides are compared, and the clinic changes sides.
    ///
    /// The gate opens by itself when the pause has lasted too long. Should that happen unnoticed, because this process was
    /// stopped for a while, whoever wrote then is in the log, and the switch finds it there.
    mutating func pauseAndSwitch() async throws {
        let start = ContinuousClock.now
        let deadline = start + .seconds(settings.pauseSeconds)
        progress(MoveProgress(phase: .pausing, table: "", done: 0, total: tables.count))
        try await close(until: settings.pauseSeconds)
        do {
            try await followAll(within: deadline)
            report.tables = try await compareInPause(within: deadline)
            try await requireSameSchema()
            try await leave()
        } catch {
            // Nobody waits for the end of the pause because of us. When even this fails, the gate opens by itself.
            try? await open()
            throw error
        }
        try await release()
        report.pauseSeconds = (ContinuousClock.now - start).seconds
    }

    private func close(until seconds: Int) async throws {
        try await source.writeAlone(ours) { [ours, run] transaction in
            guard var state = try transaction.first(LockState()), state.run == run else { throw MoveFault.takenOver }
            guard let now = try transaction.first(ServerNow()) else { throw StorageFault.statement("no time") }
            state.closedUntil = now + .seconds(seconds)
            try transaction.execute(ours.gate(.closedUntil(state.closedUntil)))
            try transaction.run(UpdateState(state: state))
        }
    }

    private func open() async throws {
        try await source.write(as: run) { [ours] transaction in
            guard var state = try transaction.first(LockState()), state.role == .live else { return }
            state.closedUntil = Instant(microseconds: 0)
            try transaction.execute(ours.gate(.open))
            try transaction.run(UpdateState(state: state))
        }
    }

    /// A migration during the move would have been noticed by nobody.
    private func requireSameSchema() async throws {
        let (ours, theirs) = (try await source.catalog(), try await target.catalog())
        let now = try ours.joined(with: theirs, leavingOut: settings.notCopied)
        guard now.map(\.name) == tables.map(\.name), zip(now, tables).allSatisfy({ $0.columns == $1.columns }) else {
            throw MoveFault.schemaDiffers("it was changed while the move was under way")
        }
    }

    /// The clinic leaves the source. Nothing may be in the log: a change that came in although the gate should have been
    /// closed keeps it here.
    private func leave() async throws {
        let (name, now) = (move.targetName, settings.clock.now)
        try await source.writeAlone(ours) { [ours, run, seconds = settings.pauseSeconds] transaction in
            guard var state = try transaction.first(LockState()), state.run == run else { throw MoveFault.takenOver }
            guard try transaction.first(LogLength()) == 0 else { throw MoveFault.pauseTooLong(seconds: seconds) }
            (state.role, state.closedUntil, state.hops) = (.moved, Apparatus.never, state.hops + 1)
            (state.elsewhere, state.changedAt) = (name, now)
            try transaction.execute(ours.gate(.closed))
            try transaction.run(UpdateState(state: state))
        }
    }

    /// The target takes the clinic. From here on it logs what changes, for the way back.
    func release() async throws {
        let (name, now) = (move.sourceName, settings.clock.now)
        try await target.write(as: run) { [theirs] transaction in
            guard var state = try transaction.first(LockState()) else { throw MoveFault.takenOver }
            (state.role, state.closedUntil, state.hops) = (.live, Instant(microseconds: 0), state.hops + 1)
            (state.elsewhere, state.changedAt) = (name, now)
            for statement in theirs.countOn { try transaction.execute(statement) }
            try transaction.execute(theirs.gate(.open))
            try transaction.run(UpdateState(state: state))
        }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
