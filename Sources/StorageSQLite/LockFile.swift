import Storage
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Keeps a second process away: a file beside the database, locked as long as this process has it open and no longer,
/// however it ends. The file itself stays, because a process that deletes it could delete the next one's lock.
final class LockFile: Sendable {
    private let descriptor: Mutex<Int32>

    /// Throws `.inUse` when another process, or another part of this one, has the database.
    init(beside path: String) throws {
        let opened = open("\(path).lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw StorageFault.cannotOpen("\(path).lock: \(String(cString: strerror(errno))); let this user write to the folder")
        }
        descriptor = Mutex(opened)
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.processWritten(in: opened)
            release()
            throw StorageFault.inUse(holder.map { "process \($0)" } ?? "another process")
        }
        let identity = "\(getpid())\n"
        // Only for people to read: the lock holds also when this fails.
        if ftruncate(opened, 0) == 0 { _ = pwrite(opened, identity, identity.utf8.count, 0) }
    }

    deinit { release() }

    func release() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    private static func processWritten(in descriptor: Int32) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return Int32(String(decoding: bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }
}
