import Storage

/// A body that can share a transaction with others.
protocol Playable: Errand {
    var foreseen: [any Query] { get }
    /// Wants to know where its commit stands.
    var mark: CommitMark? { get }
    /// Runs the body from its start and keeps what comes of it.
    func play(_ transaction: PlayedTransaction)
    var hasFailed: Bool { get }
    func answerAsPlayed()
}

/// What a question is known by: its type and its values.
struct QuestionKey: Hashable {
    let type: ObjectIdentifier
    let bindings: [SQLValue]
}

/// The rows that answer one question, within the answer to many.
struct KnownRows {
    let result: PostgresResult?
    let rows: Range<Int>
    let firstColumn: Int
}

/// Stops a body whose question nobody has answered yet. It is played again from its start when the answer is there.
private struct NotYetKnown: Error {}

/// The transaction a body sees that shares one with others. Questions are answered from what was read for all; what is
/// not there ends this run of the body. What it posts is only kept. So a body can be played as often as it takes.
final class PlayedTransaction: WriteTransaction {
    enum Ending {
        /// It said all it had to say.
        case over
        /// It wants to know something first.
        case waiting(any Query)
        /// It asked for what a change of another body in the group may have altered.
        case deferred
        /// It does what only a transaction of its own can do.
        case alone
    }

    private let memory: GroupMemory
    private var ending = Ending.over
    private(set) var posts: [Post] = []
    private var guessed: [any Query] = []
    private(set) var hooks: [@Sendable () -> Void] = []

    init(_ memory: GroupMemory) { self.memory = memory }

    /// What came of the run, whatever the body made of the error it met.
    func outcome() -> Ending { ending }

    func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] { try rows(query, limit: .max) }
    func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? { try rows(query, limit: 1).first }

    private func rows<Asked: Query>(_ query: Asked, limit: Int) throws -> [Asked.Row] {
        // It would have to see its own change, which nobody has sent yet; or it asks by changing (`RETURNING`), and that is
        // done once.
        guard posts.isEmpty, query.ownText == nil, Asked.sql.postgres.utf8.first == UInt8(ascii: "S") else {
            throw stop(.alone)
        }
        let known = memory.known(query)
        guard known != nil || memory.guesses(query) else { throw stop(.waiting(query)) }
        let changes = try memory.changes(since: query).orStop { stop(.deferred) }
        var rows: [Asked.Row] = []
        if known == nil {
            guessed.append(query)
            memory.hasGuessed = true
            rows = query.guess ?? []
        }
        if let known, let result = known.result {
            let row = PostgresRow(result, of: String(describing: Asked.self), firstColumn: known.firstColumn)
            // An answer that has to be brought up to date is needed whole.
            for index in changes.isEmpty ? known.rows.prefix(limit) : known.rows {
                row.row = Int32(index)
                rows.append(try Asked.row(row))
            }
        }
        for change in changes where !query.absorb(change, into: &rows) { throw stop(.deferred) }
        return rows
    }

    /// The questions whose answers were guessed and that nothing the body posted would have the schema judge.
    func unjudged(posting posts: [Post]) -> [any Query] {
        if guessed.isEmpty { return [] }
        let judged = Set(posts.flatMap { $0.command.touches ?? [] })
        return guessed.filter { query in query.rests?.allSatisfy(judged.contains) != true }
    }

    func run<Asked: Command>(_ command: Asked) throws -> Int { throw stop(.alone) }

    func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        if case .over = ending {} else { throw NotYetKnown() }
        if command.ownText != nil { throw stop(.alone) }
        posts.append(Post(command: command, isDemanded: fault != nil))
    }

    func savepoint<Answer>(_ body: () throws -> Answer) throws -> Answer {
        let (postsBefore, hooksBefore) = (posts.count, hooks.count)
        do {
            return try body()
        } catch {
            posts.removeLast(posts.count - postsBefore)
            hooks.removeLast(hooks.count - hooksBefore)
            throw error
        }
    }

    func afterCommit(_ hook: @escaping @Sendable () -> Void) { hooks.append(hook) }
    func execute(_ script: SQL) throws { throw stop(.alone) }

    private func stop(_ why: Ending) -> any Error {
        if case .over = ending { ending = why }
        return NotYetKnown()
    }
}

extension Optional {
    fileprivate func orStop(_ fault: () -> any Error) throws -> Wrapped {
        guard let self else { throw fault() }
        return self
    }
}

/// What a group knows: the answers read for it, and the changes its bodies have posted so far.
final class GroupMemory {
    private var answers: [QuestionKey: KnownRows] = [:]
    private var changes: [Touch: [any Command]] = [:]
    /// Whether somebody posted a change that may touch anything.
    private var anythingChanged = false
    private var isUnchanged = true
    private let mayGuess: Bool
    var hasGuessed = false

    init(mayGuess: Bool) { self.mayGuess = mayGuess }

    /// Whether nobody asks this, because the schema would refuse what a wrong guess leads to.
    func guesses(_ query: any Query) -> Bool { mayGuess && query.guess != nil }

    func known<Asked: Query>(_ query: Asked) -> KnownRows? {
        answers[QuestionKey(type: ObjectIdentifier(Asked.self), bindings: query.bindings)]
    }

    func knows(_ query: any Query) -> Bool { answers[Self.key(query)] != nil }

    func keep(_ key: QuestionKey, _ rows: KnownRows) { answers[key] = rows }

    static func key(_ query: any Query) -> QuestionKey {
        QuestionKey(type: ObjectIdentifier(type(of: query)), bindings: query.bindings)
    }

    /// The posted changes that concern a question; nil when it cannot be told.
    func changes(since query: some Query) -> [any Command]? {
        if isUnchanged { return [] }
        guard !anythingChanged, let rests = query.rests else { return nil }
        return rests.flatMap { changes[$0] ?? [] }
    }

    func post(_ posts: [Post]) {
        for post in posts {
            isUnchanged = false
            guard let touches = post.command.touches else {
                anythingChanged = true
                continue
            }
            for touch in touches { changes[touch, default: []].append(post.command) }
        }
    }
}
