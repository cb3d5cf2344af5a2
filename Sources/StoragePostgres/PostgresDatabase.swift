import Notation
public import Storage
import Synchronization

/// The engine for many machines: PostgreSQL, as a hospital's operators run it already.
///
/// Threads of its own wait for the server, so no caller blocks. A body gets a connection of the pool to itself; bodies
/// that come in crowds share one transaction (`writeTogether`).
public final class PostgresDatabase: Database {
    private let house: PostgresHouse
    private let work: Work

    /// Waits up to `patienceSeconds` for the server and looks whether it can be used. Throws `.unreachable`, `.cannotOpen`.
    ///
    /// Blocks its thread while it waits; called once, at the start.
    public init(_ settings: PostgresSettings, observer: any PostgresObserver = NobodyCounts()) throws {
        house = try PostgresHouse(settings, observer)
        work = .request
    }

    private init(_ house: PostgresHouse, _ work: Work) {
        self.house = house
        self.work = work
    }

    public func doing(_ work: Work) -> any Database { PostgresDatabase(house, work) }
    public var gainsFromForesight: Bool { true }
    public var isShared: Bool { true }

    public func read<Answer: Sendable>(
        _ body: @escaping @Sendable (any ReadTransaction) throws -> Answer
    ) async throws -> Answer {
        if let replica = house.replica, case .since(let mark) = Recency.wanted,
            let answer = try await replica.read(work, since: mark, body)
        {
            return answer
        }
        return try await withUnsafeThrowingContinuation { caller in
            if let fault = house.pool.add(ReadErrand(work, caller, body)) { caller.resume(throwing: fault) }
        }
    }

    public func write<Answer: Sendable>(
        _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        let mark = house.replica == nil ? nil : CommitMark.current
        return try await house.noticingFullDisk {
            try await withUnsafeThrowingContinuation { caller in
                if let fault = house.pool.add(WriteErrand(work, mark: mark, caller, body)) { caller.resume(throwing: fault) }
            }
        }
    }

    public func writeTogether<Answer: Sendable>(
        foreseen: [any Query], _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        let mark = house.replica == nil ? nil : CommitMark.current
        return try await house.noticingFullDisk {
            try await withUnsafeThrowingContinuation { caller in
                let errand = WriteErrand(work, foreseen: foreseen, mark: mark, caller, body)
                if let fault = house.groups.queue.add(errand) { caller.resume(throwing: fault) }
            }
        }
    }

    /// Connections that are busy, of how many; and bodies that wait for one.
    public var usage: (inUse: Int, size: Int, waiting: Int) {
        (house.pool.inUse, house.settings.connections - 1, house.pool.waitingCount + house.groups.queue.count)
    }

    /// Why nothing can be written at the moment, asked of the server; nil when all is well.
    public func complaint() async -> String? {
        do {
            let wasFull = house.wasDiskFull.load(ordering: .relaxed)
            let complaint: String? = try await read { transaction in
                if try transaction.first(IsReplica()) == true { return "takes no changes: this is a replica" }
                if wasFull {
                    _ = try transaction.first(LittleMemory())
                    _ = try transaction.first(RoomOnDisk())
                }
                return nil
            }
            house.wasDiskFull.store(false, ordering: .relaxed)
            return complaint
        } catch StorageFault.full {
            return "takes no changes: the server's disk is full, free some space"
        } catch {
            return "cannot be reached or does not answer"
        }
    }

    /// How far behind the replica is, in seconds; nil without one, or while nobody knows.
    public var replicaLagSeconds: Double? { house.replica?.lagSeconds }

    /// Why the servers could not be reached at the last attempt; nil when they could.
    public var lastFailure: StorageFault? { house.exchange.lastFailure }

    /// Finishes what waits, refuses what comes with `.closed`.
    public func close() async { await house.close() }
}

/// Whether the server only follows another.
struct IsReplica: Query {
    static let sql: SQL = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Bool { try columns.bool(0) }
}

/// Makes the server write to its disk what would fit in memory, until the transaction's end.
struct LittleMemory: Query {
    static let sql: SQL = "SELECT set_config('work_mem', '64kB', true)"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// Refused with `.full` when a few megabytes do not fit on the server's disk. Changes nothing: what it writes is a temporary
/// file, gone when it has been read.
struct RoomOnDisk: Query {
    static let sql: SQL = "SELECT count(*) FROM generate_series(1, 100000)"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

/// What all views of one database share.
final class PostgresHouse: Sendable {
    let settings: PostgresSettings
    let exchange: Exchange
    let pool: Pool
    let groups: GroupWriter
    let replica: Replica?
    /// A write found the server's disk full, and nobody has seen since that it is not.
    let wasDiskFull = Atomic(false)

    init(_ settings: PostgresSettings, _ observer: any PostgresObserver) throws {
        self.settings = settings
        exchange = Exchange(settings, observer)
        let line = try Self.wait(for: exchange)
        line.close()
        pool = Pool(exchange, size: settings.connections - 1)
        groups = GroupWriter(exchange, pool: pool)
        replica = try settings.replicaURL.map { try Replica(settings, url: $0, observer) }
        let (queue, limit) = (groups.queue, Duration.milliseconds(settings.waitMilliseconds))
        try pool.start { queue.refuseLate(after: limit) }
        try groups.start()
    }

    deinit {
        replica?.end()
        groups.queue.end()
        pool.end()
    }

    func noticingFullDisk<Answer>(_ write: () async throws -> Answer) async throws -> Answer {
        do { return try await write() } catch StorageFault.full {
            wasDiskFull.store(true, ordering: .relaxed)
            throw StorageFault.full
        }
    }

    func close() async {
        await replica?.close()
        groups.queue.end()
        await groups.thread.ended()
        pool.end()
        await pool.ended()
    }

    /// Tries again with growing pauses while nobody answers; a server that answers and refuses is not asked twice.
    private static func wait(for exchange: Exchange) throws -> PostgresConnection {
        let start = ContinuousClock.now
        var pauseMilliseconds = 100.0
        while true {
            do {
                let connection = try exchange.connect()
                do { try check(connection) } catch {
                    connection.close()
                    throw error
                }
                return connection
            } catch StorageFault.unreachable(let why) {
                let left = exchange.settings.patienceSeconds - (ContinuousClock.now - start).seconds
                guard left > 0, isWorthWaiting(why) else { throw StorageFault.unreachable(why) }
                exchange.observer.waiting(because: why)
                pause(min(pauseMilliseconds * (0.75 + 0.5 * exchange.settings.random.unit()), left * 1_000))
                pauseMilliseconds = min(pauseMilliseconds * 2, 3_000)
            }
        }
    }

    /// A wrong password does not become right by waiting.
    private static func isWorthWaiting(_ why: String) -> Bool {
        !["password", "pg_hba.conf", "URL", "certificate", "encrypted", "does not exist"].contains { why.contains($0) }
    }

    private static func check(_ connection: PostgresConnection) throws {
        guard connection.serverVersion >= 140_000 else {
            throw StorageFault.cannotOpen(
                "the server is PostgreSQL \(connection.serverVersion / 10_000), this program needs 14 or newer")
        }
    }
}
