import CSQLite
import Storage

/// The transaction a body sees. One object serves a connection all its life; `perform` runs one body in it.
final class SQLiteTransaction: WriteTransaction {
    /// How a body that fails is undone.
    enum Manner {
        /// It can change nothing.
        case reading
        /// It has the transaction to itself: everything is rolled back.
        case alone
        /// Others share the commit: back to its own savepoint.
        case together
        /// Nothing is marked, because it hardly ever has to be undone: the domain decides before it writes. When it must
        /// be undone after all, `mustRepeat` says so, and the whole group is rolled back and run again with marks. Every
        /// page first touched after a savepoint is copied, which cost a tenth of a booking.
        case hopeful
    }

    private let connection: SQLiteConnection
    private var manner = Manner.reading
    /// Whether this body's savepoint stands. It is set before the first change: a body that only looks before it
    /// refuses does not pay for one.
    private var isMarked = false
    /// Whether something was changed that a failure would have to undo; only kept when hopeful.
    private var hasChanged = false
    /// Whether something could not be undone for want of a mark: the group has to be rolled back and run again.
    private(set) var mustRepeat = false
    private var hooks: [@Sendable () -> Void] = []

    init(_ connection: SQLiteConnection) { self.connection = connection }

    /// Forgets what the group before it left.
    func startGroup() {
        mustRepeat = false
        hooks = []
    }

    /// Runs one body. When it fails, nothing it did remains in the transaction and none of its hooks.
    func perform<Answer>(_ manner: Manner, _ body: (SQLiteTransaction) throws -> Answer) -> Result<Answer, any Error> {
        self.manner = manner
        isMarked = false
        hasChanged = false
        let hooksBefore = hooks.count
        do {
            let answer = try body(self)
            try seal()
            return .success(answer)
        } catch {
            hooks.removeLast(hooks.count - hooksBefore)
            undo()
            return .failure(error)
        }
    }

    /// The hooks of all bodies since the last call, in the order of the bodies.
    func takeHooks() -> [@Sendable () -> Void] {
        defer { hooks = [] }
        return hooks
    }

    func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] {
        let statement = try ready(query)
        defer { statement.reset() }
        var rows: [Asked.Row] = []
        while try statement.step() { rows.append(try Asked.row(statement)) }
        return rows
    }

    func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        let statement = try ready(query)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        let row = try Asked.row(statement)
        // A change that returns rows is complete only at its end.
        if !statement.isReadOnly { try statement.finishSteps() }
        return row
    }

    @discardableResult
    func run<Asked: Command>(_ command: Asked) throws -> Int {
        let statement = try ready(command)
        defer { statement.reset() }
        let before = sqlite3_total_changes64(connection.handle)
        try statement.finishSteps()
        return connection.changes(since: before)
    }

    func savepoint<Answer>(_ body: () throws -> Answer) throws -> Answer {
        if manner == .hopeful { return try hopefulPart(body) }
        try willChange()
        try connection.perform(.markPart)
        let hooksBefore = hooks.count
        do {
            let answer = try body()
            if let lost = connection.lost { throw lost }
            try connection.perform(.keepPart)
            return answer
        } catch {
            hooks.removeLast(hooks.count - hooksBefore)
            undoTo(.undoPart, .keepPart)
            throw error
        }
    }

    /// A part that fails before it changes anything needs no undoing.
    private func hopefulPart<Answer>(_ body: () throws -> Answer) throws -> Answer {
        let changedBefore = hasChanged
        let hooksBefore = hooks.count
        hasChanged = false
        defer { hasChanged = hasChanged || changedBefore }
        do {
            return try body()
        } catch {
            hooks.removeLast(hooks.count - hooksBefore)
            if hasChanged { mustRepeat = true }
            throw error
        }
    }

    func afterCommit(_ hook: @escaping @Sendable () -> Void) { hooks.append(hook) }

    func execute(_ script: SQL) throws {
        try connection.execute(script.sqlite) { try allow($0) }
    }

    /// The statement with its values bound.
    private func ready<Asked: Statement>(_ asked: Asked) throws -> PreparedStatement {
        let statement = try connection.statement(for: asked)
        try allow(statement)
        do {
            try statement.bind(asked.bindings)
            return statement
        } catch {
            statement.reset()
            throw error
        }
    }

    /// A body that committed by itself would commit the bodies before it, so it may not touch the transaction. Switches
    /// of the connection (`PRAGMA defer_foreign_keys`) would outlive it.
    private func allow(_ statement: PreparedStatement) throws {
        if statement.isControl { throw StorageFault.statement("\(statement.name): a body does not begin or end transactions") }
        if !statement.isReadOnly { try willChange() }
    }

    private func willChange() throws {
        switch manner {
        case .reading: throw StorageFault.statement("a read changes nothing; use write")
        case .alone: break
        case .hopeful: hasChanged = true
        case .together:
            guard !isMarked else { return }
            if let lost = connection.lost { throw lost }
            try connection.perform(.markBody)
            isMarked = true
        }
    }

    /// What a commit would refuse is refused here, where it is known whose it is.
    private func seal() throws {
        if let lost = connection.lost { throw lost }
        guard manner != .reading else { return }
        if connection.owesForeignKeys { throw StorageFault.constraint("foreign_key") }
        if isMarked { try connection.perform(.keepBody) }
    }

    private func undo() {
        if isMarked { undoTo(.undoBody, .keepBody) }
        switch manner {
        case .reading, .alone: connection.rollback()
        case .together: break
        case .hopeful: if hasChanged { mustRepeat = true }
        }
    }

    private func undoTo(_ undo: SQLiteConnection.Control, _ keep: SQLiteConnection.Control) {
        guard connection.lost == nil else { return }
        do {
            try connection.perform(undo)
            try connection.perform(keep)
        } catch {
            // Half undone is not undone: nobody's work in this transaction may be committed.
            connection.lose(error as? StorageFault ?? .inputOutput("undo"))
        }
    }
}
