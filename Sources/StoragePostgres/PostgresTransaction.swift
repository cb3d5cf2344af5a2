import Storage

/// A transaction with a connection to itself: what a body asks is sent at once and waited for, what it posts is sent along
/// with the next question, changes of one kind together.
final class PostgresTransaction: WriteTransaction {
    private let conversation: Conversation
    private let manner: Conversation.Manner
    private let work: Work
    private(set) var hooks: [@Sendable () -> Void] = []
    private var hasBegun = false
    /// The first fault that has doomed the transaction: the server answers nothing more in it but this.
    private(set) var doomed: PostgresFault?
    private var savepoints = 0
    /// Changes of kinds that are made together, not sent yet.
    private var gathered: [Post] = []

    init(_ conversation: Conversation, _ manner: Conversation.Manner, _ work: Work) {
        self.conversation = conversation
        self.manner = manner
        self.work = work
    }

    func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] {
        guard case .rows(let result) = try ask(query) else { return [] }
        let row = PostgresRow(result, of: String(describing: Asked.self))
        return try (0..<result.count).map { index in
            row.row = Int32(index)
            return try Asked.row(row)
        }
    }

    func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        guard case .rows(let result) = try ask(query), result.count > 0 else { return nil }
        return try Asked.row(PostgresRow(result, of: String(describing: Asked.self)))
    }

    @discardableResult
    func run<Asked: Command>(_ command: Asked) throws -> Int {
        try requireWriting()
        guard case .changed(let count) = try ask(command) else { return 0 }
        return count
    }

    func run<Asked: Amendment>(each commands: [Asked]) throws -> [Int] {
        guard commands.count > 1, commands[0].ownText == nil else { return try commands.map { try run($0) } }
        try requireWriting()
        var changed: [Int] = []
        for start in stride(from: 0, to: commands.count, by: 500) {
            changed += try run(page: commands[start..<min(start + 500, commands.count)])
        }
        return changed
    }

    private func run<Asked: Amendment>(page commands: ArraySlice<Asked>) throws -> [Int] {
        try prepare(commands[commands.startIndex])
        try lostAware { try conversation.send(telling: Asked.self, commands.map(\.bindings)) }
        guard case .rows(let result)? = try answered() else { throw StorageFault.statement("\(Asked.self): no rows") }
        var changed = Array(repeating: 0, count: commands.count)
        let row = PostgresRow(result, of: String(describing: Asked.self))
        for index in 0..<result.count {
            row.row = Int32(index)
            changed[try row.int(0) - 1] += 1
        }
        return changed
    }

    func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        if let fault {
            if try run(command) != 1 { throw fault }
            return
        }
        try requireWriting()
        if command is any Gathered, command.ownText == nil {
            if let doomed { throw doomed.meaning }
            gathered.append(Post(command: command, isDemanded: false))
            if gathered.count >= 1_000 { try sendGathered() }
            return
        }
        try prepare(command)
        try lostAware { try conversation.send(command) }
        // What is on its way takes memory on both sides.
        if conversation.sentCount >= 256 { try settle() }
    }

    /// Sends what was gathered, before anything that comes after it.
    private func sendGathered() throws {
        guard !gathered.isEmpty else { return }
        let batches = Batch.gathered(gathered)
        gathered = []
        for batch in batches where !conversation.knows(batch.sample) {
            try answered()
            try lostAware { try conversation.learn(batch.sample) }
        }
        try beginOnce()
        for batch in batches { try lostAware { try conversation.send(batch) } }
    }

    func fetch<Asked: Query>(each queries: [Asked]) throws -> [[Asked.Row]] {
        guard queries.count > 1, queries[0].ownText == nil else { return try queries.map { try fetch($0) } }
        var answers: [[Asked.Row]] = []
        for start in stride(from: 0, to: queries.count, by: 500) {
            answers += try fetch(page: Array(queries[start..<min(start + 500, queries.count)]))
        }
        return answers
    }

    private func fetch<Asked: Query>(page queries: [Asked]) throws -> [[Asked.Row]] {
        try prepare(queries[0])
        guard let many = try lostAware({ try conversation.shape(of: Asked.self) }).many else {
            return try queries.map { try fetch($0) }
        }
        try lostAware { try conversation.send(many: Asked.self, many, queries.map(\.bindings), demanding: false) }
        guard case .rows(let result)? = try answered() else { throw StorageFault.statement("\(Asked.self): no rows") }
        var answers: [[Asked.Row]] = Array(repeating: [], count: queries.count)
        let name = String(describing: Asked.self)
        let (row, number) = (PostgresRow(result, of: name, firstColumn: 1), PostgresRow(result, of: name))
        for index in 0..<result.count {
            (row.row, number.row) = (Int32(index), Int32(index))
            answers[try number.int(0) - 1].append(try Asked.row(row))
        }
        return answers
    }

    /// Waits for what was posted inside before it is left, so that a mistake there comes up there.
    func savepoint<Answer>(_ body: () throws -> Answer) throws -> Answer {
        try requireWriting()
        try beginOnce()
        try sendGathered()
        savepoints += 1
        let name = "part\(savepoints)"
        try lostAware { try conversation.send("SAVEPOINT \(name)") }
        let hooksBefore = hooks.count
        do {
            let answer = try body()
            try settle()
            try lostAware { try conversation.send("RELEASE \(name)") }
            return answer
        } catch {
            hooks.removeLast(hooks.count - hooksBefore)
            gathered = []
            try undo(to: name)
            throw error
        }
    }

    func afterCommit(_ hook: @escaping @Sendable () -> Void) { hooks.append(hook) }

    func execute(_ script: SQL) throws {
        try requireWriting()
        try beginOnce()
        try settle()
        // A mark that is gone afterwards tells that the script ended the transaction, also when it began another.
        try lostAware { try conversation.send("SAVEPOINT script") }
        try settle()
        do { try conversation.connection.runScript(script.postgres) } catch let fault as PostgresFault { throw doom(fault) }
        try lostAware { try conversation.send("RELEASE script") }
        for case .failed in try lostAware({ try conversation.settle() }) {
            throw doom(
                .refused(code: "2D000", .statement("script: a body does not begin or end transactions")))
        }
    }

    // MARK: The end

    /// Commits, and waits for it. Whether the commit had been sent when something failed is for the caller to know.
    ///
    /// - Parameter wantsPosition: whether to ask where in the log the commit stands. Returns it.
    @discardableResult
    func commit(telling wantsPosition: Bool = false, _ onSent: () -> Void) throws -> String? {
        if manner == .writing, doomed == nil { try sendGathered() }
        guard hasBegun else { return nil }
        if let doomed { throw doomed }
        if manner == .reading {
            try conversation.send("COMMIT")
            _ = try conversation.settle()
            return nil
        }
        try settle()
        onSent()
        try conversation.sendCommit(telling: wantsPosition)
        let (replies, isWarned) = try conversation.settleCommit()
        if isWarned { throw StorageFault.outcomeUnknown }
        for case .failed(let fault) in replies { throw fault }
        return wantsPosition ? replies.last?.position : nil
    }

    // MARK: Asking

    private func ask<Asked: Statement>(_ asked: Asked) throws -> PostgresConnection.Reply {
        try prepare(asked)
        try lostAware { try conversation.send(asked) }
        let reply = try answered()
        guard let reply else { throw StorageFault.statement("\(Asked.self): no answer") }
        return reply
    }

    /// Learns the statement's shape, which has to happen while nothing is on its way.
    private func prepare<Asked: Statement>(_ asked: Asked) throws {
        if let doomed { throw doomed.meaning }
        try sendGathered()
        if !conversation.knows(asked) {
            try answered()
            try lostAware { try conversation.learn(asked) }
        }
        try beginOnce()
    }

    private func beginOnce() throws {
        if let doomed { throw doomed.meaning }
        guard !hasBegun else { return }
        hasBegun = true
        try lostAware { try conversation.begin(manner, work) }
    }

    /// Sends what was gathered and waits for everything. The last answer; throws the first fault among them.
    @discardableResult
    private func settle() throws -> PostgresConnection.Reply? {
        try sendGathered()
        return try answered()
    }

    @discardableResult
    private func answered() throws -> PostgresConnection.Reply? {
        guard conversation.hasSent else { return nil }
        let replies = try lostAware { try conversation.settle() }
        for case .failed(let fault) in replies { throw doom(fault) }
        return replies.last
    }

    private func undo(to name: String) throws {
        guard !conversation.connection.isBroken else { return }
        // What was posted and not yet waited for goes with the rest of the part.
        if conversation.hasSent { _ = try lostAware { try conversation.settle() } }
        let fault = doomed
        if let fault, fault.repetition != nil { return }
        doomed = nil
        try lostAware {
            try conversation.send("ROLLBACK TO \(name)")
            try conversation.send("RELEASE \(name)")
        }
        try settle()
    }

    /// Remembers what doomed the transaction, and says what it means.
    private func doom(_ fault: PostgresFault) -> StorageFault {
        if doomed == nil { doomed = fault }
        return fault.meaning
    }

    private func lostAware<Answer>(_ body: () throws -> Answer) throws -> Answer {
        do { return try body() } catch let fault as PostgresFault { throw doom(fault) }
    }

    private func requireWriting() throws {
        if manner == .reading { throw StorageFault.statement("a read changes nothing; use write") }
    }
}
