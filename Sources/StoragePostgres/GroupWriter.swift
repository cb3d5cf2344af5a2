import Notation
import Storage

/// Serves bodies in groups on a connection of its own: one transaction for whoever waits, one round trip for all they want
/// to know, one for all they write and the commit.
///
/// Bodies are decided one after the other in memory, each seeing what those before it have posted. The schema has the last
/// word: when it refuses the group, because another node was faster, the group is decided afresh on what is there now, and
/// then one by one.
final class GroupWriter: Sendable {
    let queue: GroupQueue
    let thread = WorkerThread()
    private let exchange: Exchange
    /// Takes whoever needs a transaction of its own.
    private let pool: Pool

    init(_ exchange: Exchange, pool: Pool) {
        self.exchange = exchange
        self.pool = pool
        queue = GroupQueue(limit: exchange.settings.waitingMaximum)
    }

    func start() throws { try thread.start { [self] in serve() } }

    private func serve() {
        let line = Line(exchange, servesGroups: true)
        var trust = Trust()
        while let group = queue.take(upTo: exchange.settings.groupMaximum) {
            let start = ContinuousClock.now
            settle(group, line, &trust)
            exchange.observer.grouped(bodies: group.count, seconds: (ContinuousClock.now - start).seconds)
        }
        line.drop()
    }

    private func settle(_ group: [any Playable], _ line: Line, _ trust: inout Trust) {
        var attempt = 1
        while attempt <= exchange.settings.deadlockAttempts {
            let conversation: Conversation
            do { conversation = try line.open() } catch {
                for job in group { job.answer(error as? StorageFault ?? .unreachable("unknown")) }
                return
            }
            let round = GroupRound(group, conversation, mayGuess: attempt == 1 && trust.allows)
            switch round.run() {
            case .settled(let answered, let deferred, let alone):
                if round.hasGuessed { trust.wasRight() }
                answer(answered)
                for job in alone { if let fault = pool.add(job) { job.answer(fault) } }
                queue.putBack(deferred)
                if conversation.connection.isBroken { line.drop() }
                return
            case .unknown(let concerned, let others):
                line.drop()
                for job in concerned { job.answer(.outcomeUnknown) }
                for job in others { if let fault = pool.add(job) { job.answer(fault) } }
                return
            case .undone(let fault):
                if conversation.connection.isBroken || fault.endsConnection { line.drop() }
                if round.hasGuessed, fault.repetition == nil {
                    // A guess was wrong, or another node faster: asked this time, at once.
                    trust.wasWrong()
                    exchange.observer.repeated(because: "guess")
                    continue
                }
                exchange.observer.repeated(because: fault.repetition ?? "group")
                // Decided again together: what another node has taken meanwhile is refused politely then.
                if attempt > 1, !fault.endsConnection { return alone(group, line) }
                pause(5 + 45 * exchange.settings.random.unit())
                attempt += 1
            }
        }
        alone(group, line)
    }

    private func alone(_ group: [any Playable], _ line: Line) { for job in group { line.run(job) } }

    private func answer(_ answered: [GroupRound.Answered]) {
        for played in answered { for hook in played.hooks { hook() } }
        for played in answered { played.job.answerAsPlayed() }
    }
}

/// Whether groups may guess. One wrong guess costs everybody in its group a repetition, so where guesses are often wrong, as in
/// a rush of repeated keys, the next groups ask: four after the first, twice as many after each further one, up to 64.
private struct Trust {
    private var groupsToAsk = 0
    private var penalty = 4

    /// Asked once for each group.
    var allows: Bool {
        mutating get {
            if groupsToAsk == 0 { return true }
            groupsToAsk -= 1
            return false
        }
    }

    mutating func wasRight() { penalty = max(4, penalty / 2) }

    mutating func wasWrong() {
        groupsToAsk = penalty
        penalty = min(64, penalty * 2)
    }
}

/// One group from its first question to its commit.
final class GroupRound {
    struct Answered {
        let job: any Playable
        let hooks: [@Sendable () -> Void]
    }

    enum Ending {
        /// `answered` are durable or were refused; `deferred` have to see the others' changes first; `alone` want a
        /// transaction of their own.
        case settled(answered: [Answered], deferred: [any Playable], alone: [any Playable])
        case undone(PostgresFault)
        /// The commit was sent and nobody knows what became of it.
        case unknown(concerned: [any Playable], others: [any Playable])
    }

    private let conversation: Conversation
    private let memory: GroupMemory
    private var playing: [any Playable]
    private var answered: [Answered] = []
    private var deferred: [any Playable] = []
    private var alone: [any Playable] = []
    private var posts: [Post] = []
    private var isCommitSent = false

    /// Whether somebody was given an answer that nobody has asked for.
    var hasGuessed: Bool { memory.hasGuessed }

    /// A body that has not come to its end after so many questions has a transaction of its own.
    private static let roundsMaximum = 12

    /// - Parameter mayGuess: whether questions with a guess are left to the schema.
    init(_ group: [any Playable], _ conversation: Conversation, mayGuess: Bool) {
        self.conversation = conversation
        memory = GroupMemory(mayGuess: mayGuess)
        playing = group
    }

