import Notation
public import Storage

extension Move {
    /// Takes the move back as long as the clinic is at the source: that one works on as if nothing had been, and the target is
    /// emptied. A way back that is under way is dropped: the clinic stays where it is. Interrupted, it goes on when it is
    /// called again.
    ///
    /// - Parameter isTargetGone: the target cannot be reached and is left as it is.
    public func abort(
        isTargetGone: Bool = false, _ progress: @escaping @Sendable (MoveProgress) -> Void = { _ in }
    ) async throws {
        let ours = try await source.state()
        let theirs = isTargetGone ? nil : try await target.state()
        if isTargetGone {
            // Where the clinic has left the source, only the target knows whether it has arrived.
            guard let ours, ours.role == .live, ours.hops == 0 else { throw MoveFault.nothingUnderWay }
            return try await takeDown(source, try await source.catalog())
        }
        if ours == nil, theirs == nil { throw MoveFault.nothingUnderWay }
        if let ours, let theirs, ours.move != theirs.move { throw MoveFault.strangers }
        if let theirs, theirs.role == .live {
            // On its way back, and not there yet: it stays.
            guard let ours, ours.role == .receiving else { throw MoveFault.alreadySwitched(to: targetName) }
            return try await stay(away: source, live: target)
        }
        if let ours, let theirs, ours.role == .live, theirs.role == .receiving, ours.hops > 0 {
            return try await stay(away: target, live: source)
        }
        if let theirs, theirs.role == .moved { throw MoveFault.alreadySwitched(to: theirs.elsewhere) }
        if ours == nil, let theirs, theirs.elsewhere != sourceName { throw MoveFault.strangers }
        // Nobody may finish the switch while it is undone.
        if let theirs { try await fence(target, theirs) }
        if ours != nil { try await takeDown(source, try await source.catalog()) }
        if theirs != nil { try await empty(progress) }
    }

    /// Ends the way back: the clinic stays where it is now, and nothing is logged there any more. The other side keeps what it
    /// has, takes no changes, and says where the clinic lives.
    public func forget() async throws {
        let (ours, theirs) = (try await source.state(), try await target.state())
        for (state, side) in [(ours, source), (theirs, target)] where state?.role == .live && (state?.hops ?? 0) > 0 {
            return try await takeDown(side, try await side.catalog())
        }
        throw MoveFault.nothingUnderWay
    }

    /// What the two sides know; nil where a side takes part in no move.
    public func status() async throws -> (source: MoveStatus?, target: MoveStatus?) {
        (try await Self.status(of: source), try await Self.status(of: target))
    }

    /// What a database knows of the move it takes part in; nil when it takes part in none.
    public static func status(of database: any Database, _ settings: MoveSettings) async throws -> MoveStatus? {
        try await status(of: Side(.source, database, settings))
    }

    /// Whether the clinic has left this database for another: then what is in it is the past.
    public static func hasLeft(_ database: any Database) async throws -> Bool {
        try await database.read { transaction in
            try transaction.first(HasState()) == true && transaction.first(ReadState())?.role == .moved
        }
    }

    private static func status(of side: Side) async throws -> MoveStatus? {
        try await side.read { transaction in
            guard try transaction.first(HasState()) == true, let state = try transaction.first(ReadState()) else { return nil }
            let positions = try transaction.fetch(ReadPositions())
            let now = try transaction.first(ServerNow()) ?? state.changedAt
            let isPaused = state.role == .live && state.closedUntil > now
            return MoveStatus(
                role: state.role, startedAt: state.startedAt, changedAt: state.changedAt, elsewhere: state.elsewhere,
                waiting: state.role == .live ? try transaction.first(LogLength()) ?? 0 : nil,
                copied: positions.reduce(0) { $0 + $1.copied }, compared: positions.reduce(0) { $0 + $1.compared },
                total: positions.reduce(0) { $0 + $1.total }, pausedUntil: isPaused ? state.closedUntil : nil,
                move: state.move, hops: state.hops)
        }
    }

    // MARK: Steps

    private func fence(_ side: Side, _ state: MoveState) async throws {
        let run = settings.identifiers.next(Move.self).description
        try await side.write { transaction in
            guard var now = try transaction.first(LockState()), now.move == state.move, now.role == state.role else {
                throw MoveFault.takenOver
            }
            now.run = run
            try transaction.run(UpdateState(state: now))
        }
    }

    /// Drops a way back before its switch: who was about to receive the clinic again only remembers where it is.
    private func stay(away: Side, live: Side) async throws {
        guard let gone = try await away.state(), let here = try await live.state() else { throw MoveFault.takenOver }
        try await fence(away, gone)
        let now = settings.clock.now
        try await away.write { transaction in
            guard var state = try transaction.first(LockState()), state.role == .receiving else { throw MoveFault.takenOver }
            (state.role, state.changedAt) = (.moved, now)
            try transaction.run(UpdateState(state: state))
        }
        let apparatus = Apparatus(catalog: try await live.catalog())
        try await live.write { transaction in
            guard var state = try transaction.first(LockState()), state.move == here.move, state.role == .live else {
                throw MoveFault.takenOver
            }
            state.closedUntil = Instant(microseconds: 0)
            try transaction.execute(apparatus.gate(.open))
            try transaction.run(UpdateState(state: state))
        }
    }

    /// Deletes what was copied, children before parents, and then the move's own tables. Seeded tables keep what they have: the
    /// program needs it, and it is no clinic's own.
    private func empty(_ progress: @escaping @Sendable (MoveProgress) -> Void) async throws {
        let catalog = try await target.catalog()
        let all = try catalog.joined(with: catalog, leavingOut: settings.notCopied)
        let own = all.filter { !settings.seeded.contains($0.name) }
        // Nobody writes here any more: the gate is closed, and whoever copied is fenced off.
        let tables = try await target.read { transaction in try own.filter { try transaction.first($0.last) != nil } }
        for (number, table) in tables.reversed().enumerated() {
            while true {
                let count = try await target.write { [limit = settings.pageRows] transaction in
                    let rows = try transaction.fetch(table.page(after: nil, limit: limit))
                    try transaction.run(TakePass())
                    for start in stride(from: 0, to: rows.count, by: MovedTable.keysTogether) {
                        let some = rows[start..<min(start + MovedTable.keysTogether, rows.count)]
                        try transaction.post(table.delete(some.map { table.key(of: $0) }))
                    }
                    try transaction.run(GiveBackPass())
                    return rows.count
                }
                if count < settings.pageRows { break }
            }
            progress(MoveProgress(phase: .emptying, table: table.name, done: number + 1, total: tables.count))
        }
        try await takeDown(target, catalog)
    }
}
