/// A JSON document as it was written: members in their order, and the line each value stands on, so that an import can
/// say where a mistake is. (Foundation's decoder stops at the first mistake and forgets the lines.)
public struct JSON: Sendable, Equatable {
    public enum Content: Sendable, Equatable {
        case null
        case bool(Bool)
        case integer(Int64)
        case number(Double)
        case string(String)
        case array([JSON])
        case object([Member])
    }

    public struct Member: Sendable, Equatable {
        public var name: String
        public var value: JSON

        public init(name: String, value: JSON) {
            self.name = name
            self.value = value
        }
    }

    public var content: Content
    /// Counted from 1.
    public var line: Int

    public init(_ content: Content, line: Int = 1) {
        self.content = content
        self.line = line
    }

    public static func == (left: JSON, right: JSON) -> Bool { left.content == right.content }

    public subscript(name: String) -> JSON? {
        guard case .object(let members) = content else { return nil }
        return members.first { $0.name == name }?.value
    }

    public var string: String? { if case .string(let text) = content { text } else { nil } }
    public var integer: Int64? { if case .integer(let number) = content { number } else { nil } }
    public var array: [JSON]? { if case .array(let elements) = content { elements } else { nil } }
    public var members: [Member]? { if case .object(let members) = content { members } else { nil } }

    /// The same document in the one form that equal documents share: members sorted by name, no white space.
    /// A repeat of a request by a client that reorders its keys is still the same request.
    public var canonicalBytes: [UInt8] {
        var writer = JSONWriter()
        writer.canonical(self)
        return writer.bytes
    }
}

/// Why a text is not JSON, and where.
public struct JSONMistake: Error, Equatable, Sendable, CustomStringConvertible {
    public var line: Int
    public var column: Int
    public var detail: String

    public var description: String { "line \(line), column \(column): \(detail)" }
}

extension JSON {
    /// Reads one document (RFC 8259). Refused beyond the standard: a member named twice, nesting deeper than 64, an
    /// integer outside 64 bits.
    public init(parsing bytes: [UInt8], startingAtLine line: Int = 1) throws(JSONMistake) {
        self = try bytes.withUnsafeBufferPointer { buffer throws(JSONMistake) in
            var parser = JSONParser(bytes: buffer, line: line)
            return try parser.document()
        }
    }

    public init(parsing text: String) throws(JSONMistake) { try self.init(parsing: Array(text.utf8)) }
}

