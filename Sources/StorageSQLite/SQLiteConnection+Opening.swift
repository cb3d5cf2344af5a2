import CSQLite
import Storage

extension SQLiteConnection {
    /// The connection that changes the database. Creates the log when the file has none yet.
    static func writing(_ settings: SQLiteSettings) throws -> SQLiteConnection {
        let connection = try SQLiteConnection(path: settings.path, flags: SQLITE_OPEN_READWRITE, vfs: settings.vfs)
        return try connection.prepared {
            try connection.waitForOthers(settings)
            try connection.expect("journal_mode", "wal", set: true)
            try connection.setRules(settings)
            // Registered last: setting wal_autocheckpoint replaces whoever listens to commits.
            sqlite3_wal_hook(
                connection.handle,
                { pages, _, _, count in
                    pages?.assumingMemoryBound(to: Int.self).pointee = Int(count)
                    return SQLITE_OK
                }, connection.logPages)
        }
    }

    /// A connection that moves the log into the file and does nothing else.
    static func moving(_ settings: SQLiteSettings) throws -> SQLiteConnection {
        try besideTheWriter(settings, SQLITE_OPEN_READWRITE)
    }

    /// A connection that can only look.
    static func reading(_ settings: SQLiteSettings) throws -> SQLiteConnection {
        try besideTheWriter(settings, SQLITE_OPEN_READONLY)
    }

    private static func besideTheWriter(_ settings: SQLiteSettings, _ flags: Int32) throws -> SQLiteConnection {
        let connection = try SQLiteConnection(path: settings.path, flags: flags, vfs: settings.vfs)
        return try connection.prepared {
            try connection.waitForOthers(settings)
            try connection.expect("journal_mode", "wal", set: false)
            try connection.setRules(settings)
        }
    }

    /// A database in memory that goes with its connection.
    static func inMemory() throws -> SQLiteConnection {
        let connection = try SQLiteConnection(path: ":memory:", flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
        return try connection.prepared {
            for rule in commonRules { try connection.expect(rule.name, rule.value, set: true) }
        }
    }

    /// A connection of one's own for hand-typed SQL. Tests play the foreign program with it.
    package static func byHand(_ path: String) throws -> SQLiteConnection {
        let connection = try SQLiteConnection(path: path, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
        return try connection.prepared {}
    }

    /// Runs a text without asking whether it fits into a transaction.
    package func executeByHand(_ text: String) throws { try execute(text) }

    package func closeByHand() { close() }

    private static let commonRules: [(name: String, value: String)] = [
        ("foreign_keys", "1"), ("trusted_schema", "0"), ("temp_store", "2"),
        // What is overwritten or deleted is gone from the file, too: it may be a name that has just been sealed, or somebody who was erased.
        ("secure_delete", "1"),
    ]

    /// Closes the connection again when `setUp` fails.
    private func prepared(_ setUp: () throws -> Void) throws -> SQLiteConnection {
        do {
            try setUp()
            try prepareControls()
            return self
        } catch {
            close()
            throw error
        }
    }

    /// Before anything else: another process may be opening or closing the same file just now.
    private func waitForOthers(_ settings: SQLiteSettings) throws {
        try expect("busy_timeout", String(settings.busyMilliseconds), set: true)
    }

    private func setRules(_ settings: SQLiteSettings) throws {
        // Only the writer may move the log into the file, and only when it decides to: not a commit that happens to
        // cross a limit, not the last connection that closes.
        csqlite_set_option(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        for rule in Self.commonRules { try expect(rule.name, rule.value, set: true) }
        try expect("synchronous", String(settings.synchronous.rawValue), set: true)
        try expect("mmap_size", "0", set: true)
        try expect("wal_autocheckpoint", "0", set: true)
        // The writer sees nobody else's changes, so what it caches stays true; readers start afresh after each commit.
        let kibibytes = sqlite3_db_readonly(handle, "main") == 0 ? 49_152 : 8_192
        try expect("cache_size", String(-kibibytes), set: true)
    }

    /// Sets a pragma and reads it back, because SQLite ignores what it does not know or cannot do.
    private func expect(_ pragma: String, _ value: String, set: Bool) throws {
        if set { _ = try texts("PRAGMA \(pragma) = \(value)") }
        let found = try texts("PRAGMA \(pragma)").first ?? "0"
        guard found == value else {
            throw StorageFault.cannotOpen(
                "SQLite keeps \(pragma) at \(found) instead of \(value); use the SQLite this program was built for")
        }
    }
}
