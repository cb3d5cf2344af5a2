#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation

/// A file that is replaced whole, so that nobody ever reads half of it: by hand, by another program, or by `change`.
public struct WholeFile: Sendable {
    public let path: String

    public init(_ path: String) { self.path = path }

    /// Tells one state of the file from another without reading it.
    public struct Stamp: Sendable, Equatable {
        private let parts: [Int]
        fileprivate init(_ status: stat) {
            parts = [
                Int(status.st_dev), Int(status.st_ino), Int(status.st_size), Int(status.st_mtim.tv_sec),
                Int(status.st_mtim.tv_nsec),
            ]
        }
    }

    /// Nil when there is no such file.
    public var stamp: Stamp? {
        var status = stat()
        return stat(path, &status) == 0 ? Stamp(status) : nil
    }

    /// Nil when it cannot be read.
    public func contents() -> [UInt8]? { FileManager.default.contents(atPath: path).map(Array.init) }

    /// Throws what would keep `change` from working.
    public func requireWritable() throws(FileFault) {
        let (target, folder) = place
        guard access(target, W_OK) == 0, access(folder, W_OK | X_OK) == 0 else {
            throw FileFault("\(target) cannot be replaced by this user; it and its folder have to be writable")
        }
    }

    /// Changes it. Others that do so at the same time wait: each changes what the one before has left. After a crash at any moment the file
    /// is the old one or the new one. Throws what `content` throws, or a `FileFault`.
    public func change(_ content: () throws -> [UInt8]) throws {
        let lock = open("\(place.target).lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw FileFault("\(path).lock: \(String(cString: strerror(errno)))") }
        defer { close(lock) }
        while flock(lock, LOCK_EX) != 0 {
            guard errno == EINTR else { throw FileFault("\(path).lock: \(String(cString: strerror(errno)))") }
        }
        try write(try content())
    }

    /// Beside, to the disk, and then in one step in its place, with the rights and the owner the old one had.
    private func write(_ bytes: [UInt8]) throws(FileFault) {
        let (target, folder) = place
        let new = target + ".new"
        var old = stat()
        guard stat(target, &old) == 0 else { throw FileFault("\(path) cannot be read") }
        let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure(new) }
        defer { close(file) }
        // Only its owner may give a file away, and then it is somebody else's business who may read it.
        if old.st_uid != geteuid() || old.st_gid != getegid() { _ = fchown(file, old.st_uid, old.st_gid) }
        guard fchmod(file, old.st_mode & 0o7777) == 0, Self.writeAll(bytes, to: file), fsync(file) == 0, rename(new, target) == 0
        else {
            let fault = failure(new)
            unlink(new)
            throw fault
        }
        let parent = open(folder, O_RDONLY | O_CLOEXEC)
        guard parent >= 0 else { throw failure(folder) }
        defer { close(parent) }
        guard fsync(parent) == 0 else { throw failure(folder) }
    }

    private static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Where the file really is: a link stays a link.
    private var place: (target: String, folder: String) {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        return (target, (target as NSString).deletingLastPathComponent)
    }

    private func failure(_ what: String) -> FileFault { FileFault("\(what): \(String(cString: strerror(errno)))") }
}

/// Why a file cannot be replaced, in a sentence.
public struct FileFault: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