private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    var line: Int
    var position = 0
    var lineStart = 0
    var depth = 0

    init(bytes: UnsafeBufferPointer<UInt8>, line: Int) {
        self.bytes = bytes
        self.line = line
    }

    mutating func document() throws(JSONMistake) -> JSON {
        let value = try value()
        skipWhiteSpace()
        guard position == bytes.count else { throw mistake("something stands after the end of the document") }
        return value
    }

    private func mistake(_ detail: String) -> JSONMistake {
        JSONMistake(line: line, column: position - lineStart + 1, detail: detail)
    }

    private mutating func skipWhiteSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0D: position += 1
            case 0x0A:
                position += 1
                line += 1
                lineStart = position
            default: return
            }
        }
    }

    private mutating func value() throws(JSONMistake) -> JSON {
        skipWhiteSpace()
        guard position < bytes.count else { throw mistake("the document ends where a value should stand") }
        let start = line
        switch bytes[position] {
        case UInt8(ascii: "{"): return JSON(.object(try object()), line: start)
        case UInt8(ascii: "["): return JSON(.array(try array()), line: start)
        case UInt8(ascii: "\""): return JSON(.string(try string()), line: start)
        case UInt8(ascii: "t"): return JSON(try word("true", .bool(true)), line: start)
        case UInt8(ascii: "f"): return JSON(try word("false", .bool(false)), line: start)
        case UInt8(ascii: "n"): return JSON(try word("null", .null), line: start)
        case UInt8(ascii: "-"), 48...57: return JSON(try number(), line: start)
        default: throw mistake("no JSON value starts with this character")
        }
    }

    private mutating func enter() throws(JSONMistake) {
        depth += 1
        position += 1
        if depth > 64 { throw mistake("values are nested deeper than 64") }
    }

    private mutating func object() throws(JSONMistake) -> [JSON.Member] {
        try enter()
        var members: [JSON.Member] = []
        var names: Set<String> = []
        skipWhiteSpace()
        if skip("}") {
            depth -= 1
            return members
        }
        while true {
            skipWhiteSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw mistake("a member's name is missing")
            }
            let name = try string()
            if isRepeated(name, in: members, &names) { throw mistake("a member stands twice") }
            skipWhiteSpace()
            guard skip(":") else { throw mistake("a colon is missing") }
            members.append(JSON.Member(name: name, value: try value()))
            skipWhiteSpace()
            if skip(",") { continue }
            guard skip("}") else { throw mistake("a comma or a closing brace is missing") }
            depth -= 1
            return members
        }
    }

    /// Compares with each while they are few; beyond that a set, so that a long object is not read in quadratic time.
    private func isRepeated(_ name: String, in members: [JSON.Member], _ names: inout Set<String>) -> Bool {
        if members.count < 16 { return members.contains { $0.name == name } }
        if names.isEmpty { names = Set(members.map(\.name)) }
        return !names.insert(name).inserted
    }

    private mutating func array() throws(JSONMistake) -> [JSON] {
        try enter()
        var elements: [JSON] = []
        skipWhiteSpace()
        if skip("]") {
            depth -= 1
            return elements
        }
        while true {
            elements.append(try value())
            skipWhiteSpace()
            if skip(",") { continue }
            guard skip("]") else { throw mistake("a comma or a closing bracket is missing") }
            depth -= 1
            return elements
        }
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func word(_ word: StaticString, _ content: JSON.Content) throws(JSONMistake) -> JSON.Content {
        let length = word.utf8CodeUnitCount
        guard position + length <= bytes.count else { throw mistake("no JSON value starts with this character") }
        for index in 0..<length where bytes[position + index] != word.utf8Start[index] {
            throw mistake("no JSON value starts with this character")
        }
        position += length
        return content
    }

    private mutating func number() throws(JSONMistake) -> JSON.Content {
        let start = position
        var isWhole = true
        _ = skip("-")
        let firstDigit = position
        try digits()
        if bytes[firstDigit] == 48, position > firstDigit + 1 { throw mistake("a number starts with a superfluous zero") }
        if skip(".") {
            isWhole = false
            try digits()
        }
        if skip("e") || skip("E") {
            isWhole = false
            if !skip("+") { _ = skip("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole {
            guard let integer = Int64(text) else { throw mistake("an integer does not fit in 64 bits") }
            return .integer(integer)
        }
        guard let double = Double(text), double.isFinite else { throw mistake("a number is out of range") }
        return .number(double)
    }

    private mutating func digits() throws(JSONMistake) {
        let start = position
        while position < bytes.count, bytes[position] >= 48, bytes[position] <= 57 { position += 1 }
        if position == start { throw mistake("a digit is missing") }
    }

    private mutating func string() throws(JSONMistake) -> String {
        position += 1
        let start = position
        var bits: UInt8 = 0
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                let text = try text(bytes[start..<position], isASCII: bits < 0x80)
                position += 1
                return text
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw mistake("a control character in a string must be escaped")
            default:
                bits |= byte
                position += 1
            }
        }
        throw mistake("a string does not end")
    }

    /// Most text is ASCII, which needs no look at how its bytes go together.
    private func text(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, isASCII: Bool) throws(JSONMistake) -> String {
        if isASCII { return String(decoding: UnsafeBufferPointer(rebasing: bytes), as: UTF8.self) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw mistake("a string is not valid UTF-8") }
        return text
    }

    private mutating func escapedString(from start: Int) throws(JSONMistake) -> String {
        var text = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw mistake("a string is not valid UTF-8") }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw mistake("a control character in a string must be escaped")
            default: text.append(byte)
            }
        }
        throw mistake("a string does not end")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONMistake) {
        guard position < bytes.count else { throw mistake("a string does not end") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var unit = try fourHexDigits()
            if (0xD800..<0xDC00).contains(unit) {
                guard skip("\\"), skip("u") else { throw mistake("half of a surrogate pair is missing") }
                let second = try fourHexDigits()
                guard (0xDC00..<0xE000).contains(second) else { throw mistake("half of a surrogate pair is missing") }
                unit = 0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(unit) else { throw mistake("half of a surrogate pair is missing") }
            text.append(contentsOf: Array(String(Character(scalar)).utf8))
        default: throw mistake("an unknown escape stands in a string")
        }
    }

    private mutating func fourHexDigits() throws(JSONMistake) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw mistake("four hexadecimal digits are missing")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
