import Storage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The database's file before SQLite has seen it, and the first look at it after.
enum DatabaseFile {
    /// Below this size every page is looked at when the database is opened; above, it would take too long.
    static let fullCheckBytes = 64 << 20

    /// Nil when there is no such file.
    static func size(of path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// Makes an empty file only this user can read, when there is none; SQLite would let others read it. A file that is
    /// there is not touched: closing a descriptor of it would drop the locks SQLite holds on it in this process.
    static func createIfMissing(_ path: String) throws {
        try requireFolder(of: path)
        guard size(of: path) == nil else { return }
        let created = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard created >= 0 else { throw StorageFault.cannotOpen("\(path): \(String(cString: strerror(errno)))") }
        close(created)
    }

    static func requireExisting(_ path: String) throws {
        if size(of: path) == nil {
            throw StorageFault.cannotOpen("\(path): there is no such file; check the path, or start the server once to create it")
        }
    }

    static func requireFolder(of path: String) throws {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        var status = stat()
        guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw StorageFault.cannotOpen("\(path): there is no folder \(folder); create it")
        }
        guard access(folder, W_OK | X_OK) == 0 else {
            throw StorageFault.cannotOpen("\(path): the folder \(folder) is not writable; let this user write to it")
        }
    }

    /// Throws `.corrupt` when the file is damaged: a small one is read from end to end, of a large one the schema and
    /// the list of free pages.
    static func check(_ connection: SQLiteConnection, size: Int) throws {
        guard size < fullCheckBytes else {
            _ = try connection.texts("PRAGMA schema_version")
            _ = try connection.texts("SELECT count(*) FROM sqlite_schema")
            _ = try connection.texts("PRAGMA freelist_count")
            return
        }
        let findings = try connection.texts("PRAGMA quick_check(1)")
        if findings != ["ok"] { throw StorageFault.corrupt(firstLine(findings.first ?? "no answer")) }
    }

    private static func firstLine(_ text: String) -> String {
        String(text.split(separator: "\n").first { !$0.hasPrefix("***") } ?? "page structure")
    }
}
