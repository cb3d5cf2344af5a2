import CPostgres
import Notation
public import Storage
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A node's one connection beside its work: it hears when others have changed something, tells them when this node has,
/// and holds the lock that makes one node the leader.
///
/// Telling happens outside of every business transaction (a `NOTIFY` inside costs two thirds of all throughput) and at
/// most twenty times a second, however much there is to tell. Nothing depends on being heard: whoever listens looks once a
/// second anyway.
///
/// Needs a connection of its own to the server: through PgBouncer in transaction mode neither listening nor a session's
/// lock works.
public final class Sideline: Sendable {
    /// Heard by all nodes of a database.
    private static let channel = "mediconnect"
    /// The lock of the leader, beside those of the schema (`7461, 0`) and the directory (`7461, 1`).
    private static let leadership = "7461, 2"
    /// A lock that every node shares, so that they can be counted.
    private static let presence = "7461, 3"
    /// The server ends a session that has been silent for so long, and the lock goes with it: also when this process is
    /// stopped and its kernel still answers for it.
    private static let silenceSeconds = 5.0
    /// A leader that could not ask for a sign of life for so long leads no more; less than the server waits.
    private static let leaseSeconds = 4.0

    private struct State {
        var hasNews = false
        var hasEnded = false
        /// From when and until when this node leads, by its own clock that does not stand still.
        var leadsFrom: ContinuousClock.Instant?
        var leadsUntil: ContinuousClock.Instant?
        var nodes = 1
        var failure: StorageFault?
    }

    private let settings: PostgresSettings
    private let name: String
    private let mayLead: Bool
    private let onNews: @Sendable () -> Void
    private let state = Mutex(State())
    private let thread = WorkerThread()
    /// Ends of a pipe that wakes the thread.
    private let ends: (read: Int32, write: Int32)

