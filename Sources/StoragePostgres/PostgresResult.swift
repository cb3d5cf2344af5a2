import CPostgres
import Notation
import Storage

/// What the server answered to one statement. Rows stay in libpq's memory until they are read.
final class PostgresResult {
    let handle: OpaquePointer
    let count: Int

    /// Takes the result over; it is freed with this value.
    init(_ handle: OpaquePointer) {
        self.handle = handle
        count = Int(PQntuples(handle))
    }

    deinit { PQclear(handle) }

    var status: ExecStatusType { PQresultStatus(handle) }

    /// How many rows a change touched, as the server tells (`UPDATE 3`).
    var changed: Int { Int(String(cString: PQcmdTuples(handle))) ?? 0 }

    var sqlState: String { field(DiagnosticField.sqlState) ?? "" }
    var constraint: String? { field(DiagnosticField.constraint) }
    /// The server's sentence. Never its DETAIL, which quotes rows.
    var message: String { field(DiagnosticField.message) ?? "" }

    private func field(_ code: Int32) -> String? { PQresultErrorField(handle, code).map { String(cString: $0) } }
}

/// The fields of an error (`postgres_ext.h`); C macros of characters are not imported.
enum DiagnosticField {
    static let severity = Int32(UInt8(ascii: "V"))
    static let sqlState = Int32(UInt8(ascii: "C"))
    static let message = Int32(UInt8(ascii: "M"))
    static let constraint = Int32(UInt8(ascii: "n"))
}

/// One row of a result, moved along it.
final class PostgresRow: Columns {
    private let result: PostgresResult
    private let statement: String
    private let firstColumn: Int32
    var row: Int32

    /// `firstColumn` hides what the driver asked for beside the query's own columns.
    init(_ result: PostgresResult, of statement: String, row: Int = 0, firstColumn: Int = 0) {
        self.result = result
        self.statement = statement
        self.row = Int32(row)
        self.firstColumn = Int32(firstColumn)
    }

    func isNull(_ index: Int) -> Bool { PQgetisnull(result.handle, row, Int32(index) + firstColumn) == 1 }

    func integer(_ index: Int) throws -> Int64 {
        let (type, bytes) = try value(index)
        switch type {
        case PostgresType.int8: return Int64(bitPattern: bytes.bigEndian(8))
        case PostgresType.int4: return Int64(Int32(truncatingIfNeeded: bytes.bigEndian(4)))
        case PostgresType.int2: return Int64(Int16(truncatingIfNeeded: bytes.bigEndian(2)))
        case PostgresType.bool: return Int64(bytes[0])
        case PostgresType.oid: return Int64(bytes.bigEndian(4))
        default: throw wrong(index, "whole number", type)
        }
    }

    func real(_ index: Int) throws -> Double {
        let (type, bytes) = try value(index)
        switch type {
        case PostgresType.float8: return Double(bitPattern: bytes.bigEndian(8))
        case PostgresType.float4: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bytes.bigEndian(4))))
        default: return Double(try integer(index))
        }
    }

    func text(_ index: Int) throws -> String {
        let (type, bytes) = try value(index)
        guard [19, PostgresType.text, PostgresType.json, 705, 1042, 1043].contains(type) else { throw wrong(index, "text", type) }
        return String(decoding: bytes, as: UTF8.self)
    }

    func json(_ index: Int) throws -> String {
        let (type, bytes) = try value(index)
        switch type {
        case PostgresType.json, PostgresType.text: return String(decoding: bytes, as: UTF8.self)
        case PostgresType.jsonb: return String(decoding: bytes.dropFirst(), as: UTF8.self)
        default: throw wrong(index, "document", type)
        }
    }

    func bytes(_ index: Int) throws -> [UInt8] {
        let (type, bytes) = try value(index)
        guard type == PostgresType.bytea else { throw wrong(index, "row of bytes", type) }
        return Array(bytes)
    }

    func instant(_ index: Int) throws -> Instant {
        let (type, bytes) = try value(index)
        guard type == PostgresType.timestamptz else { throw wrong(index, "instant", type) }
        return PostgresType.instant(Int64(bitPattern: bytes.bigEndian(8)))
    }

    func identifier(_ index: Int) throws -> (high: UInt64, low: UInt64) {
        let (type, bytes) = try value(index)
        guard type == PostgresType.uuid, bytes.count == 16 else { throw wrong(index, "identifier", type) }
        return (bytes.bigEndian(8), UnsafeBufferPointer(rebasing: bytes[8...]).bigEndian(8))
    }

    private func value(_ index: Int) throws -> (type: UInt32, bytes: UnsafeBufferPointer<UInt8>) {
        let column = Int32(index) + firstColumn
        let type = PQftype(result.handle, column)
        guard PQgetisnull(result.handle, row, column) == 0, let start = PQgetvalue(result.handle, row, column) else {
            throw wrong(index, "value", type)
        }
        let count = Int(PQgetlength(result.handle, row, column))
        return (type, UnsafeBufferPointer(start: UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self), count: count))
    }

    private func wrong(_ index: Int, _ wanted: String, _ type: UInt32) -> StorageFault {
        .statement("\(statement): column \(index) holds no \(wanted) (type \(type))")
    }
}

extension UnsafeBufferPointer<UInt8> {
    fileprivate func bigEndian(_ count: Int) -> UInt64 {
        var number: UInt64 = 0
        for index in 0..<Swift.min(count, self.count) { number = number << 8 | UInt64(self[index]) }
        return number
    }
}
