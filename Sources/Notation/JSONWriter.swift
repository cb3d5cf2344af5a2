/// Writes JSON straight into bytes, members in the order they are given.
///
/// ```swift
/// var json = JSONWriter()
/// json.object { json in
///     json.member("id", appointment.id)
///     json.member("start", appointment.start)
/// }
/// ```
public struct JSONWriter {
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    public init(reserving capacity: Int = 512) { bytes.reserveCapacity(capacity) }

    public mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
        startValue()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
        try body(&self)
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    public mutating func array(_ body: (inout JSONWriter) throws -> Void) rethrows {
        startValue()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
        try body(&self)
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    public mutating func array<Elements: Sequence>(
        of elements: Elements, _ each: (inout JSONWriter, Elements.Element) throws -> Void
    ) rethrows {
        try array { json in for element in elements { try each(&json, element) } }
    }

    public mutating func name(_ name: String) {
        startValue()
        appendQuoted(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    public mutating func value(_ text: String) {
        startValue()
        appendQuoted(text)
    }

    public mutating func value(_ number: Int) { value(Int64(number)) }

    public mutating func value(_ number: Int64) {
        startValue()
        bytes.append(contentsOf: String(number).utf8)
    }

    /// JSON has no infinities and no not-a-number; they are written as null.
    public mutating func value(_ number: Double) {
        guard number.isFinite else { return null() }
        startValue()
        bytes.append(contentsOf: String(number).utf8)
    }

    public mutating func value(_ truth: Bool) {
        startValue()
        bytes.append(contentsOf: (truth ? "true" : "false").utf8)
    }

    public mutating func value(_ instant: Instant) {
        startValue()
        bytes.append(UInt8(ascii: "\""))
        instant.appendRFC3339(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    public mutating func value<Subject>(_ id: ID<Subject>) {
        startValue()
        bytes.append(UInt8(ascii: "\""))
        id.append(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    public mutating func null() {
        startValue()
        bytes.append(contentsOf: "null".utf8)
    }

    /// A document that is already JSON, as it is.
    public mutating func raw(_ document: [UInt8]) {
        startValue()
        bytes.append(contentsOf: document)
    }

    public mutating func value(_ json: JSON) { write(json, sorted: false) }

    mutating func canonical(_ json: JSON) { write(json, sorted: true) }

    private mutating func write(_ json: JSON, sorted: Bool) {
        switch json.content {
        case .null: null()
        case .bool(let truth): value(truth)
        case .integer(let number): value(number)
        case .number(let number): value(number)
        case .string(let text): value(text)
        case .array(let elements): array(of: elements) { $0.write($1, sorted: sorted) }
        case .object(let members):
            let ordered = sorted ? members.sorted { $0.name < $1.name } : members
            object { writer in
                for member in ordered {
                    writer.name(member.name)
                    writer.write(member.value, sorted: sorted)
                }
            }
        }
    }

    private mutating func startValue() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    /// Nearly no text has anything to escape: what stands between two such bytes is copied in one go.
    private mutating func appendQuoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { text in
            var copied = 0
            for (place, byte) in text.enumerated() where JSONWriter.isEscaped(byte) {
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[copied..<place]))
                appendEscaped(byte)
                copied = place + 1
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[copied...]))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0..<0x20: bytes.append(contentsOf: [UInt8(ascii: "u"), 48, 48, hexadecimal(byte >> 4), hexadecimal(byte & 0xF)])
        default: bytes.append(byte)
        }
    }
}

// One member in one line. Nil is left out: an absent member and an unknown fact are the same thing.
extension JSONWriter {
    public mutating func member(_ name: String, _ text: String?) { if let text { self.name(name); value(text) } }
    public mutating func member(_ name: String, _ number: Int?) { if let number { self.name(name); value(number) } }
    public mutating func member(_ name: String, _ number: Int64?) { if let number { self.name(name); value(number) } }
    public mutating func member(_ name: String, _ number: Double?) { if let number { self.name(name); value(number) } }
    public mutating func member(_ name: String, _ truth: Bool?) { if let truth { self.name(name); value(truth) } }
    public mutating func member(_ name: String, _ instant: Instant?) { if let instant { self.name(name); value(instant) } }
    public mutating func member<Subject>(_ name: String, _ id: ID<Subject>?) { if let id { self.name(name); value(id) } }
    public mutating func member(_ name: String, _ day: CalendarDay?) { if let day { self.name(name); value(day.description) } }
    public mutating func member(_ name: String, _ list: [String]) {
        self.name(name)
        array(of: list) { $0.value($1) }
    }
    public mutating func member<Subject>(_ name: String, _ list: [ID<Subject>]) {
        self.name(name)
        array(of: list) { $0.value($1) }
    }
}

extension JSON {
    /// Written out as it was read.
    public var text: String {
        var writer = JSONWriter()
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
