import Notation
import Storage

/// One run of a move, from where it finds both sides to the switch.
struct Crossing {
    let move: Move
    let run: String
    let tables: [MovedTable]
    let ours: Apparatus
    let theirs: Apparatus
    let progress: @Sendable (MoveProgress) -> Void
    var report: MoveReport

    var source: Side { move.source }
    var target: Side { move.target }
    var settings: MoveSettings { move.settings }

    init(
        move: Move, run: String, tables: [MovedTable], ours: Apparatus, theirs: Apparatus,
        progress: @escaping @Sendable (MoveProgress) -> Void
    ) {
        self.move = move
        self.run = run
        self.tables = tables
        self.ours = ours
        self.theirs = theirs
        self.progress = progress
        report = MoveReport(livesAt: move.targetName)
    }

    mutating func finish() async throws -> MoveReport {
        guard let state = try await target.state(), let live = try await source.state() else { throw MoveFault.takenOver }
        if live.role == .live {
            if state.stage == .copying { try await copyAll() }
            if state.stage != .following { try await compareAll() }
            try await followUntilFew()
            try await target.write(as: run) { [theirs] in try theirs.study($0) }
            try await pauseAndSwitch()
        } else {
            try await release()
        }
        progress(MoveProgress(phase: .switched, table: "", done: 1, total: 1))
        return report
    }

    func setStage(_ stage: MoveState.Stage) async throws {
        let now = settings.clock.now
        try await target.write(as: run) { transaction in
            guard var state = try transaction.first(LockState()) else { throw MoveFault.takenOver }
            (state.stage, state.changedAt) = (stage, now)
            try transaction.run(UpdateState(state: state))
            for var position in try transaction.fetch(ReadPositions()) {
                position.until = nil
                try transaction.run(UpdatePosition(position: position))
            }
        }
    }

    /// How far each table has come in the present stage. Those that have not begun and are empty are through, all in one step: what comes into
    /// one of them later is in the log, as with any row behind a table's end.
    func positions(of stage: WritableKeyPath<TablePosition, String?>) async throws -> [String: TablePosition] {
        let all = try await target.read { try $0.fetch(ReadPositions()) }
        let positions = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
        let fresh = tables.filter { positions[$0.name]?[keyPath: stage] == "" }
        let empty = try await source.read { transaction in try fresh.filter { try transaction.first($0.last) == nil }.map(\.name)
        }
        guard !empty.isEmpty else { return positions }
        let through = empty.compactMap { name in
            positions[name].map { position in
                var through = position
                (through[keyPath: stage], through.until) = (nil, "")
                return through
            }
        }
        try await target.write(as: run) { transaction in
            for position in through { try transaction.post(UpdatePosition(position: position)) }
        }
        return positions.merging(through.map { ($0.name, $0) }) { $1 }
    }
}