    /// - Parameters:
    ///   - name: Of this node, to know its own news by.
    ///   - mayLead: Whether it does what a leader has to do. One that does not must not keep the lock from those who do.
    ///   - onNews: Called on the sideline's thread when another node may have changed something, and when that may have
    ///     been missed. It must be quick.
    public init(
        _ settings: PostgresSettings, name: String, mayLead: Bool = true, onNews: @escaping @Sendable () -> Void
    ) throws {
        self.settings = settings
        self.name = name
        self.mayLead = mayLead
        self.onNews = onNews
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw StorageFault.cannotOpen("no pipe could be made") }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK); _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.ends = (ends[0], ends[1])
        try thread.start { [self] in serve() }
    }

    /// Says that something has changed. May be called after every commit.
    public func tell() {
        let isFirst = state.withLock { state in
            defer { state.hasNews = true }
            return !state.hasNews
        }
        if isFirst { wake() }
    }

    /// Whether this node is the one that does what only one has to do. It knows by a lock on the server and says no as
    /// soon as it cannot be sure.
    public var leads: Bool {
        state.withLock { state in
            guard let from = state.leadsFrom, let until = state.leadsUntil else { return false }
            let now = ContinuousClock.now
            return from <= now && now < until
        }
    }

    /// How many nodes there were a second ago, this one among them. Alone as long as it cannot know.
    public var nodes: Int { state.withLock { $0.nodes } }

    /// Why it hears nothing; nil while it does.
    public var failure: StorageFault? { state.withLock { $0.failure } }

    public func close() async {
        state.withLock { $0.hasEnded = true }
        wake()
        await thread.ended()
        Glibc.close(ends.read)
        Glibc.close(ends.write)
    }

    private func wake() {
        var byte: UInt8 = 1
        _ = write(ends.write, &byte, 1)
    }

    private var hasEnded: Bool { state.withLock { $0.hasEnded } }

    // MARK: The thread

    private func serve() {
        while !hasEnded {
            do {
                let connection = try PostgresConnection(settings)
                defer {
                    state.withLock { ($0.leadsFrom, $0.leadsUntil, $0.nodes) = (nil, nil, 1) }
                    connection.close()
                }
                try introduce(connection)
                state.withLock { $0.failure = nil }
                // Whatever was told while nobody listened was missed.
                onNews()
                try attend(connection)
            } catch {
                let fault = (error as? PostgresFault)?.meaning ?? error as? StorageFault
                state.withLock { $0.failure = fault ?? .closed }
                if !hasEnded { rest(500 + 500 * settings.random.unit()) }
            }
        }
    }

    private func introduce(_ connection: PostgresConnection) throws {
        try say(
            connection,
            """
            SELECT set_config('idle_session_timeout', '\(Int(Self.silenceSeconds * 1_000))', false),
                set_config('statement_timeout', '2000', false), set_config('tcp_keepalives_idle', '5', false),
                set_config('tcp_keepalives_interval', '2', false), set_config('tcp_keepalives_count', '2', false)
            """)
        try say(connection, "SELECT pg_advisory_lock_shared(\(Self.presence))")
        try say(connection, "LISTEN \(Self.channel)")
    }

    private func attend(_ connection: PostgresConnection) throws {
        var (lastSign, lastTold) = (ContinuousClock.now - .seconds(10), ContinuousClock.now - .seconds(10))
        while !hasEnded {
            if (ContinuousClock.now - lastSign).seconds >= 1 {
                if mayLead { try lead(connection) }
                try count(connection)
                lastSign = .now
            }
            let sinceTold = (ContinuousClock.now - lastTold).seconds
            if sinceTold >= 0.05, takeNews() {
                try say(connection, "SELECT pg_notify('\(Self.channel)', '\(name)')")
                lastTold = .now
            }
            hear(connection)
            let isPending = state.withLock { $0.hasNews }
            wait(connection, milliseconds: isPending ? max(1, 50 - sinceTold * 1_000) : 500)
            if connection.isBroken { throw PostgresFault.lost("the connection broke") }
        }
    }

    /// Takes the lock, or makes sure that it is still held.
    private func lead(_ connection: PostgresConnection) throws {
        let asked = ContinuousClock.now
        let isLeader = state.withLock { $0.leadsFrom != nil }
        // Asking for a lock that is held already would take it twice.
        let reply = try say(
            connection, isLeader ? "SELECT true" : "SELECT pg_try_advisory_lock(\(Self.leadership))")
        guard case .rows(let result)? = reply, result.count == 1 else { return }
        guard try PostgresRow(result, of: "leadership").bool(0) else { return }
        state.withLock { state in
            // Whoever had the lock before may not have noticed yet that the server ended its session, and believes in it
            // for as long as a lease lasts.
            if !isLeader { state.leadsFrom = .now + .seconds(Self.leaseSeconds) }
            state.leadsUntil = asked + .seconds(Self.leaseSeconds)
        }
    }

    private func count(_ connection: PostgresConnection) throws {
        let parts = Self.presence.split(separator: ", ")
        let reply = try say(
            connection,
            """
            SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = \(parts[0]) AND objid = \(parts[1]) AND granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """)
        guard case .rows(let result)? = reply, result.count == 1 else { return }
        let count = try PostgresRow(result, of: "presence").integer(0)
        state.withLock { $0.nodes = max(1, Int(count)) }
    }

    private func hear(_ connection: PostgresConnection) {
        let others = connection.takeNotifications().contains { $0.payload != name }
        if others { onNews() }
    }

    private func takeNews() -> Bool {
        state.withLock { state in
            defer { state.hasNews = false }
            return state.hasNews
        }
    }

    @discardableResult
    private func say(_ connection: PostgresConnection, _ text: String) throws -> PostgresConnection.Reply? {
        try connection.send(text)
        let replies = try connection.settle(within: 2)
        for case .failed(let fault) in replies { throw fault }
        return replies.last
    }

    /// Until the server says something, somebody here has news, or the time is over.
    private func wait(_ connection: PostgresConnection, milliseconds: Double) {
        var watched = [
            pollfd(fd: connection.socket, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ends.read, events: Int16(POLLIN), revents: 0),
        ]
        poll(&watched, 2, Int32(milliseconds))
        var waste = [UInt8](repeating: 0, count: 64)
        while read(ends.read, &waste, waste.count) > 0 {}
    }

    private func rest(_ milliseconds: Double) {
        var watched = pollfd(fd: ends.read, events: Int16(POLLIN), revents: 0)
        poll(&watched, 1, Int32(milliseconds))
    }
}