    func run() -> Ending {
        do {
            try ask(playing.flatMap(\.foreseen).filter { !memory.guesses($0) }, begins: true)
            for _ in 0..<Self.roundsMaximum {
                let questions = play()
                if questions.isEmpty { break }
                try ask(questions, begins: false)
            }
            alone += playing
            try commit()
            return .settled(answered: answered, deferred: deferred, alone: alone)
        } catch let fault as PostgresFault {
            if isCommitSent, case .lost = fault { return unknown }
            conversation.rollback()
            return .undone(fault)
        } catch StorageFault.outcomeUnknown {
            return unknown
        } catch {
            // A value that fits no parameter: whose it is shows when everybody is alone.
            conversation.rollback()
            return .undone(.refused(code: "", error as? StorageFault ?? .statement("group")))
        }
    }

    private var unknown: Ending { .unknown(concerned: answered.map(\.job), others: deferred + alone) }

    /// Plays everybody as far as they get. What they want to know next.
    private func play() -> [any Query] {
        var questions: [any Query] = []
        var waiting: [any Playable] = []
        for job in playing {
            let transaction = PlayedTransaction(memory)
            job.play(transaction)
            switch transaction.outcome() {
            case .over:
                let posted = job.hasFailed ? [] : transaction.posts
                // Whoever was refused, or writes something else, was not judged by anybody.
                let doubtful = transaction.unjudged(posting: posted)
                if !doubtful.isEmpty {
                    questions += doubtful
                    waiting.append(job)
                    continue
                }
                memory.post(posted)
                posts += posted
                answered.append(Answered(job: job, hooks: job.hasFailed ? [] : transaction.hooks))
            case .waiting(let query):
                questions.append(query)
                waiting.append(job)
            case .deferred: deferred.append(job)
            case .alone: alone.append(job)
            }
        }
        playing = waiting
        return questions
    }

    // MARK: Reading

    /// Asks everything nobody has asked yet, those of one type together.
    private func ask(_ questions: [any Query], begins: Bool) throws {
        var order: [ObjectIdentifier] = []
        var kinds: [ObjectIdentifier: [QuestionKey: any Query]] = [:]
        for query in questions where !memory.knows(query) {
            let key = GroupMemory.key(query)
            if kinds[key.type] == nil { order.append(key.type) }
            kinds[key.type, default: [:]][key] = query
        }
        for kind in order { if let query = kinds[kind]?.values.first { _ = try conversation.shape(of: type(of: query)) } }
        if begins { try conversation.begin(.writing, .request) }
        var sent: [(keys: [QuestionKey], isMany: Bool, name: String)] = []
        for kind in order {
            guard let asked = kinds[kind], let query = asked.values.first else { continue }
            // Sorted, because some questions take locks: two nodes take them in the same order.
            sent.append(try send(query, asked.sorted { $0.key.bindings.comesBefore($1.key.bindings) }))
        }
        var replies = try conversation.settle()[...]
        for case .failed(let fault) in replies { throw fault }
        replies = replies.suffix(sent.reduce(0) { $0 + ($1.isMany ? 1 : $1.keys.count) })
        for asked in sent {
            for (index, key) in asked.keys.enumerated() where !asked.isMany || index == 0 {
                guard case .rows(let result)? = replies.popFirst() else { throw StorageFault.statement("\(asked.name): no rows") }
                if asked.isMany {
                    try keep(result, asked.keys)
                } else {
                    memory.keep(key, KnownRows(result: result, rows: 0..<result.count, firstColumn: 0))
                }
            }
        }
    }

    private func send<Asked: Query>(
        _ sample: Asked, _ asked: [(key: QuestionKey, value: any Query)]
    ) throws -> (keys: [QuestionKey], isMany: Bool, name: String) {
        let shape = try conversation.shape(of: Asked.self)
        let keys = asked.map(\.key)
        guard asked.count > 1, let many = shape.many else {
            for (_, query) in asked { if let query = query as? Asked { try conversation.send(query) } }
            return (keys, false, shape.name)
        }
        try conversation.send(many: Asked.self, many, keys.map(\.bindings), demanding: false)
        return (keys, true, shape.name)
    }

    /// Hands the rows of a question asked for many to each of them. The first column says whose a row is, in order.
    private func keep(_ result: PostgresResult, _ keys: [QuestionKey]) throws {
        let row = PostgresRow(result, of: "many")
        var place = 0
        for (index, key) in keys.enumerated() {
            let start = place
            while place < result.count {
                row.row = Int32(place)
                guard try row.int(0) == index + 1 else { break }
                place += 1
            }
            memory.keep(key, KnownRows(result: result, rows: start..<place, firstColumn: 1))
        }
    }

    // MARK: Writing

    /// Sends all changes and the commit behind them. A change that fails makes the server skip everything after it.
    private func commit() throws {
        guard !posts.isEmpty else { return conversation.rollback() }
        let batches = Batch.gathered(posts)
        for batch in batches { _ = try conversation.shape(of: type(of: batch.sample)) }
        for batch in batches { try conversation.send(batch) }
        isCommitSent = true
        let marks = answered.compactMap(\.job.mark)
        try conversation.sendCommit(telling: !marks.isEmpty)
        let (replies, isWarned) = try conversation.settleCommit()
        if isWarned { throw StorageFault.outcomeUnknown }
        for case .failed(let fault) in replies { throw fault }
        if !marks.isEmpty, let position = replies.last?.position { for mark in marks { mark.keep(position) } }
    }
}
