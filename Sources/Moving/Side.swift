import Notation
import Storage

/// One of the two databases, as a move works with it.
struct Side: Sendable {
    let side: MoveSide
    let database: any Database
    let settings: MoveSettings

    init(_ side: MoveSide, _ database: any Database, _ settings: MoveSettings) {
        self.side = side
        self.database = database.doing(.background)
        self.settings = settings
    }

    func read<Answer: Sendable>(
        _ body: @escaping @Sendable (any ReadTransaction) throws -> Answer
    ) async throws -> Answer {
        try await named { try await database.read(body) }
    }

    func write<Answer: Sendable>(
        _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        try await named { try await database.write(body) }
    }

    /// A transaction of this run of the move, and of no other that may have begun since.
    func write<Answer: Sendable>(
        as run: String, _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        try await write { transaction in
            guard try transaction.first(LockState())?.run == run else { throw MoveFault.takenOver }
            return try body(transaction)
        }
    }

    /// The same with the mover's pass: through the gate, and not logged.
    func writeWithPass<Answer: Sendable>(
        as run: String, _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        try await write(as: run) { transaction in
            try transaction.execute(Self.byKey)
            try transaction.run(TakePass())
            let answer = try body(transaction)
            try transaction.run(GiveBackPass())
            return answer
        }
    }

    /// Rows are only looked up by key here, in tables that were empty when the look-up was planned: read from end to end, as such
    /// a plan has it, they would cost a thousand times that much by now.
    private static let byKey = SQL(sqlite: "SELECT 1", postgres: "SET LOCAL enable_seqscan = off")

    /// A transaction during which nobody else changes anything. While others do not end it is given up and tried again, so
    /// that they are never held up for long.
    func writeAlone<Answer: Sendable>(
        _ apparatus: Apparatus, _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        for attempt in 1... {
            do {
                return try await database.write { transaction in
                    for statement in apparatus.standStill { try transaction.execute(statement) }
                    return try body(transaction)
                }
            } catch StorageFault.contended, StorageFault.timedOut {
                guard attempt < settings.patience else { throw MoveFault.writersGoOn }
                try await settings.clock.sleep(until: settings.clock.now + .milliseconds(20 * attempt))
            } catch let fault as StorageFault {
                throw MoveFault.storage(side, fault)
            }
        }
        throw MoveFault.writersGoOn
    }

    func catalog() async throws -> Catalog { try await read { try Catalog(reading: $0) } }

    func state() async throws -> MoveState? {
        try await read { try $0.first(HasState()) == true ? $0.first(ReadState()) : nil }
    }

    /// Rows of a table that is not small and not seeded; nil when there are none.
    func firstTableWithRows(_ tables: [MovedTable]) async throws -> String? {
        try await read { [seeded = settings.seeded] transaction in
            try tables.first { table in
                try !seeded.contains(table.name) && !transaction.fetch(table.page(after: nil, limit: 1)).isEmpty
            }?.name
        }
    }

    private func named<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
        do { return try await body() } catch let fault as StorageFault { throw MoveFault.storage(side, fault) }
    }
}

extension ReadTransaction {
    /// The rows under these keys, by key.
    func rows(_ keys: [RowKey], of table: MovedTable) throws -> [RowKey: [SQLValue]] {
        var found: [RowKey: [SQLValue]] = [:]
        for start in stride(from: 0, to: keys.count, by: MovedTable.keysTogether) {
            let some = Array(keys[start..<min(start + MovedTable.keysTogether, keys.count)])
            for row in try fetch(table.rows(under: some)) { found[table.key(of: row)] = row }
        }
        return found
    }
}
