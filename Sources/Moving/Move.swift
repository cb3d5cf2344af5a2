import Notation
public import Storage

/// Takes a clinic from one database to another while it works: copy, compare, follow what changed meanwhile, pause for
/// seconds, switch. Either side may be either engine.
///
/// ```swift
/// let move = Move(from: sqlite, called: "clinic.sqlite", to: postgres, called: "postgres://…", settings)
/// let report = try await move.run { progress in … }
/// ```
///
/// The clinic stays with the source until the switch, and whatever goes wrong before leaves it there. Where the move is is
/// written down on both sides, in the transactions that take it there, so `run` after a crash goes on where it stopped. After the
/// switch the source refuses every change with `StorageFault.moving`, and the target logs what changes, so that `back` only
/// has to follow that.
public struct Move: Sendable {
    let source: Side
    let target: Side
    let sourceName: String
    let targetName: String
    let settings: MoveSettings

    /// `called`: what people know a database by, without a password; it is written down on the other side.
    public init(
        from source: any Database, called sourceName: String, to target: any Database, called targetName: String,
        _ settings: MoveSettings
    ) {
        self.source = Side(.source, source, settings)
        self.target = Side(.target, target, settings)
        self.sourceName = sourceName
        self.targetName = targetName
        self.settings = settings
    }

    private init(_ source: Side, _ sourceName: String, _ target: Side, _ targetName: String, _ settings: MoveSettings) {
        self.source = Side(.source, source.database, settings)
        self.target = Side(.target, target.database, settings)
        self.sourceName = sourceName
        self.targetName = targetName
        self.settings = settings
    }

    private var reversed: Move { Move(target, targetName, source, sourceName, settings) }

    /// Moves the clinic to the target, or goes on with a move that was interrupted. Says so and changes nothing when it is
    /// there already.
    public func run(_ progress: @escaping @Sendable (MoveProgress) -> Void = { _ in }) async throws -> MoveReport {
        let (ours, theirs) = (try await source.state(), try await target.state())
        switch (ours?.role, theirs?.role) {
        case (nil, nil): return try await begin(progress)
        case (nil, .receiving): return try await beginAgain(theirs!, progress)
        case (nil, _): throw MoveFault.targetNotEmpty(table: "move_state")
        case (.moved, nil): throw MoveFault.alreadyMoved(to: ours!.elsewhere)
        case (.live, nil): throw MoveFault.targetLost
        case (.receiving, nil): throw MoveFault.wayBackUnderWay
        default: break
        }
        guard let ours, let theirs, ours.move == theirs.move else {
            throw ours?.role == .moved ? MoveFault.alreadyMoved(to: ours!.elsewhere) : MoveFault.strangers
        }
        switch (ours.role, theirs.role) {
        case (.moved, .live): return MoveReport(livesAt: targetName)
        case (.live, .receiving), (.moved, .receiving): break
        case (.live, .moved):
            // It has been there before: only what changed since has to follow.
            try await target.write { transaction in
                var state = theirs
                (state.role, state.stage, state.changedAt) = (.receiving, .following, settings.clock.now)
                try transaction.run(UpdateState(state: state))
            }
        default: throw MoveFault.wayBackUnderWay
        }
        return try await course(ours.move, progress)
    }

    /// Takes the clinic back to where it came from, with everything that has happened since. Interrupted, it goes on.
    public func back(_ progress: @escaping @Sendable (MoveProgress) -> Void = { _ in }) async throws -> MoveReport {
        guard let ours = try await source.state(), let theirs = try await target.state(), ours.move == theirs.move,
            theirs.hops > 0 || ours.hops > 0
        else { throw MoveFault.nothingUnderWay }
        // The switch was begun and not finished: the target first takes the clinic as it is.
        if ours.role == .moved, theirs.role == .receiving { _ = try await run(progress) }
        return try await reversed.run(progress)
    }

    private func begin(_ progress: @escaping @Sendable (MoveProgress) -> Void) async throws -> MoveReport {
        let (ours, theirs) = (try await source.catalog(), try await target.catalog())
        let tables = try ours.joined(with: theirs, leavingOut: settings.notCopied)
        if let table = try await target.firstTableWithRows(tables) { throw MoveFault.targetNotEmpty(table: table) }
        let move = settings.identifiers.next(Move.self).description
        let now = settings.clock.now
        let receiving = MoveState(
            move: move, run: "", role: .receiving, stage: .copying, hops: 0, elsewhere: sourceName,
            closedUntil: Apparatus.never, startedAt: now, changedAt: now)
        var live = receiving
        (live.role, live.elsewhere, live.closedUntil) = (.live, targetName, Instant(microseconds: 0))
        let totals = try await source.read { transaction in
            try tables.map { try transaction.first($0.count)?.number(0) ?? 0 }
        }
        // The target first: a source that logs while nobody reads would grow for nothing.
        try await putUp(Apparatus(catalog: theirs), on: target, receiving) { transaction in
            for (table, total) in zip(tables, totals) {
                try transaction.run(InsertPosition(position: TablePosition(name: table.name, total: total)))
            }
        }
        try await putUp(Apparatus(catalog: ours), on: source, live) { _ in }
        return try await course(move, progress)
    }

    private func putUp(
        _ apparatus: Apparatus, on side: Side, _ state: MoveState,
        _ more: @escaping @Sendable (any WriteTransaction) throws -> Void
    ) async throws {
        try await side.writeAlone(apparatus) { transaction in
            for statement in apparatus.build { try transaction.execute(statement) }
            if state.role != .live { try transaction.execute(apparatus.gate(.closed)) }
            try transaction.run(InsertState(state: state))
            try more(transaction)
        }
    }

    /// The target was prepared, and the source knows nothing of it: either that was all there was time for, or the source was
    /// taken out of the move since.
    private func beginAgain(
        _ theirs: MoveState, _ progress: @escaping @Sendable (MoveProgress) -> Void
    ) async throws -> MoveReport {
        let catalog = try await target.catalog()
        let tables = try catalog.joined(with: catalog, leavingOut: settings.notCopied)
        guard theirs.elsewhere == sourceName, try await target.firstTableWithRows(tables) == nil else {
            throw MoveFault.leftover
        }
        try await takeDown(target, catalog)
        return try await begin(progress)
    }

    func takeDown(_ side: Side, _ catalog: Catalog) async throws {
        let apparatus = Apparatus(catalog: catalog)
        try await side.writeAlone(apparatus) { transaction in
            for statement in apparatus.remove { try transaction.execute(statement) }
        }
    }

    /// From wherever both sides are to the switch.
    private func course(_ move: String, _ progress: @escaping @Sendable (MoveProgress) -> Void) async throws -> MoveReport {
        let (ours, theirs) = (try await source.catalog(), try await target.catalog())
        let tables = try ours.joined(with: theirs, leavingOut: settings.notCopied)
        let run = settings.identifiers.next(Move.self).description
        for side in [target, source] { try await takeOver(side, move, run) }
        var crossing = Crossing(
            move: self, run: run, tables: tables, ours: Apparatus(catalog: ours), theirs: Apparatus(catalog: theirs),
            progress: progress)
        return try await crossing.finish()
    }

    private func takeOver(_ side: Side, _ move: String, _ run: String) async throws {
        try await side.write { transaction in
            guard var state = try transaction.first(LockState()), state.move == move else { throw MoveFault.takenOver }
            state.run = run
            try transaction.run(UpdateState(state: state))
        }
    }
}
