import Storage

/// A connection and what is known of the statements it is used with: encoding, learning, time limits, slow statements.
/// One thread at a time.
final class Conversation {
    let connection: PostgresConnection
    private let shapes: Shapes
    private let settings: PostgresSettings
    private let observer: any PostgresObserver
    private let servesGroups: Bool
    /// The limit of a statement of the current kind of work, as the session has it.
    private var limit = Work.request
    /// Names of what was sent since the last answers, for the log of slow ones.
    private var names: [String] = []

    init(_ connection: PostgresConnection, _ exchange: Exchange, servesGroups: Bool) {
        self.connection = connection
        self.servesGroups = servesGroups
        shapes = exchange.shapes
        settings = exchange.settings
        observer = exchange.observer
    }

    /// What every session starts with, and what a transaction of another kind of work says for itself. Behind a pooler
    /// sessions are shared, so there it is said in every transaction.
    ///
    /// Each statement of a request or of work in the background has an index that fits it. The server does not always take
    /// it: a plan is made while a table is empty, or a queue was analysed when it was, and a scan that costs nothing then
    /// costs a thousand times what the look-ups do when the table has grown. So there it is told to look up. A report may
    /// do as it likes.
    static func sessionRules(_ work: Work, servesGroups: Bool = false, local: Bool) -> String {
        let others = work == .analytics ? "on" : "off"
        let isSettled = servesGroups || work == .background
        let rules: [(String, String)] =
            [
                ("statement_timeout", "\(Int(work.limitSeconds * 1_000))"), ("lock_timeout", "\(Int(work.limitSeconds * 750))"),
                ("idle_in_transaction_session_timeout", "10000"),
                // Statements here are short: compiling one takes longer than it runs.
                ("jit", others),
                ("plan_cache_mode", isSettled ? "force_generic_plan" : "auto"),
            ]
            + ["seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin", "material"].map { ("enable_\($0)", others) }
        return "SELECT " + rules.map { "set_config('\($0.0)', '\($0.1)', \(local))" }.joined(separator: ", ")
    }

    enum Manner { case reading, writing }

