import Storage
import Synchronization

/// A database that a test can make fail, or hold before it writes.
final class HauntedDatabase: Database {
    enum Trouble: Sendable {
        case none
        /// Every read and write throws this.
        case all(any Error)
        /// Every write throws this, before anything is done.
        case writes(any Error)
        /// The write is committed, and its caller hears this.
        case afterCommit(any Error)
        /// Every write waits here.
        case held(Gate)
        /// What would be written into the audit is not: the planted fault of a program that forgets to.
        case unrecorded
        /// Something is wrong with broken glass: a planted fault.
        case glass(GlassFault)
    }

    private let inner: any Database
    private let trouble = Mutex(Trouble.none)

    init(_ inner: any Database) { self.inner = inner }

    func haunt(_ trouble: Trouble) { self.trouble.withLock { $0 = trouble } }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        switch trouble.withLock({ $0 }) {
        case .all(let error): throw error
        case .glass(let fault): return try await inner.read { try body(GlassReader($0, fault)) }
        default: return try await inner.read(body)
        }
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        switch trouble.withLock({ $0 }) {
        case .none: return try await inner.write(body)
        case .all(let error), .writes(let error): throw error
        case .afterCommit(let error):
            _ = try await inner.write(body)
            throw error
        case .held(let gate):
            await gate.pass()
            return try await inner.write(body)
        case .unrecorded: return try await inner.write { try body(ForgetfulTransaction($0)) }
        case .glass(let fault): return try await inner.write { try body(GlassWriter($0, fault)) }
        }
    }
}

/// Passes everything on but what goes into the audit. Known by its words, because the commands are the clinic's own affair.
private final class ForgetfulTransaction: WriteTransaction {
    private let inner: any WriteTransaction
    init(_ inner: any WriteTransaction) { self.inner = inner }

    func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] { try inner.fetch(query) }
    func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? { try inner.first(query) }
    func run<Asked: Command>(_ command: Asked) throws -> Int {
        Asked.sql.sqlite.hasPrefix("INSERT INTO audit") ? 1 : try inner.run(command)
    }
    func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        if !Asked.sql.sqlite.hasPrefix("INSERT INTO audit") { try inner.post(command, orElse: fault) }
    }
    func savepoint<Answer>(_ body: () throws -> Answer) throws -> Answer { try inner.savepoint(body) }
    func afterCommit(_ hook: @escaping @Sendable () -> Void) { inner.afterCommit(hook) }
    func execute(_ script: SQL) throws { try inner.execute(script) }
}

/// Lets a test wait until somebody has come, and somebody wait until the test opens.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var arrivals = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }
    private let state = Mutex(State())

    func pass() async {
        await withCheckedContinuation { continuation in
            let (isOpen, watchers) = state.withLock { state in
                state.arrivals += 1
                if !state.isOpen { state.waiting.append(continuation) }
                let arrivals = state.arrivals
                defer { state.watchers.removeAll { $0.count <= arrivals } }
                return (state.isOpen, state.watchers.filter { $0.count <= arrivals })
            }
            for watcher in watchers { watcher.continuation.resume() }
            if isOpen { continuation.resume() }
        }
    }

    /// Returns when so many have reached the gate.
    func reached(by count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.arrivals < count { state.watchers.append((count, continuation)) }
                return state.arrivals >= count
            }
            if isThere { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
