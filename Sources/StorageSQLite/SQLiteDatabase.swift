public import Storage

/// The embedded engine: one file, one writer that groups commits, readers beside it.
///
/// A write is answered after its commit has been synchronized to the disk. A caller that is cancelled meanwhile still
/// gets the answer: a body that was accepted is neither torn nor forgotten.
public final class SQLiteDatabase: Database {
    /// Nil when opened for reading only.
    private let writer: Writer?
    private let readers: Readers

    /// Opens the database, and creates it when there is none.
    ///
    /// Throws `.cannotOpen`, `.inUse` when another process has it, `.corrupt` when it is damaged.
    /// - Parameter onGroup: is told after each group how many bodies it had and the seconds from the first one's start to the
    ///   last one's answer. Called on the writer's thread: it must be quick.
    public convenience init(
        _ settings: SQLiteSettings, onGroup: @escaping @Sendable (_ bodies: Int, _ seconds: Double) -> Void = { _, _ in }
    ) throws {
        // The lock before anything else: what another process has open is not even looked at.
        try DatabaseFile.requireFolder(of: settings.path)
        let lock = try LockFile(beside: settings.path)
        try DatabaseFile.createIfMissing(settings.path)
        try self.init(settings, lock, onGroup)
    }

    /// Opens a database that another process may be serving, to work in it beside that process. Each waits for the other's
    /// transactions, so they have to be short; moving the log into the file stays with whoever serves.
    public static func beside(_ settings: SQLiteSettings) throws -> SQLiteDatabase {
        try DatabaseFile.requireExisting(settings.path)
        return try SQLiteDatabase(settings, nil) { _, _ in }
    }

    private init(_ settings: SQLiteSettings, _ lock: LockFile?, _ onGroup: @escaping @Sendable (Int, Double) -> Void) throws {
        let connection = try SQLiteConnection.writing(settings)
        do {
            try DatabaseFile.check(connection, size: DatabaseFile.size(of: settings.path) ?? 0)
            let writer = Writer(connection, lock: lock, settings: settings, onGroup: onGroup)
            readers = try Readers(settings)
            self.writer = writer
            try writer.start()
        } catch {
            connection.close()
            throw error
        }
    }

    /// Opens a database for looking only, also beside a running server. It never moves the server's log.
    public static func readOnly(_ settings: SQLiteSettings) throws -> SQLiteDatabase {
        try DatabaseFile.requireExisting(settings.path)
        return SQLiteDatabase(readers: try Readers(settings))
    }

    private init(readers: Readers) {
        self.readers = readers
        writer = nil
    }

    /// Whoever forgets to close still lets the threads end and the lock go.
    deinit {
        readers.end()
        writer?.queue.end()
    }

    /// False after a fault the database could not recover from. Reads go on; every write hears `.closed` until a new
    /// process has opened the database.
    public var isHealthy: Bool { writer?.isHealthy ?? true }

    /// Bodies that wait for the writer now. Where this stays high, the disk is the limit.
    public var waitingWrites: Int { writer?.queue.count ?? 0 }

    public func read<Answer: Sendable>(
        _ body: @escaping @Sendable (any ReadTransaction) throws -> Answer
    ) async throws -> Answer {
        try await withUnsafeThrowingContinuation { caller in
            if let fault = readers.add(caller, body) { caller.resume(throwing: fault) }
        }
    }

    public func write<Answer: Sendable>(
        _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        guard let writer else { throw StorageFault.statement("this database was opened for reading only") }
        return try await withUnsafeThrowingContinuation { caller in
            if let fault = writer.queue.add(Write(caller, body)) { caller.resume(throwing: fault) }
        }
    }

    /// Finishes what waits, refuses what comes with `.closed`, and leaves a single file without a log.
    public func close() async {
        writer?.queue.refuse()
        readers.end()
        // The readers first: the log can only be emptied when nobody looks at it any more.
        await readers.ended()
        writer?.queue.end()
        await writer?.thread.ended()
    }

    package func queryPlan(of sql: String) async throws -> [String] {
        try await withUnsafeThrowingContinuation { caller in
            if let fault = readers.addPlan(caller, of: sql) { caller.resume(throwing: fault) }
        }
    }
}
