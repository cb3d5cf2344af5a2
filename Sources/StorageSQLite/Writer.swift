import CSQLite
import Storage
import Synchronization

/// The only one who changes the database. Its log is moved into the file by the `LogMover`, and the last bit by the writer.
///
/// A thread takes whatever bodies wait, runs each in a savepoint, commits them together and answers. Synchronizing the
/// disk is what a commit costs, and one synchronization serves all. It never waits for more bodies to come: while it
/// commits, the next group gathers by itself.
///
/// `@unchecked Sendable`: after `start`, only its thread touches the connection and everything around it.
final class Writer: @unchecked Sendable {
    /// How a group ended.
    private enum Ending {
        /// What each body said stands, and is durable.
        case settled
        /// Nothing of the group remains, and the fault may concern one of them only.
        case undone(StorageFault)
        /// Nobody's body has run.
        case notBegun(StorageFault)
        /// The commit failed in a way after which it may still be on the disk.
        case unknown
    }

    let queue: WorkQueue<any WriteJob>
    let thread = WorkerThread()
    private let connection: SQLiteConnection
    private let transaction: SQLiteTransaction
    /// Nil beside another process that has the database: then the log is its affair.
    private let lock: LockFile?
    private let settings: SQLiteSettings
    private let onGroup: @Sendable (Int, Double) -> Void
    private let healthy = Atomic<Bool>(true)
    /// Nil beside another process.
    private var mover: LogMover?
    /// Pages the log had after the last attempt to move it into the file.
    private var pagesSeen = 0

    init(
        _ connection: SQLiteConnection, lock: LockFile?, settings: SQLiteSettings,
        onGroup: @escaping @Sendable (Int, Double) -> Void
    ) {
        self.connection = connection
        self.lock = lock
        self.settings = settings
        self.onGroup = onGroup
        transaction = SQLiteTransaction(connection)
        queue = WorkQueue(limit: settings.waitingMaximum)
    }

    var isHealthy: Bool { healthy.load(ordering: .acquiring) }

    func start() throws {
        if lock != nil { mover = try LogMover(settings) }
        do { try thread.start { [self] in serve() } } catch {
            mover?.end()
            throw error
        }
    }

    private func serve() {
        while let group = queue.take(upTo: settings.groupMaximum) {
            settle(group)
            moveLogWhenDue()
        }
        close()
    }

    /// Runs a group to its commit. Nobody hears anything before that, also not who was refused: a refusal may rest on
    /// the change of another body in the same group.
    private func settle(_ group: [any WriteJob]) {
        guard isHealthy else { return answer(group, .closed) }
        let start = ContinuousClock.now
        switch run(group) {
        case .settled:
            for hook in transaction.takeHooks() { hook() }
            for job in group { job.answer() }
            let (seconds, attoseconds) = (ContinuousClock.now - start).components
            onGroup(group.count, Double(seconds) + Double(attoseconds) * 1e-18)
        case .undone(let fault):
            _ = transaction.takeHooks()
            if group.count == 1 { return group[0].hasFailed ? group[0].answer() : group[0].answer(fault) }
            for job in group { settle([job]) }
        case .notBegun(let fault): answer(group, fault)
        case .unknown: stop(group)
        }
    }

    /// Runs a group without marks, and again with them when one of its bodies had to be undone after it had written.
    private func run(_ group: [any WriteJob]) -> Ending {
        run(group, .hopeful) ?? run(group, group.count == 1 ? .alone : .together) ?? .undone(.closed)
    }

    /// Nil when the group has to be repeated with marks.
    private func run(_ group: [any WriteJob], _ manner: SQLiteTransaction.Manner) -> Ending? {
        transaction.startGroup()
        do { try connection.begin(.beginWriting) } catch { return .notBegun(fault(error)) }
        for job in group {
            job.run(in: transaction, manner)
            if transaction.mustRepeat {
                connection.rollback()
                return nil
            }
            if let fault = connection.lost {
                connection.rollback()
                return .undone(fault)
            }
        }
        if manner == .alone, group[0].hasFailed { return .settled }
        return commit()
    }

    private func commit() -> Ending {
        do {
            try connection.commit()
            return .settled
        } catch {
            connection.rollback()
            switch fault(error) {
            // SQLite writes a commit's last page after all others, so without room for it there is no commit; and a
            // commit that was refused or found the database busy has written nothing.
            case .full, .inUse, .constraint: return .undone(fault(error))
            default: return .unknown
            }
        }
    }

    /// After a commit that failed on the disk nothing may be promised any more. Its last page may have reached the disk:
    /// the transaction is gone from this process and may be back after a restart. Nor can the synchronization be tried
    /// again: Linux marks pages clean when writing them failed, and the second attempt would succeed with nothing
    /// written. So everybody hears that the outcome is unknown, and no more is written until a new process has read
    /// what the disk really has.
    private func stop(_ group: [any WriteJob]) {
        _ = transaction.takeHooks()
        healthy.store(false, ordering: .releasing)
        queue.refuse()
        answer(group, .outcomeUnknown)
    }

    private func answer(_ group: [any WriteJob], _ fault: StorageFault) {
        for job in group { job.answer(fault) }
    }

    private func fault(_ error: any Error) -> StorageFault { error as? StorageFault ?? .inputOutput("transaction") }

    /// Has the log moved into the file when it has grown enough, after the callers were answered. A reader that still looks
    /// at old pages, or a disk without room, leaves the rest for the next time: the log keeps what is not moved.
    private func moveLogWhenDue() {
        let pages = connection.logPages.pointee
        if pages < pagesSeen { pagesSeen = 0 }
        guard isHealthy, let mover else { return }
        let grown = pages - pagesSeen
        var advice = mover.advise(pages: pages, isDue: grown >= settings.checkpointPages)
        if advice == .goOn, grown >= 3 * settings.checkpointPages {
            mover.catchUp()
            advice = mover.advise(pages: pages, isDue: false)
        }
        if advice == .finish {
            let code = sqlite3_wal_checkpoint_v2(connection.handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
            if code == SQLiteCodes.syncFailed { advice = .stop }
            pagesSeen = pages
        }
        // Linux marks pages clean when writing them failed: the next synchronization would succeed, and the log be begun
        // afresh over what only it has. The next process reads it from its start.
        if advice == .stop {
            healthy.store(false, ordering: .releasing)
            queue.refuse()
        }
    }

    /// A healthy database is left as a single file without a log. After a fault the log stays as it is, for the next
    /// process to read.
    private func close() {
        mover?.end()
        if isHealthy, lock != nil {
            sqlite3_wal_checkpoint_v2(connection.handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
            csqlite_set_option(connection.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
        }
        connection.close()
        lock?.release()
    }
}
