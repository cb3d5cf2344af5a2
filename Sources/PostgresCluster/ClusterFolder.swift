#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation
import Processes

/// A folder that belongs to the lodger and to the process that made it. As long as that lives it holds a lock in there, and the
/// kernel lets go of it however the process ends; whoever makes the next folder removes those that nobody holds.
final class ClusterFolder: Sendable {
    let path: String
    private let lock: Int32
    private static let purpose = "postgres"

    /// - Parameter isFleeting: what is in there need not be on a disk. A disk's file system avoids for seconds the places that were
    ///   just given up, which is most of what making a database costs.
    init(for lodger: Lodger, isFleeting: Bool = false) throws {
        for parent in [NSTemporaryDirectory(), FolderInMemory.place] { Self.sweep(parent, for: lodger) }
        path = try TemporaryFolder(Self.purpose, under: isFleeting ? FolderInMemory.path : nil).path
        lock = open(path + "/held.new", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0, rename(path + "/held.new", path + "/held") == 0 else {
            throw ProcessFault("\(path) cannot be locked: \(String(cString: strerror(errno)))")
        }
        try lodger.own(path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ name: String, _ text: String, for lodger: Lodger) throws {
        guard
            FileManager.default.createFile(
                atPath: file(name), contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw ProcessFault("\(file(name)) cannot be written") }
        try lodger.own(file(name))
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Ends and removes what a killed process has left. Its servers were told to stop by the kernel; one that was stopped just
    /// then has not heard it.
    private static func sweep(_ parent: String, for lodger: Lodger) {
        let parent = URL(fileURLWithPath: parent).path
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        where name.hasPrefix("mediconnect-\(purpose)-") {
            let path = "\(parent)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0, status.st_uid == lodger.user, status.st_mode & S_IFMT == S_IFDIR else { continue }
            let lock = open(path + "/held", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard lock >= 0 else { continue }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 {
                Postmaster.kill9(leftIn: path + "/data", by: lodger)
                try? FileManager.default.removeItem(atPath: path)
            }
            close(lock)
        }
    }
}
