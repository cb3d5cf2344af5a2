// RFC 3339 text for instants and days, written and read without Foundation: a list of free times renders thousands of
// them a second, and the index never needs a calendar.

extension Instant: CustomStringConvertible {
    /// `2026-03-01T09:00:00Z`; with six digits of a second when there are any.
    public var description: String { String(decoding: rfc3339, as: UTF8.self) }

    public var rfc3339: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(27)
        appendRFC3339(to: &bytes)
        return bytes
    }

    /// Written into a buffer on the stack first: a list of free times has forty of these.
    public func appendRFC3339(to bytes: inout [UInt8]) {
        let seconds = secondsSince1970
        let days = seconds.flooredDivision(by: 86_400)
        let secondOfDay = Int(seconds - days * 86_400)
        let fraction = Int(microseconds - seconds * 1_000_000)
        let length = fraction == 0 ? 20 : 27
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 27) { text in
            CalendarDay(number: Int(days)).write(to: text)
            text[10] = UInt8(ascii: "T")
            text.writeDigits(secondOfDay / 3600, width: 2, at: 11)
            text[13] = UInt8(ascii: ":")
            text.writeDigits(secondOfDay / 60 % 60, width: 2, at: 14)
            text[16] = UInt8(ascii: ":")
            text.writeDigits(secondOfDay % 60, width: 2, at: 17)
            if fraction != 0 {
                text[19] = UInt8(ascii: ".")
                text.writeDigits(fraction, width: 6, at: 20)
            }
            text[length - 1] = UInt8(ascii: "Z")
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[..<length]))
        }
    }

    /// Reads RFC 3339 with seconds, an optional fraction (beyond microseconds cut off) and `Z` or a numeric offset.
    /// A time without an offset is refused: it would mean something else in every zone.
    public init?(_ text: some StringProtocol) {
        var digits = DigitReader(text)
        guard let year = digits.number(4), digits.skip("-"), let month = digits.number(2), digits.skip("-"),
            let day = digits.number(2), let date = CalendarDay(year: year, month: month, day: day),
            digits.skip("T") || digits.skip("t"),
            let hour = digits.number(2), digits.skip(":"), let minute = digits.number(2), digits.skip(":"),
            let second = digits.number(2), hour < 24, minute < 60, second < 60
        else { return nil }
        var micros = 0
        if digits.skip(".") {
            guard let fraction = digits.fraction() else { return nil }
            micros = fraction
        }
        var offsetSeconds = 0
        if !(digits.skip("Z") || digits.skip("z")) {
            let sign: Int
            if digits.skip("+") { sign = 1 } else if digits.skip("-") { sign = -1 } else { return nil }
            guard let hours = digits.number(2), digits.skip(":"), let minutes = digits.number(2), hours < 24, minutes < 60
            else { return nil }
            offsetSeconds = sign * (hours * 3600 + minutes * 60)
        }
        guard digits.isAtEnd else { return nil }
        let seconds = Int64(date.number) * 86_400 + Int64(hour * 3600 + minute * 60 + second - offsetSeconds)
        // The years 1 to 9999, also after the offset: what could not be written back is not read.
        guard (-62_135_596_800..<253_402_300_800).contains(seconds) else { return nil }
        self.init(microseconds: seconds * 1_000_000 + Int64(micros))
    }
}

extension CalendarDay: CustomStringConvertible {
    /// `2026-03-01`.
    public var description: String {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    public func append(to bytes: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 10) { text in
            write(to: text)
            bytes.append(contentsOf: UnsafeBufferPointer(text))
        }
    }

    /// Ten bytes.
    fileprivate func write(to text: UnsafeMutableBufferPointer<UInt8>) {
        let (year, month, day) = parts
        text.writeDigits(year, width: 4, at: 0)
        text[4] = UInt8(ascii: "-")
        text.writeDigits(month, width: 2, at: 5)
        text[7] = UInt8(ascii: "-")
        text.writeDigits(day, width: 2, at: 8)
    }

    public init?(_ text: some StringProtocol) {
        var digits = DigitReader(text)
        guard let year = digits.number(4), digits.skip("-"), let month = digits.number(2), digits.skip("-"),
            let day = digits.number(2), digits.isAtEnd
        else { return nil }
        self.init(year: year, month: month, day: day)
    }
}

extension UnsafeMutableBufferPointer<UInt8> {
    /// The last so many digits, with zeros in front.
    fileprivate func writeDigits(_ value: Int, width: Int, at start: Int) {
        var rest = value
        for place in stride(from: start + width - 1, through: start, by: -1) {
            self[place] = UInt8(48 + rest % 10)
            rest /= 10
        }
    }
}

struct DigitReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { position == bytes.count }

    mutating func number(_ width: Int) -> Int? {
        guard position + width <= bytes.count else { return nil }
        var value = 0
        for byte in bytes[position..<position + width] {
            guard byte >= 48, byte <= 57 else { return nil }
            value = value * 10 + Int(byte - 48)
        }
        position += width
        return value
    }

    /// Digits after a decimal point as microseconds.
    mutating func fraction() -> Int? {
        var value = 0
        var seen = 0
        while position < bytes.count, bytes[position] >= 48, bytes[position] <= 57 {
            if seen < 6 { value = value * 10 + Int(bytes[position] - 48) }
            seen += 1
            position += 1
        }
        guard seen > 0 else { return nil }
        for _ in min(seen, 6)..<6 { value *= 10 }
        return value
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }
}
