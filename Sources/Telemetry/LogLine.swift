internal import Logging
internal import Notation

/// One line in the making.
struct LogLine {
    static let withheld = "‹withheld›"
    /// A longer value is cut. A log is read by people, and a disk has an end.
    static let longestValue = 500

    private(set) var bytes: [UInt8] = []
    private var event: Logger.MetadataValue?
    private var requestID: Logger.MetadataValue?
    private var appointmentID: Logger.MetadataValue?
    private var extra: [(name: String, key: LogKey?, value: Logger.MetadataValue)] = []

    init(at instant: Instant, level: Logger.Level) {
        bytes.reserveCapacity(512)
        append(#"{"time":""#)
        instant.appendRFC3339(to: &bytes)
        append(#"","level":""#)
        append(level.rawValue)
        append("\"")
    }

    /// Later values replace earlier ones of the same name: a call's metadata comes after its logger's.
    mutating func take(_ metadata: Logger.Metadata) {
        for (name, value) in metadata { take(name, LogKey.byName[name], value) }
    }

    mutating func take(_ key: LogKey, _ value: Logger.MetadataValue) { take(key.rawValue, key, value) }

    private mutating func take(_ name: String, _ key: LogKey?, _ value: Logger.MetadataValue) {
        switch key {
        case .event: event = value
        case .requestID: requestID = value
        case .appointmentID: appointmentID = value
        default:
            if let index = extra.firstIndex(where: { $0.name == name }) {
                extra[index].value = value
            } else {
                extra.append((name, key, value))
            }
        }
    }

    mutating func finish(message: String) {
        member("evt", event)
        member("request_id", requestID)
        member("appointment_id", appointmentID)
        append(#","message":"#)
        appendQuoted(message)
        append(#","extra":{"#)
        extra.sort { $0.name < $1.name }
        for (index, field) in extra.enumerated() {
            if index > 0 { append(",") }
            appendQuoted(field.name)
            append(":")
            appendQuoted(printable(field.value, of: field.key))
        }
        append("}}\n")
    }

    private mutating func member(_ name: StaticString, _ value: Logger.MetadataValue?) {
        append(",\"")
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        append("\":")
        if let value { appendQuoted(text(value)) } else { append("null") }
    }

    private func printable(_ value: Logger.MetadataValue, of key: LogKey?) -> String {
        switch (key?.kind, value) {
        case (.text, _): text(value)
        case (.safeError, .stringConvertible(let error as SafeError)): error.description
        case (.maskedPerson, .stringConvertible(let person as Personal<String>)): person.masked
        default: Self.withheld
        }
    }

    /// Lists and nested objects are withheld: nobody looked at the keys in them.
    private func text(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): text
        case .stringConvertible(let convertible): convertible.description
        case .array, .dictionary: Self.withheld
        }
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func appendQuoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.count > Self.longestValue {
            for byte in text.prefix(Self.longestValue).utf8 { appendEscaped(byte) }
            append("…")
        } else if isPlain(text) {
            append(text)
        } else {
            for byte in text.utf8 { appendEscaped(byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Nearly every text: copied as it is.
    private func isPlain(_ text: String) -> Bool {
        text.utf8.withContiguousStorageIfAvailable { bytes in
            bytes.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && $0 != 0x7F }
        } ?? false
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case 0x0A: append(#"\n"#)
        case 0x0D: append(#"\r"#)
        case 0x09: append(#"\t"#)
        case 0..<0x20, 0x7F: append(#"\u00"# + String(byte >> 4, radix: 16) + String(byte & 0xF, radix: 16))
        default: bytes.append(byte)
        }
    }
}
