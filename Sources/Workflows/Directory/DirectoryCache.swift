import Scheduling
import Storage
import Synchronization

/// The last directory anybody read. A transaction asks for the revision, one short row, and reads the rest only when it
/// has moved on, so a decision is never made on yesterday's working hours, on whichever node it falls.
final class DirectoryCache: Sendable {
    private let latest = Mutex<Directory?>(nil)

    var snapshot: Directory? { latest.withLock { $0 } }

    /// How a transaction looks at the directory.
    enum Purpose { case looking, deciding, changing }

    /// The directory as this transaction sees it.
    func current(_ transaction: any ReadTransaction, for purpose: Purpose = .looking) throws -> Directory {
        let found =
            switch purpose {
            case .looking: try transaction.first(DirectoryRevision())
            case .deciding: try transaction.first(HeldDirectoryRevision())
            case .changing: try transaction.first(TakenDirectoryRevision())
            }
        guard let revision = found else {
            throw StorageFault.statement("the directory has no revision")
        }
        if let known = snapshot, known.revision == revision { return known }
        return try Directory(reading: transaction, revision: revision)
    }

    /// Keeps `directory` for others; only what is committed may be kept.
    func keep(_ directory: Directory) {
        latest.withLock { known in
            if known.map({ $0.revision < directory.revision }) ?? true { known = directory }
        }
    }
}

extension Directory {
    init(reading transaction: any ReadTransaction, revision: Int64) throws {
        self.init(
            revision: revision,
            locations: try transaction.fetch(AllLocations()),
            resources: try transaction.fetch(AllResources()),
            visitTypes: try transaction.fetch(AllVisitTypes()),
            hours: try transaction.fetch(AllWorkingHours()),
            exceptions: try transaction.fetch(AllExceptions()),
            holidays: try transaction.fetch(AllHolidays()),
            replacement: try transaction.first(CurrentReplacement())?.replacement ?? Replacement())
    }
}
