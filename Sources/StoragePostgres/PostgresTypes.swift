import CPostgres
import Notation
import Storage

/// The types of the server this program uses, by the numbers of its catalogue (`pg_type.dat`), and how values are put on
/// the wire in their binary form. Binary because identifiers and instants are most of what is sent: sixteen and eight
/// bytes instead of a text to write, to quote and to read.
enum PostgresType {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let oid: UInt32 = 26
    static let json: UInt32 = 114
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let timestamptz: UInt32 = 1184
    static let uuid: UInt32 = 2950
    static let jsonb: UInt32 = 3802

    /// The array type of each element type, and the element's name in a cast.
    static let arrays: [UInt32: (array: UInt32, name: String)] = [
        bool: (1000, "boolean"), bytea: (1001, "bytea"), int8: (1016, "bigint"), int2: (1005, "smallint"),
        int4: (1007, "integer"), text: (1009, "text"), json: (199, "json"), float8: (1022, "double precision"),
        timestamptz: (1185, "timestamptz"), uuid: (2951, "uuid"), jsonb: (3807, "jsonb"),
    ]

    /// 2000-01-01, from which the server counts, in microseconds since 1970.
    static let epoch: Int64 = 946_684_800_000_000
}

/// The values of one statement as libpq takes them: one buffer, and where each value lies in it.
struct Parameters {
    private(set) var bytes: [UInt8] = []
    private(set) var places: [Range<Int>?] = []
    private(set) var formats: [Int32] = []

    /// `types` are what the server expects, in order.
    init(_ values: [SQLValue], as types: [UInt32], of statement: String) throws {
        guard values.count == types.count else {
            throw StorageFault.statement("\(statement): \(values.count) values for \(types.count) parameters")
        }
        for (index, value) in values.enumerated() {
            if value == .null {
                places.append(nil)
            } else {
                let start = bytes.count
                guard bytes.append(value, as: types[index]) else { throw Self.mismatch(statement, index, value, types[index]) }
                places.append(start..<bytes.count)
            }
            formats.append(1)
        }
    }

    /// The values of many rows, a column an array.
    init(many rows: [[SQLValue]], as types: [UInt32], of statement: String) throws {
        for (index, type) in types.enumerated() {
            let start = bytes.count
            bytes.append(int32: 1)
            bytes.append(int32: rows.contains { $0[index] == .null } ? 1 : 0)
            bytes.append(int32: Int32(bitPattern: type))
            bytes.append(int32: Int32(rows.count))
            bytes.append(int32: 1)
            for row in rows {
                guard row.count == types.count else { throw StorageFault.statement("\(statement): rows of unequal width") }
                let lengthAt = bytes.count
                bytes.append(int32: -1)
                if row[index] == .null { continue }
                guard bytes.append(row[index], as: type) else { throw Self.mismatch(statement, index, row[index], type) }
                bytes.write(int32: Int32(bytes.count - lengthAt - 4), at: lengthAt)
            }
            places.append(start..<bytes.count)
            formats.append(1)
        }
    }

    private static func mismatch(_ statement: String, _ index: Int, _ value: SQLValue, _ type: UInt32) -> StorageFault {
        switch value {
        case .text(let text), .json(let text):
            if text.utf8.contains(0) { return .statement("\(statement): parameter \(index + 1) holds a NUL character") }
        default: break
        }
        return .statement("\(statement): parameter \(index + 1) is no value for type \(type)")
    }

    /// Lends the values in the form libpq wants.
    func withPointers<Answer>(
        _ body: (_ values: [UnsafePointer<CChar>?], _ lengths: [Int32], _ formats: [Int32]) -> Answer
    ) -> Answer {
        // An empty value is not a null one, so even an empty buffer has to have an address.
        (bytes.isEmpty ? [0] : bytes).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { base in
                body(
                    places.map { $0.map { base.baseAddress! + $0.lowerBound } },
                    places.map { Int32($0?.count ?? 0) }, formats)
            }
        }
    }
}

extension [UInt8] {
    /// False when the value has no form in this type.
    fileprivate mutating func append(_ value: SQLValue, as type: UInt32) -> Bool {
        switch (value, type) {
        case (.bool(let flag), PostgresType.bool): append(flag ? 1 : 0)
        case (.integer(let number), PostgresType.bool): append(number != 0 ? 1 : 0)
        case (.bool(let flag), PostgresType.int8): append(int64: flag ? 1 : 0)
        case (.bool(let flag), PostgresType.int4): append(int32: flag ? 1 : 0)
        case (.integer(let number), PostgresType.int8): append(int64: number)
        case (.integer(let number), PostgresType.int4):
            guard let small = Int32(exactly: number) else { return false }
            append(int32: small)
        case (.integer(let number), PostgresType.int2):
            guard let small = Int16(exactly: number) else { return false }
            append(contentsOf: [UInt8(truncatingIfNeeded: small >> 8), UInt8(truncatingIfNeeded: small)])
        case (.integer(let number), PostgresType.float8): append(int64: Int64(bitPattern: Double(number).bitPattern))
        case (.real(let number), PostgresType.float8): append(int64: Int64(bitPattern: number.bitPattern))
        case (.instant(let instant), PostgresType.timestamptz):
            guard let microseconds = PostgresType.wire(instant) else { return false }
            append(int64: microseconds)
        case (.identifier(let high, let low), PostgresType.uuid):
            append(int64: Int64(bitPattern: high))
            append(int64: Int64(bitPattern: low))
        case (.bytes(let bytes), PostgresType.bytea): append(contentsOf: bytes)
        case (.json(let text), PostgresType.jsonb), (.text(let text), PostgresType.jsonb):
            append(1)
            append(contentsOf: text.utf8)
        case (.text(let text), _) where PostgresType.isText(type), (.json(let text), _) where PostgresType.isText(type):
            let start = count
            append(contentsOf: text.utf8)
            // The server takes text up to its first NUL for an end, and refuses it without saying whose it is.
            if self[start...].contains(0) { return false }
        default: return false
        }
        return true
    }

    fileprivate mutating func append(int32 number: Int32) {
        for shift in [24, 16, 8, 0] as [Int32] { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    fileprivate mutating func write(int32 number: Int32, at place: Int) {
        for (offset, shift) in ([24, 16, 8, 0] as [Int32]).enumerated() {
            self[place + offset] = UInt8(truncatingIfNeeded: number >> shift)
        }
    }

    fileprivate mutating func append(int64 number: Int64) {
        append(int32: Int32(truncatingIfNeeded: number >> 32))
        append(int32: Int32(truncatingIfNeeded: number))
    }
}

extension PostgresType {
    /// Microseconds since 2000; before and after all time are the server's `-infinity` and `infinity`. Nil for what it
    /// cannot say.
    fileprivate static func wire(_ instant: Instant) -> Int64? {
        if instant.microseconds == .min || instant.microseconds == .max { return instant.microseconds }
        let (microseconds, overflows) = instant.microseconds.subtractingReportingOverflow(epoch)
        return overflows ? nil : microseconds
    }

    static func instant(_ wire: Int64) -> Instant {
        if wire == .min || wire == .max { return Instant(microseconds: wire) }
        return Instant(microseconds: wire &+ epoch)
    }

    /// Types whose binary form is their text: `text`, `json`, `name`, `varchar`, `bpchar`, and what has no type yet.
    fileprivate static func isText(_ type: UInt32) -> Bool { [0, 19, text, json, 705, 1042, 1043].contains(type) }
}
