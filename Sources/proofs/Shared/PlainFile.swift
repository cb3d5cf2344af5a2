import CSQLite

/// A database file seen through SQLite's own interface and nothing of ours: what it says is evidence, because the program
/// under test had no part in reading it.
final class PlainFile {
    enum Value: Hashable {
        case null
        case integer(Int64)
        case real(Double)
        case text(String)
        case bytes([UInt8])
    }

    struct Fault: Error, CustomStringConvertible { let description: String }

    let handle: OpaquePointer

    init(_ path: String, readOnly: Bool = true) throws {
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, nil)
        guard code == SQLITE_OK, let opened else { throw Fault(description: "\(path): \(String(cString: sqlite3_errstr(code)))") }
        handle = opened
        sqlite3_busy_timeout(handle, 10_000)
    }

    deinit { sqlite3_close_v2(handle) }

    func execute(_ script: String) throws {
        guard sqlite3_exec(handle, script, nil, nil, nil) == SQLITE_OK else { throw fault(script) }
    }

    func rows(_ text: String, _ bindings: [Value] = []) throws -> [[Value]] {
        let statement = try PlainStatement(self, text)
        for (index, value) in bindings.enumerated() { statement.bind(value, at: index) }
        var rows: [[Value]] = []
        while try statement.step() { rows.append((0..<statement.columnCount).map { statement.value($0) }) }
        return rows
    }

    func number(_ text: String, _ bindings: [Value] = []) throws -> Int {
        guard case .integer(let number)? = try rows(text, bindings).first?.first else { return 0 }
        return Int(number)
    }

    func texts(_ text: String) throws -> [String] { try rows(text).map { $0[0].string } }

    func fault(_ text: String) -> Fault {
        Fault(description: "\(String(cString: sqlite3_errmsg(handle))) in: \(text.prefix(200))")
    }
}

extension PlainFile.Value {
    var string: String {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        case .real(let number): String(number)
        case .bytes(let bytes): bytes.count == 16 ? Self.identifier(bytes) : "\(bytes.count) bytes"
        case .null: ""
        }
    }

    var number: Int64 { if case .integer(let number) = self { number } else { 0 } }

    private static func identifier(_ bytes: [UInt8]) -> String {
        let digits = bytes.map { String($0 >> 4, radix: 16) + String($0 & 0xF, radix: 16) }.joined()
        var text = ""
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { text += "-" }
            text.append(digit)
        }
        return text
    }
}

/// A compiled statement. The values it is given must stay where they are until it has been stepped.
final class PlainStatement {
    private let file: PlainFile
    private let text: String
    let handle: OpaquePointer

    init(_ file: PlainFile, _ text: String) throws {
        var compiled: OpaquePointer?
        guard sqlite3_prepare_v3(file.handle, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &compiled, nil) == SQLITE_OK,
            let compiled
        else { throw file.fault(text) }
        handle = compiled
        self.file = file
        self.text = text
    }

    deinit { sqlite3_finalize(handle) }

    var columnCount: Int { Int(sqlite3_column_count(handle)) }

    func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw file.fault(text)
        }
    }

    /// Runs it once and makes it ready for the next time.
    func run() throws {
        _ = try step()
        sqlite3_reset(handle)
    }

    func bind(_ value: PlainFile.Value, at index: Int) {
        let place = Int32(index + 1)
        switch value {
        case .null: sqlite3_bind_null(handle, place)
        case .integer(let number): sqlite3_bind_int64(handle, place, number)
        case .real(let number): sqlite3_bind_double(handle, place, number)
        case .text(let text): sqlite3_bind_text(handle, place, text, Int32(text.utf8.count), copied)
        case .bytes(let bytes): sqlite3_bind_blob(handle, place, bytes, Int32(bytes.count), copied)
        }
    }

    /// Bytes that live until the statement has run: nothing is copied.
    func bindBytes(_ bytes: UnsafeBufferPointer<UInt8>, isText: Bool, at index: Int) {
        let (place, count) = (Int32(index + 1), Int32(bytes.count))
        if isText {
            bytes.withMemoryRebound(to: CChar.self) { _ = sqlite3_bind_text(handle, place, $0.baseAddress, count, nil) }
        } else {
            sqlite3_bind_blob(handle, place, bytes.baseAddress, count, nil)
        }
    }

    func bindNumber(_ number: Int64, at index: Int) { sqlite3_bind_int64(handle, Int32(index + 1), number) }

    func value(_ column: Int) -> PlainFile.Value {
        let column = Int32(column)
        switch sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(handle, column))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(handle, column))
        case SQLITE_TEXT: return .text(String(cString: sqlite3_column_text(handle, column)))
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(handle, column)
            return .bytes(Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))))
        default: return .null
        }
    }
}

/// `SQLITE_TRANSIENT`, which is a cast in C and does not reach Swift.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
