import Notation
import Storage

/// A primary key, and the text the change log keeps it as: each part in hexadecimal, with dots between them. Both engines can
/// write that in a trigger, whatever the parts are.
struct RowKey: Hashable, Sendable {
    let values: [SQLValue]
    let text: String

    init(_ values: [SQLValue]) {
        self.values = values
        text = values.map(Self.hexadecimal).joined(separator: ".")
    }

    init(_ text: String, as kinds: [ColumnKind]) throws {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == kinds.count else { throw StorageFault.statement("the change log holds no key of \(kinds.count)") }
        values = try zip(parts, kinds).map { part, kind in
            guard let bytes = Self.bytes(part), let value = Self.value(bytes, kind) else {
                throw StorageFault.statement("the change log holds a key nobody can read")
            }
            return value
        }
        self.text = text
    }

    static func == (left: RowKey, right: RowKey) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }
    func hash(into hasher: inout Hasher) { hasher.combine(text) }

    private static func hexadecimal(_ value: SQLValue) -> String {
        let bytes: [UInt8] =
            switch value {
            case .null: []
            case .bool(let flag): Array(flag ? "1".utf8 : "0".utf8)
            case .integer(let number): Array(String(number).utf8)
            case .real(let number): Array(String(number).utf8)
            case .text(let text), .json(let text): Array(text.utf8)
            case .bytes(let bytes): bytes
            case .instant(let instant): Array(String(instant.microseconds).utf8)
            case .identifier(let high, let low):
                [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) } }
            }
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.count)
        for byte in bytes {
            for nibble in [byte >> 4, byte & 0xF] { text.append(nibble < 10 ? 48 + nibble : 87 + nibble) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for letter in text.utf8 {
            guard let nibble = Character(UnicodeScalar(letter)).hexDigitValue else { return nil }
            if let first = high {
                bytes.append(first << 4 | UInt8(nibble))
                high = nil
            } else {
                high = UInt8(nibble)
            }
        }
        return high == nil ? bytes : nil
    }

    private static func value(_ bytes: [UInt8], _ kind: ColumnKind) -> SQLValue? {
        let text = String(decoding: bytes, as: UTF8.self)
        switch kind {
        case .identifier:
            guard bytes.count == 16 else { return nil }
            let words = [0, 8].map { start in bytes[start..<start + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
            return .identifier(high: words[0], low: words[1])
        case .bytes: return .bytes(bytes)
        case .text: return .text(text)
        case .json: return .json(text)
        case .bool: return .bool(text != "0")
        case .number: return Int64(text).map { .integer($0) }
        case .instant: return Int64(text).map { .instant(Instant(microseconds: $0)) }
        case .real: return Double(text).map { .real($0) }
        }
    }
}
