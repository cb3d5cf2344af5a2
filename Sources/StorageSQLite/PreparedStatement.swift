import CSQLite
import Notation
import Storage

/// A statement SQLite has compiled, kept by its connection and used again and again. Between uses it is reset and holds
/// no values. It is its own row: while it stands on one, it answers as `Columns`.
final class PreparedStatement {
    let handle: OpaquePointer
    /// The query's type, for errors.
    let name: String
    /// Whether running it cannot change the database.
    let isReadOnly: Bool
    private unowned let connection: SQLiteConnection
    /// For each of SQLite's parameters, which binding it takes. SQLite counts `$2 … $1` in the order of appearance, the
    /// callers count by the digits.
    private let slots: [Int]
    private let bindingCount: Int
    /// Room for an identifier in each parameter, so that SQLite need not copy it: a booking binds forty.
    private let identifiers: UnsafeMutableBufferPointer<UInt64>

    /// Takes `handle` over, also when it throws.
    init(_ handle: OpaquePointer, name: String, connection: SQLiteConnection) throws {
        self.handle = handle
        self.name = name
        self.connection = connection
        self.isReadOnly = sqlite3_stmt_readonly(handle) != 0
        do {
            self.slots = try Self.slots(of: handle, name: name)
        } catch {
            sqlite3_finalize(handle)
            throw error
        }
        self.bindingCount = (slots.max() ?? -1) + 1
        self.identifiers = .allocate(capacity: 2 * slots.count)
    }

    deinit { identifiers.deallocate() }

    /// Reads and writes nothing: then it begins or ends a transaction, or turns a switch of the connection.
    var isControl: Bool { isReadOnly && sqlite3_column_count(handle) == 0 }

    private static func slots(of handle: OpaquePointer, name: String) throws -> [Int] {
        let count = sqlite3_bind_parameter_count(handle)
        return try (0..<count).map { index in
            guard let parameter = sqlite3_bind_parameter_name(handle, index + 1),
                let number = Int(String(cString: parameter).dropFirst()), number >= 1, parameter[0] == UInt8(ascii: "$")
            else { throw StorageFault.statement("\(name): parameters are written $1, $2, …") }
            return number - 1
        }
    }

    /// True when it stands on a row, false when it is done.
    func step() throws -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE { return false }
        throw connection.failed(code, running: name)
    }

    /// Runs it to its end, passing over rows.
    func finishSteps() throws {
        while try step() {}
    }

    /// Runs a statement without bindings once.
    func runOnce() throws {
        defer { sqlite3_reset(handle) }
        try finishSteps()
    }

    /// Makes it ready for the next use and forgets the values it held.
    func reset() {
        sqlite3_reset(handle)
        if bindingCount > 0 { sqlite3_clear_bindings(handle) }
    }

    func finalize() { sqlite3_finalize(handle) }

    func bind(_ values: [SQLValue]) throws {
        guard values.count == bindingCount else {
            throw StorageFault.statement("\(name): the text has \(bindingCount) parameters, there are \(values.count) bindings")
        }
        for (index, slot) in slots.enumerated() {
            let code = bind(values[slot], at: Int32(truncatingIfNeeded: index + 1))
            if code != SQLITE_OK { throw connection.failed(code, running: name) }
        }
    }

    private func bind(_ value: SQLValue, at index: Int32) -> Int32 {
        switch value {
        case .null: sqlite3_bind_null(handle, index)
        case .bool(let truth): sqlite3_bind_int64(handle, index, truth ? 1 : 0)
        case .integer(let number): sqlite3_bind_int64(handle, index, number)
        // SQLite would keep a NaN as NULL and say nothing.
        case .real(let number): number.isNaN ? SQLITE_MISMATCH : sqlite3_bind_double(handle, index, number)
        case .text(let text), .json(let text): bind(text, at: index)
        case .bytes(let bytes): bind(bytes, at: index)
        case .instant(let instant): sqlite3_bind_int64(handle, index, instant.microseconds)
        case .identifier(let high, let low): bind(high, low, at: index)
        }
    }

    private func bind(_ text: String, at index: Int32) -> Int32 {
        var text = text
        return text.withUTF8 { utf8 in
            // A missing address would bind NULL, and empty text is not NULL.
            guard let start = utf8.baseAddress, !utf8.isEmpty else { return sqlite3_bind_text(handle, index, "", 0, nil) }
            return start.withMemoryRebound(to: CChar.self, capacity: utf8.count) {
                sqlite3_bind_text64(handle, index, $0, UInt64(utf8.count), copied, UInt8(SQLITE_UTF8))
            }
        }
    }

    private func bind(_ bytes: [UInt8], at index: Int32) -> Int32 {
        guard !bytes.isEmpty else { return sqlite3_bind_zeroblob(handle, index, 0) }
        return bytes.withUnsafeBytes { sqlite3_bind_blob64(handle, index, $0.baseAddress, UInt64($0.count), copied) }
    }

    /// Sixteen bytes in network order, so that blobs sort as identifiers do. They stay where SQLite reads them until the
    /// statement is reset.
    private func bind(_ high: UInt64, _ low: UInt64, at index: Int32) -> Int32 {
        let place = 2 * (Int(index) - 1)
        identifiers[place] = high.bigEndian
        identifiers[place + 1] = low.bigEndian
        return sqlite3_bind_blob(handle, index, identifiers.baseAddress! + place, 16, nil)
    }
}

/// SQLITE_TRANSIENT: SQLite copies the bytes before the call returns. A macro Swift cannot see.
private nonisolated(unsafe) let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
