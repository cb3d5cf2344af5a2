import CSQLite
import Storage

/// One connection to the database and the statements it has prepared. One thread at a time may use it; SQLite's own
/// locks are switched off.
package final class SQLiteConnection {
    let handle: OpaquePointer
    /// Pages in the write-ahead log after the last commit of this connection.
    let logPages = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    private var prepared: [ObjectIdentifier: PreparedStatement] = [:]
    /// Those whose text only the statement itself knows.
    private var found: [String: PreparedStatement] = [:]
    private var controls: [PreparedStatement] = []
    private var isInTransaction = false
    /// Why SQLite itself has rolled the running transaction back. From then on every statement would commit on its own,
    /// so none may run until the next `begin`.
    private(set) var lost: StorageFault?

    /// The statements around a transaction's bodies.
    enum Control: Int, CaseIterable {
        case beginWriting, beginReading, commit, rollback
        case markBody, keepBody, undoBody
        case markPart, keepPart, undoPart

        var text: String {
            switch self {
            case .beginWriting: "BEGIN IMMEDIATE"
            case .beginReading: "BEGIN DEFERRED"
            case .commit: "COMMIT"
            case .rollback: "ROLLBACK"
            case .markBody: "SAVEPOINT body"
            case .keepBody: "RELEASE body"
            case .undoBody: "ROLLBACK TO body"
            case .markPart: "SAVEPOINT part"
            case .keepPart: "RELEASE part"
            case .undoPart: "ROLLBACK TO part"
            }
        }
    }

    init(path: String, flags: Int32, vfs: String? = nil) throws {
        _ = withoutMemoryStatistics
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs)
        guard code == SQLITE_OK, let opened else {
            sqlite3_close_v2(opened)
            throw StorageFault.cannotOpen("\(path): \(String(cString: sqlite3_errstr(code))) (\(code))")
        }
        handle = opened
        logPages.initialize(to: 0)
        // A misspelt column must not become a string, nor a statement damage the file's own tables.
        csqlite_set_option(handle, SQLITE_DBCONFIG_DQS_DML, 0)
        csqlite_set_option(handle, SQLITE_DBCONFIG_DQS_DDL, 0)
        csqlite_set_option(handle, SQLITE_DBCONFIG_DEFENSIVE, 1)
    }

    deinit { logPages.deallocate() }

    /// Compiles the statements around transactions. After the pragmas, because reading the schema is the first thing
    /// that fails on a damaged file.
    func prepareControls() throws {
        controls = try Control.allCases.map { try compileOnly($0.text, name: $0.text) }
    }

    func perform(_ control: Control) throws { try controls[control.rawValue].runOnce() }

    // MARK: Transactions

    func begin(_ control: Control) throws {
        lost = nil
        try perform(control)
        isInTransaction = true
    }

    func commit() throws {
        try perform(.commit)
        isInTransaction = false
    }

    /// Ends the transaction without a trace. Also right when SQLite has already ended it.
    func rollback() {
        isInTransaction = false
        guard sqlite3_get_autocommit(handle) == 0 else { return }
        // A rollback changes nothing on disk. Should it fail, the next `begin` says so.
        try? perform(.rollback)
    }

    /// Whether rows point to rows that are not there, in constraints that are checked at the commit.
    var owesForeignKeys: Bool {
        var current: Int32 = 0
        var highest: Int32 = 0
        sqlite3_db_status(handle, SQLITE_DBSTATUS_DEFERRED_FKS, &current, &highest, 0)
        return current != 0
    }

    /// For a failure that leaves the transaction in no state to go on.
    func lose(_ fault: StorageFault) { if lost == nil { lost = fault } }

    /// The fault for a result code. Notices when the failure has cost the whole transaction.
    func failed(_ code: Int32, running name: String) -> StorageFault {
        let fault = SQLiteCodes.fault(code, statement: name, message: message, quotesOnlyText: false)
        if isInTransaction, sqlite3_get_autocommit(handle) != 0 { lose(fault) }
        return fault
    }

    // MARK: Statements

    /// The query's statement, compiled the first time and kept as long as the connection.
    func statement<Asked: Statement>(for query: Asked) throws -> PreparedStatement {
        if let lost { throw lost }
        if let text = query.ownText { return try statement(found: text.sqlite, name: String(describing: Asked.self)) }
        let key = ObjectIdentifier(Asked.self)
        if let known = prepared[key] { return known }
        let statement = try compileOnly(Asked.sql.sqlite, name: String(describing: Asked.self))
        prepared[key] = statement
        return statement
    }

    private func statement(found text: String, name: String) throws -> PreparedStatement {
        if let known = found[text] { return known }
        if found.count >= 256 {
            for statement in found.values { statement.finalize() }
            found = [:]
        }
        let statement = try compileOnly(text, name: name)
        found[text] = statement
        return statement
    }

    /// Runs every statement of a text, one after the other. `willRun` may refuse one before it runs.
    func execute(_ script: String, willRun: (PreparedStatement) throws -> Void = { _ in }) throws {
        if let lost { throw lost }
        var rest = script[...]
        while let (statement, tail) = try compile(rest, name: "script") {
            defer { statement.finalize() }
            try willRun(statement)
            try statement.finishSteps()
            rest = tail
        }
    }

    /// One column of every row, as text; null is "".
    package func texts(_ text: String, column: Int32 = 0) throws -> [String] {
        let statement = try compileOnly(text, name: "text")
        defer { statement.finalize() }
        var found: [String] = []
        while try statement.step() {
            found.append(sqlite3_column_text(statement.handle, column).map { String(cString: $0) } ?? "")
        }
        return found
    }

    /// How many rows the last statement changed, when the count of all changes was `before` ahead of it. SQLite leaves
    /// the last count standing after statements that change no rows, such as a DDL statement.
    func changes(since before: Int64) -> Int {
        sqlite3_total_changes64(handle) == before ? 0 : Int(sqlite3_changes64(handle))
    }

    func close() {
        for statement in prepared.values { statement.finalize() }
        for statement in found.values { statement.finalize() }
        for statement in controls { statement.finalize() }
        prepared = [:]
        found = [:]
        controls = []
        sqlite3_close_v2(handle)
    }

    private var message: String { String(cString: sqlite3_errmsg(handle)) }

    private func compileOnly(_ text: String, name: String) throws -> PreparedStatement {
        guard let (statement, rest) = try compile(text[...], name: name) else {
            throw StorageFault.statement("\(name): the text is empty")
        }
        guard rest.allSatisfy({ $0.isWhitespace || $0 == ";" }) else {
            statement.finalize()
            throw StorageFault.statement("\(name): one text is one statement")
        }
        return statement
    }

    /// The first statement of `text` and what stands behind it; nil when there are only spaces and comments.
    private func compile(_ text: Substring, name: String) throws -> (PreparedStatement, Substring)? {
        var compiled: OpaquePointer?
        var used = 0
        var text = text
        let code = text.withUTF8 { utf8 -> Int32 in
            guard let start = utf8.baseAddress else { return SQLITE_OK }
            return start.withMemoryRebound(to: CChar.self, capacity: utf8.count) { start in
                var tail: UnsafePointer<CChar>?
                defer { used = tail.map { start.distance(to: $0) } ?? utf8.count }
                return sqlite3_prepare_v3(
                    handle, start, Int32(utf8.count), UInt32(SQLITE_PREPARE_PERSISTENT), &compiled, &tail)
            }
        }
        guard code == SQLITE_OK else {
            throw SQLiteCodes.fault(code, statement: name, message: message, quotesOnlyText: true)
        }
        guard let compiled else { return nil }
        let rest = text[text.utf8.index(text.startIndex, offsetBy: used)...]
        return (try PreparedStatement(compiled, name: name, connection: self), rest)
    }
}

private let withoutMemoryStatistics: Void = { _ = csqlite_config_no_memory_statistics() }()
