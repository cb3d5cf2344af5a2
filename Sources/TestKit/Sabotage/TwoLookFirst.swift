import Notation
import Scheduling
public import Storage
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A database in which the first two transactions that look for others' claims, count the day's appointments, or look at what a
/// patient has, wait for each other there: both have seen the time free before either takes it. Only for engines on which two transactions can
/// write at once; with one writer the second would never come.
public final class TwoLookFirst: Database {
    public enum Look: Sendable { case claims, count, patient }

    private let inner: any Database
    private let look: Look
    private let meeting: Meeting

    /// - Parameter patience: how many seconds the first waits for the second. Where something else keeps the two apart, the
    ///   test waits so long; where nothing does, a busy machine has so long to bring the second there.
    public init(_ inner: any Database, at look: Look = .claims, patience: Int = 8) {
        self.inner = inner
        self.look = look
        meeting = Meeting(patience: patience)
    }

    public func read<Answer: Sendable>(
        _ body: @escaping @Sendable (any ReadTransaction) throws -> Answer
    ) async throws -> Answer {
        try await inner.read(body)
    }

    /// From now on they wait. Opening a clinic looks at claims as well, and is not meant.
    public func begin() { meeting.begin() }

    /// What would be decided together with others has a transaction of its own here.
    public func write<Answer: Sendable>(
        _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        try await inner.write { [look, meeting] in try body(MeetingTransaction($0, look, meeting)) }
    }
}

private final class MeetingTransaction: PassingTransaction {
    private let look: TwoLookFirst.Look
    private let meeting: Meeting

    init(_ inner: any WriteTransaction, _ look: TwoLookFirst.Look, _ meeting: Meeting) {
        self.look = look
        self.meeting = meeting
        super.init(inner)
    }

    override func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] {
        let rows = try super.fetch(query)
        if look == .claims, BlindTransaction.looksAtOthers(Asked.self) { meeting.meet() }
        if look == .patient, Asked.Row.self == AppointmentState.self { meeting.meet() }
        return rows
    }

    override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        let row = try super.first(query)
        if look == .count, Asked.sql.sqlite.hasPrefix("SELECT count(*) FROM appointment") { meeting.meet() }
        return row
    }
}

/// Two threads that wait for each other once. Who waits in vain goes on: then something else has kept the two apart, which
/// is what the test wants to know.
private final class Meeting: Sendable {
    private let arrived = Mutex<Int?>(nil)
    private let patience: Int

    init(patience: Int) { self.patience = patience }

    func begin() { arrived.withLock { $0 = 0 } }

    func meet() {
        let isEarly = arrived.withLock { arrived in
            guard let before = arrived else { return false }
            arrived = before + 1
            return before < 2
        }
        guard isEarly else { return }
        // Bodies run on threads of the engine's own, which may be held.
        for _ in 0..<patience * 1_000 where arrived.withLock({ $0 ?? 0 }) < 2 { usleep(1_000) }
    }
}
