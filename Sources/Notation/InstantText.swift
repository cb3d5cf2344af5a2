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

    public func appendRFC3339(to bytes: inout [UInt8]) {
        let seconds = secondsSince1970
        let days = seconds.flooredDivision(by: 86_400)
        CalendarDay(number: Int(days)).append(to: &bytes)
        let secondOfDay = Int(seconds - days * 86_400)
        bytes.append(UInt8(ascii: "T"))
        bytes.appendDigits(secondOfDay / 3600, width: 2)
        bytes.append(UInt8(ascii: ":"))
        bytes.appendDigits(secondOfDay / 60 % 60, width: 2)
        bytes.append(UInt8(ascii: ":"))
        bytes.appendDigits(secondOfDay % 60, width: 2)
        let fraction = Int(microseconds - seconds * 1_000_000)
        if fraction != 0 {
            bytes.append(UInt8(ascii: "."))
            bytes.appendDigits(fraction, width: 6)
        }
        bytes.append(UInt8(ascii: "Z"))
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
        let (year, month, day) = parts
        bytes.appendDigits(year, width: 4)
        bytes.append(UInt8(ascii: "-"))
        bytes.appendDigits(month, width: 2)
        bytes.append(UInt8(ascii: "-"))
        bytes.appendDigits(day, width: 2)
    }

    public init?(_ text: some StringProtocol) {
        var digits = DigitReader(text)
        guard let year = digits.number(4), digits.skip("-"), let month = digits.number(2), digits.skip("-"),
            let day = digits.number(2), digits.isAtEnd
        else { return nil }
        self.init(year: year, month: month, day: day)
    }
}

extension [UInt8] {
    mutating func appendDigits(_ value: Int, width: Int) {
        var divisor = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(48 + value / divisor % 10))
            divisor /= 10
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