    /// Sends the start of a transaction; what follows may be sent right behind it.
    func begin(_ manner: Manner, _ work: Work) throws {
        limit = work
        try send(manner == .reading ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN")
        if settings.isBehindBouncer || work != .request {
            try send(Self.sessionRules(work, servesGroups: servesGroups, local: true))
        }
    }

    /// Sends the end of a transaction that wrote. The server must never cancel a commit for taking too long: cancelled while
    /// it waits for a replica it has happened here and may still be lost.
    ///
    /// - Parameter wantsPosition: whether to ask behind it where in the log it stands.
    func sendCommit(telling wantsPosition: Bool) throws {
        try send("SET LOCAL statement_timeout = 0")
        try send("COMMIT")
        if wantsPosition { try send("SELECT pg_current_wal_insert_lsn()::text") }
    }

    func send(_ text: String) throws {
        names.append(String(text.prefix(12)))
        try connection.send(text)
    }

    func send<Asked: Statement>(_ asked: Asked, _ form: PostgresConnection.Key.Form = .one) throws {
        if let text = asked.ownText { return try send(asked, found: text.postgres) }
        let shape = try shape(of: Asked.self)
        let text = form == .demanding ? StatementText.demanding(shape.text, each: false) : shape.text
        let parameters = try Parameters(asked.bindings, as: shape.types, of: shape.name)
        names.append(shape.name)
        try connection.send(.init(type: ObjectIdentifier(Asked.self), form: form), text, name: shape.name, parameters)
    }

    private func send<Asked: Statement>(_ asked: Asked, found text: String) throws {
        let name = String(describing: Asked.self)
        let parameters = try Parameters(asked.bindings, as: try types(of: text, name), of: name)
        names.append(name)
        try connection.send(.init(type: ObjectIdentifier(Asked.self), form: .one, text: text), text, name: name, parameters)
    }

    /// The same statement for many rows of values.
    func send(many type: any Statement.Type, _ text: String, _ rows: [[SQLValue]], demanding: Bool) throws {
        let shape = try shape(of: type)
        let wanted = demanding ? StatementText.demanding(text, each: true) : text
        let parameters = try Parameters(many: rows, as: shape.types, of: shape.name)
        names.append(shape.name)
        try connection.send(
            .init(type: ObjectIdentifier(type), form: demanding ? .manyDemanding : .many), wanted, name: shape.name, parameters)
    }

    /// The same change for many rows of values; the answer has a row for each row it changed, with the number of its values, from 1.
    func send(telling type: any Amendment.Type, _ rows: [[SQLValue]]) throws {
        let shape = try shape(of: type)
        guard let text = shape.manyTelling else { throw StorageFault.statement("\(type): it has no form for many rows") }
        names.append(shape.name)
        try connection.send(
            .init(type: ObjectIdentifier(type), form: .manyTelling), text, name: shape.name,
            try Parameters(many: rows, as: shape.types, of: shape.name))
    }

    /// The shape of a statement; a round trip the first time anybody asks for it. Nothing may be on its way then.
    func shape(of type: any Statement.Type) throws -> StatementShape {
        if let known = shapes[ObjectIdentifier(type)] { return known }
        precondition(names.isEmpty, "a shape is learnt before anything is sent")
        let (name, text) = (String(describing: type), type.sql.postgres)
        let types = try connection.describe(text, name: name)
        let many =
            switch type {
            case is any Insertion.Type: StatementText.manyRows(ofInsert: text, types: types)
            case is any Amendment.Type: StatementText.manyRows(ofUpdate: text, types: types)
            case is any Deletion.Type: StatementText.manyRows(ofDelete: text, types: types)
            default: StatementText.manyRows(ofSelect: text, types: types)
            }
        let telling = type is any Amendment.Type ? StatementText.manyRows(ofUpdate: text, types: types, telling: true) : nil
        let shape = StatementShape(name: name, text: text, types: types, many: many, manyTelling: telling)
        shapes[ObjectIdentifier(type)] = shape
        return shape
    }

    /// Learns what a statement's parameters are, while nothing is on its way.
    func learn<Asked: Statement>(_ asked: Asked) throws {
        if let text = asked.ownText {
            _ = try types(of: text.postgres, String(describing: Asked.self))
        } else {
            _ = try shape(of: Asked.self)
        }
    }

    func knows<Asked: Statement>(_ asked: Asked) -> Bool {
        if let text = asked.ownText { shapes[found: text.postgres] != nil } else { shapes[ObjectIdentifier(Asked.self)] != nil }
    }

    /// The types of the parameters of a text that only a statement itself knows.
    private func types(of text: String, _ name: String) throws -> [UInt32] {
        if let known = shapes[found: text] { return known }
        precondition(names.isEmpty, "a shape is learnt before anything is sent")
        let types = try connection.describe(text, name: name)
        shapes[found: text] = types
        return types
    }

    var hasSent: Bool { !names.isEmpty }
    var sentCount: Int { names.count }

    /// Waits for everything that was sent. Longer than the server itself would allow it, so that a server that hangs is
    /// told apart from one that is slow.
    func settle() throws -> [PostgresConnection.Reply] {
        defer { names.removeAll(keepingCapacity: true) }
        let start = ContinuousClock.now
        let replies = try connection.settle(within: limit.limitSeconds + Double(names.count) * 0.05 + 5)
        tellSlow(since: start)
        return replies
    }

    /// Waits for a commit, as long as commits may take here. True when the server has warned meanwhile: then the commit is
    /// visible there, and nobody knows whether it will survive.
    func settleCommit() throws -> (replies: [PostgresConnection.Reply], isWarned: Bool) {
        defer { names.removeAll(keepingCapacity: true) }
        let start = ContinuousClock.now
        let before = connection.warnings
        let replies = try connection.settle(within: settings.commitSeconds)
        tellSlow(since: start)
        return (replies, connection.warnings > before)
    }

    private func tellSlow(since start: ContinuousClock.Instant) {
        let seconds = (ContinuousClock.now - start).seconds
        if seconds > settings.slowSeconds { observer.slow(names.joined(separator: ", "), seconds: seconds) }
    }

    /// Leaves the transaction as if nothing had been. Gives the connection up when it cannot.
    func rollback() {
        guard !connection.isBroken else { return }
        do {
            if hasSent { _ = try settle() }
            guard connection.isInTransaction else { return }
            try send("ROLLBACK")
            _ = try settle()
        } catch {}
    }
}

extension PostgresConnection.Reply {
    /// The one text a statement answered with.
    var position: String? {
        guard case .rows(let result) = self, result.count == 1 else { return nil }
        return try? PostgresRow(result, of: "position").text(0)
    }
}
