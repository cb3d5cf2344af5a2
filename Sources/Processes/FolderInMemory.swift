#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file system in memory, as every Linux machine has one, for what no crash of the machine has to survive: databases are made, written
/// and dropped there in half the time. Containers often make it too small.
public enum FolderInMemory {
    /// Looked for whether or not there is room: what was left there is found again.
    public static let place = "/dev/shm"

    /// Nil where there is none, or less than two gigabytes of room.
    public static var path: String? {
        var status = statvfs()
        guard access(place, W_OK) == 0, statvfs(place, &status) == 0 else { return nil }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize) >= 2 << 30 ? place : nil
    }
}
