/// What AMQP is made of (0-9-1 §4.2.5), read with every length looked at first.
struct AMQPReader: Sendable {
    /// There are fewer bytes than one of them says.
    struct Cut: Error {}

    private var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count <= bytes.count else { throw Cut() }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count)
    }

    private mutating func number(_ count: Int) throws -> UInt64 { try take(count).reduce(0) { $0 << 8 | UInt64($1) } }

    mutating func octet() throws -> UInt8 { UInt8(truncatingIfNeeded: try number(1)) }
    mutating func short() throws -> UInt16 { UInt16(truncatingIfNeeded: try number(2)) }
    mutating func long() throws -> UInt32 { UInt32(truncatingIfNeeded: try number(4)) }
    mutating func longlong() throws -> UInt64 { try number(8) }

    mutating func shortText() throws -> String { String(decoding: try take(Int(try octet())), as: UTF8.self) }
    mutating func longBytes() throws -> ArraySlice<UInt8> { try take(Int(try long())) }
    /// Nothing here depends on what a table says.
    mutating func passTable() throws { _ = try longBytes() }
}

struct AMQPWriter: Sendable {
    enum Value: Sendable {
        case text(String)
        case isSo(Bool)
        case table([(String, Value)])
    }

    private(set) var bytes: [UInt8] = []

    private mutating func number(_ value: UInt64, _ count: Int) {
        for place in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(place)))) }
    }

    mutating func octet(_ value: UInt8) { bytes.append(value) }
    mutating func short(_ value: UInt16) { number(UInt64(value), 2) }
    mutating func long(_ value: UInt32) { number(UInt64(value), 4) }
    mutating func longlong(_ value: UInt64) { number(value, 8) }

    /// To 255 bytes; what is longer is cut off.
    mutating func shortText(_ text: String) {
        let cut = text.utf8.prefix(255)
        octet(UInt8(cut.count))
        bytes += cut
    }

    mutating func longText(_ text: String) {
        long(UInt32(text.utf8.count))
        bytes += text.utf8
    }

    mutating func table(_ members: [(String, Value)]) {
        var inner = AMQPWriter()
        for (name, value) in members {
            inner.shortText(name)
            switch value {
            case .text(let text):
                inner.octet(UInt8(ascii: "S"))
                inner.longText(text)
            case .isSo(let isSo):
                inner.octet(UInt8(ascii: "t"))
                inner.octet(isSo ? 1 : 0)
            case .table(let members):
                inner.octet(UInt8(ascii: "F"))
                inner.table(members)
            }
        }
        long(UInt32(inner.bytes.count))
        bytes += inner.bytes
    }
}

/// A frame: what it is, which channel it is of, and what is in it (§4.2.3).
struct AMQPFrame: Sendable, Equatable {
    static let method: UInt8 = 1
    static let header: UInt8 = 2
    static let body: UInt8 = 3
    static let heartbeat: UInt8 = 8
    private static let end: UInt8 = 0xCE

    /// With what is around the payload: type, channel, size and end. What is told to clients, and kept to.
    static let largest = 131_072
    static let around = 8

    var type: UInt8
    var channel: UInt16
    var payload: ArraySlice<UInt8>

    var bytes: [UInt8] {
        var writer = AMQPWriter()
        writer.octet(type)
        writer.short(channel)
        writer.long(UInt32(payload.count))
        return writer.bytes + payload + [Self.end]
    }

    static let heart = AMQPFrame(type: heartbeat, channel: 0, payload: [])

    /// What came, cut into frames.
    struct Cutter: Sendable {
        struct Malformed: Error {}

        private var bytes: [UInt8] = []

        mutating func add(_ more: some Collection<UInt8>) { bytes += more }

        /// So many bytes from the front; nil when they have not come.
        mutating func take(_ count: Int) -> [UInt8]? {
            guard bytes.count >= count else { return nil }
            defer { bytes.removeFirst(count) }
            return Array(bytes.prefix(count))
        }

        /// The next frame; nil when it has not come whole. Throws when it is none, or larger than was agreed.
        mutating func next() throws -> AMQPFrame? {
            guard bytes.count >= 7 else { return nil }
            var reader = AMQPReader(bytes.prefix(7))
            let (type, channel, size) = (try reader.octet(), try reader.short(), Int(try reader.long()))
            guard size <= AMQPFrame.largest - AMQPFrame.around else { throw Malformed() }
            guard bytes.count >= size + AMQPFrame.around else { return nil }
            guard bytes[size + 7] == AMQPFrame.end else { throw Malformed() }
            let payload = Array(bytes[7..<(size + 7)])
            bytes.removeFirst(size + AMQPFrame.around)
            return AMQPFrame(type: type, channel: channel, payload: payload[...])
        }
    }
}
