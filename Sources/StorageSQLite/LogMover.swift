import CSQLite
import Storage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Moves the write-ahead log into the file, on a thread and a connection of its own, while the writer goes on.
///
/// The log can be begun afresh only when all of it has been moved, and a writer that goes on keeps adding to it. So this
/// moves what there is, makes it durable, then what came meanwhile, until little is left; that little is for the writer,
/// between two of its groups.
///
/// `@unchecked Sendable`: everything mutable is touched under `mutex` only, the connection by its own thread only.
final class LogMover: @unchecked Sendable {
    private enum State {
        case idle
        case moving
        /// The writer's turn.
        case nearlyDone
        case failed
        case ending
        case ended
    }

    /// What the writer is to do after a group.
    enum Advice {
        case goOn
        /// Move what is left.
        case finish
        /// Promise nothing any more: something was written that the disk may not have kept.
        case stop
    }

    private let connection: SQLiteConnection
    private let thread = WorkerThread()
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let change = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state = State.idle
    /// Pages the log has, as the writer last told.
    private var logPages = 0

    private static let turnsMaximum = 6
    /// So few the writer moves faster than it would hear of it.
    private static let fewPages = 300

    init(_ settings: SQLiteSettings) throws {
        connection = try SQLiteConnection.moving(settings)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(change, nil)
        do { try thread.start { [self] in serve() } } catch {
            connection.close()
            throw error
        }
    }

    deinit {
        pthread_cond_destroy(change)
        pthread_mutex_destroy(mutex)
        change.deallocate()
        mutex.deallocate()
    }

    // MARK: What the writer calls

    /// Told after each group how many pages the log has, and whether they are enough to be moved.
    func advise(pages: Int, isDue: Bool) -> Advice {
        locked {
            logPages = pages
            switch state {
            case .nearlyDone:
                become(.idle)
                return .finish
            case .failed: return .stop
            case .idle where isDue:
                become(.moving)
                return .goOn
            default: return .goOn
            }
        }
    }

    /// Waits until nothing is being moved: for a writer that is faster than the disk.
    func catchUp() { locked { wait { state != .moving } } }

    /// Returns when the connection is closed.
    func end() {
        locked {
            wait { state != .moving }
            become(.ending)
            wait { state == .ended }
        }
    }

    // MARK: Its own thread

    private func serve() {
        while locked({
            wait { state == .moving || state == .ending }
            return state == .moving
        }) {
            let isDurable = move()
            locked { become(isDurable ? .nearlyDone : .failed) }
        }
        connection.close()
        locked { become(.ended) }
    }

    /// False when something may have been written that the disk has not kept.
    private func move() -> Bool {
        for _ in 1...Self.turnsMaximum {
            var moved: Int32 = 0
            let code = sqlite3_wal_checkpoint_v2(connection.handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, &moved)
            if code == SQLiteCodes.syncFailed { return false }
            // A disk without room, or somebody else who moves just now: the rest stays in the log.
            guard code == SQLITE_OK else { return true }
            if csqlite_sync_file(connection.handle) != SQLITE_OK { return false }
            if locked({ logPages }) - Int(moved) < Self.fewPages { return true }
        }
        return true
    }

    // MARK: Waiting

    private func become(_ new: State) {
        state = new
        pthread_cond_broadcast(change)
    }

    private func wait(_ isTrue: () -> Bool) { while !isTrue() { pthread_cond_wait(change, mutex) } }

    private func locked<Answer>(_ body: () -> Answer) -> Answer {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
