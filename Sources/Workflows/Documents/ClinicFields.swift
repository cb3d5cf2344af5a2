import Notation
import Scheduling

// The kinds of field a clinic's documents have beyond plain text and numbers.

public enum Weekday: String, CaseIterable, Sendable {
    case monday, tuesday, wednesday, thursday, friday, saturday, sunday

    /// 1 is Monday (ISO 8601).
    var number: Int { Weekday.allCases.firstIndex(of: self)! + 1 }

    init?(number: Int) {
        guard (1...7).contains(number) else { return nil }
        self = Weekday.allCases[number - 1]
    }
}

extension Fields {
    /// A whole number of minutes on the five-minute grid of the calendar.
    func minutes(_ name: String, in range: ClosedRange<Int>) -> Int {
        let minutes = integer(name, in: range)
        if minutes % 5 != 0 { reject(name, "must be a multiple of 5 minutes") }
        return minutes
    }

    func optionalMinutes(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let minutes = optionalInteger(name, in: range) else { return nil }
        if minutes % 5 != 0 { reject(name, "must be a multiple of 5 minutes") }
        return minutes
    }

    func zone(_ name: String) -> String {
        let zone = text(name, max: 64)
        if !zone.isEmpty, Zone.named(zone) == nil { reject(name, "is not an IANA time zone such as Europe/Berlin") }
        return zone
    }

    /// Empty when the member is absent or null.
    func optionalIDs<Subject>(_ name: String, count: ClosedRange<Int>) -> [ID<Subject>] {
        guard has(name) else {
            _ = optionalText(name)
            return []
        }
        return ids(name, count: count)
    }

    /// The name of another calendar.
    func calendar(_ name: String) -> String? {
        guard let text = optionalText(name, max: 64) else { return nil }
        if !ExternalConfirmation.isName(text) { reject(name, "must be 1 to 64 letters, digits and -_.") }
        return text
    }

    func optionalZone(_ name: String) -> String? { has(name) ? zone(name) : optionalText(name) }

    /// `09:30` as minutes since midnight, on the five-minute grid; `24:00` where the range allows it.
    func wallTime(_ name: String, in range: ClosedRange<Int>) -> Int {
        let text = text(name, max: 5)
        guard !text.isEmpty else { return range.lowerBound }
        let digits = Array(text.utf8)
        guard digits.count == 5, digits[2] == UInt8(ascii: ":"), digits[0] >= 48, digits[3] >= 48, let hour = Int(text.prefix(2)),
            let minute = Int(text.suffix(2)),
            minute < 60, range.contains(hour * 60 + minute), minute % 5 == 0
        else {
            reject(name, "must be a time of day on a five-minute step, such as 09:30")
            return range.lowerBound
        }
        return hour * 60 + minute
    }
}

func wallTimeText(_ minute: Int) -> String {
    let hour = String(minute / 60)
    let rest = String(minute % 60)
    return (hour.count < 2 ? "0" : "") + hour + ":" + (rest.count < 2 ? "0" : "") + rest
}
