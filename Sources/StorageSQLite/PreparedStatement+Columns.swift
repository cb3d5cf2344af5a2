import CSQLite
import Notation
import Storage

extension PreparedStatement: Columns {
    func isNull(_ index: Int) -> Bool { sqlite3_column_type(handle, Int32(index)) == SQLITE_NULL }

    func integer(_ index: Int) throws -> Int64 {
        try require(SQLITE_INTEGER, "an integer", index)
        return sqlite3_column_int64(handle, Int32(index))
    }

    func real(_ index: Int) throws -> Double {
        try require(SQLITE_FLOAT, "a real number", index)
        return sqlite3_column_double(handle, Int32(index))
    }

    func text(_ index: Int) throws -> String {
        try require(SQLITE_TEXT, "text", index)
        guard let start = sqlite3_column_text(handle, Int32(index)) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, Int32(index)))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func bytes(_ index: Int) throws -> [UInt8] {
        try require(SQLITE_BLOB, "bytes", index)
        return Array(blob(index))
    }

    func instant(_ index: Int) throws -> Instant {
        try require(SQLITE_INTEGER, "an instant", index)
        return Instant(microseconds: sqlite3_column_int64(handle, Int32(index)))
    }

    func identifier(_ index: Int) throws -> (high: UInt64, low: UInt64) {
        try require(SQLITE_BLOB, "an identifier", index)
        let blob = blob(index)
        guard blob.count == 16 else { throw mismatch("an identifier of 16 bytes", index) }
        return (
            high: UInt64(bigEndian: blob.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: blob.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        )
    }

    func json(_ index: Int) throws -> String { try text(index) }

    private func blob(_ index: Int) -> UnsafeRawBufferPointer {
        // The address first: asking for the size first could convert the value and move it.
        let start = sqlite3_column_blob(handle, Int32(index))
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(index))))
    }

    /// SQLite would convert silently: text to 0, null to "". A schema that does not keep its word should be noticed.
    @inline(__always)
    private func require(_ type: Int32, _ expected: StaticString, _ index: Int) throws {
        if sqlite3_column_type(handle, Int32(index)) != type { throw mismatch("\(expected)", index) }
    }

    private func mismatch(_ expected: String, _ index: Int) -> StorageFault {
        let column = sqlite3_column_name(handle, Int32(index)).map { String(cString: $0) } ?? "which does not exist"
        let found = isNull(index) ? "null" : "another type"
        return .statement("\(name): column \(index) (\(column)) is not \(expected) but \(found)")
    }
}
