/// Where the embedded database lives and how much it takes on at once.
public struct SQLiteSettings: Sendable {
    /// The database file. Beside it live `<path>-wal`, `<path>-shm` and `<path>.lock`. On a local disk: locks and
    /// synchronization of network file systems cannot be trusted.
    public var path: String
    /// Threads that read, each with a connection of its own.
    public var readers: Int
    /// The log is moved into the database file when it has grown by this many pages of 4 KiB. A larger number saves writing
    /// what changes often, a smaller one keeps the log short. It grows to three times as much at most, and a little.
    public var checkpointPages: Int
    /// How many bodies may share one commit.
    public var groupMaximum: Int
    /// How many bodies may wait, for the writer and for the readers each, before new ones hear `.overloaded`.
    public var waitingMaximum: Int

    /// The name of a registered VFS; nil is the system's. Tests put a failing disk here.
    package var vfs: String?
    /// What a commit waits for. Anything but `.full` loses acknowledged writes when the power fails, which is why only
    /// tests can choose it: they prove that the loss would be noticed.
    package var synchronous: Synchronous

    /// How long a connection waits for a lock that a foreign program holds. Nobody of ours holds one for long.
    package var busyMilliseconds: Int

    package enum Synchronous: Int, Sendable {
        case off = 0
        case normal = 1
        case full = 2
    }

    public init(
        path: String, readers: Int = 4, checkpointPages: Int = 16_000, groupMaximum: Int = 200, waitingMaximum: Int = 10_000
    ) {
        self.path = path
        self.readers = max(1, readers)
        self.checkpointPages = max(1, checkpointPages)
        self.groupMaximum = max(1, groupMaximum)
        self.waitingMaximum = max(1, waitingMaximum)
        self.vfs = nil
        self.synchronous = .full
        self.busyMilliseconds = 5_000
    }
}
