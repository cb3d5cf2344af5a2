public import Notation

extension RecurrenceRule: CustomStringConvertible {
    /// Reads a rule as it stands after `RRULE:`. Throws what is wrong with the first part that is.
    public init(_ text: String) throws(RecurrenceFault) {
        var parts: [String: String] = [:]
        for piece in text.split(separator: ";", omittingEmptySubsequences: false) {
            let halves = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = halves[0].uppercased()
            guard halves.count == 2, !halves[1].isEmpty else {
                throw RecurrenceFault(part: String(name.prefix(20)), reason: "has no value")
            }
            guard parts.updateValue(halves[1].uppercased(), forKey: name) == nil else {
                throw RecurrenceFault(part: String(name.prefix(20)), reason: "stands twice")
            }
        }
        guard let frequency = parts.removeValue(forKey: "FREQ") else { throw RecurrenceFault(part: "FREQ", reason: "is missing") }
        guard let known = Frequency(rawValue: frequency) else {
            throw RecurrenceFault(part: "FREQ", reason: "is one of \(Frequency.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.init(known)
        // In a fixed order, so that the same text always has the same fault.
        for name in parts.keys.sorted() { try take(name, parts[name]!) }
        if parts["COUNT"] != nil && parts["UNTIL"] != nil {
            throw RecurrenceFault(part: "UNTIL", reason: "does not go with COUNT")
        }
        try check()
    }

    private mutating func take(_ name: String, _ value: String) throws(RecurrenceFault) {
        switch name {
        case "INTERVAL": interval = try number(value, 1...1_000_000, name)
        case "COUNT": end = .count(try number(value, 1...1_000_000, name))
        case "UNTIL": end = try RecurrenceRule.end(value)
        case "BYSECOND": seconds = try numbers(value, 0...60, name)
        case "BYMINUTE": minutes = try numbers(value, 0...59, name)
        case "BYHOUR": hours = try numbers(value, 0...23, name)
        case "BYMONTHDAY": monthDays = try numbers(value, -31...31, name)
        case "BYYEARDAY": yearDays = try numbers(value, -366...366, name)
        case "BYWEEKNO": weekNumbers = try numbers(value, -53...53, name)
        case "BYMONTH": months = try numbers(value, 1...12, name)
        case "BYSETPOS": positions = try numbers(value, -366...366, name)
        case "WKST": weekStart = try RecurrenceRule.weekday(Substring(value), name).day
        case "BYDAY":
            weekdays = []
            for item in value.split(separator: ",", omittingEmptySubsequences: false) {
                weekdays.append(try RecurrenceRule.weekday(item, name))
            }
        default: throw RecurrenceFault(part: String(name.prefix(20)), reason: "is no part of a rule")
        }
    }

    /// What the parts must not say together (the table of §3.3.10).
    private func check() throws(RecurrenceFault) {
        func refuse(_ part: String, _ reason: String) throws(RecurrenceFault) {
            throw RecurrenceFault(part: part, reason: reason)
        }
        if !weekNumbers.isEmpty && frequency != .yearly { try refuse("BYWEEKNO", "goes with FREQ=YEARLY only") }
        if !yearDays.isEmpty && [.monthly, .weekly, .daily].contains(frequency) {
            try refuse("BYYEARDAY", "does not go with FREQ=\(frequency.rawValue)")
        }
        if !monthDays.isEmpty && frequency == .weekly { try refuse("BYMONTHDAY", "does not go with FREQ=WEEKLY") }
        if weekdays.contains(where: { $0.number != nil }) {
            if frequency != .yearly && frequency != .monthly {
                try refuse("BYDAY", "has numbers with FREQ=MONTHLY and YEARLY only")
            }
            if !weekNumbers.isEmpty { try refuse("BYDAY", "has no numbers beside BYWEEKNO") }
        }
        let others = [seconds, minutes, hours, monthDays, yearDays, weekNumbers, months]
        if !positions.isEmpty && weekdays.isEmpty && others.allSatisfy(\.isEmpty) {
            try refuse("BYSETPOS", "needs another part that starts with BY")
        }
    }

    private func number(_ text: String, _ range: ClosedRange<Int>, _ part: String) throws(RecurrenceFault) -> Int {
        guard let number = plainNumber(Substring(text)), range.contains(number) else {
            throw RecurrenceFault(part: part, reason: "is a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private func numbers(_ text: String, _ range: ClosedRange<Int>, _ part: String) throws(RecurrenceFault) -> [Int] {
        var numbers: [Int] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = plainNumber(item), range.contains(number), number != 0 || range.lowerBound == 0 else {
                throw RecurrenceFault(
                    part: part,
                    reason:
                        "is a list of numbers from \(range.lowerBound) to \(range.upperBound)\(range.lowerBound < 0 ? ", but 0" : "")"
                )
            }
            numbers.append(number)
        }
        return Set(numbers).sorted()
    }

    private static func weekday(_ text: Substring, _ part: String) throws(RecurrenceFault) -> Weekday {
        guard let day = weekdayNames.firstIndex(of: String(text.suffix(2))) else {
            throw RecurrenceFault(part: part, reason: "names days as MO, TU, WE, TH, FR, SA and SU")
        }
        guard text.count > 2 else { return Weekday(day + 1) }
        guard part == "BYDAY", let number = plainNumber(text.dropLast(2)), (1...53).contains(abs(number)) else {
            throw RecurrenceFault(part: part, reason: "has a number from 1 to 53 or -1 to -53 before a day, or none")
        }
        return Weekday(day + 1, number: number)
    }

    /// `20271224`, `20271224T090000`, `20271224T080000Z`.
    private static func end(_ text: String) throws(RecurrenceFault) -> End {
        let wrong = RecurrenceFault(part: "UNTIL", reason: "is a day (20271224) or a time (20271224T090000, with a Z for UTC)")
        let isUTC = text.hasSuffix("Z")
        let halves = (isUTC ? text.dropLast() : text[...]).split(separator: "T", omittingEmptySubsequences: false)
        guard (1...2).contains(halves.count), let date = digits(halves[0], 8),
            let day = CalendarDay(year: date / 10_000, month: date / 100 % 100, day: date % 100)
        else { throw wrong }
        guard halves.count == 2 else {
            if isUTC { throw wrong }
            return .until(WallTime(day: day, second: 86_399))
        }
        guard let time = digits(halves[1], 6), time / 10_000 < 24, time / 100 % 100 < 60, time % 100 < 60 else { throw wrong }
        let wall = WallTime(day: day, second: time / 10_000 * 3600 + time / 100 % 100 * 60 + time % 100)
        return isUTC ? .untilInstant(Zone.utc.instant(of: wall)) : .until(wall)
    }

    /// The rule in one form: parts in a fixed order, what is the default left out.
    public var description: String {
        var parts = ["FREQ=\(frequency.rawValue)"]
        if interval != 1 { parts.append("INTERVAL=\(interval)") }
        let lists = [
            ("BYMONTH", months), ("BYWEEKNO", weekNumbers), ("BYYEARDAY", yearDays), ("BYMONTHDAY", monthDays),
        ]
        for (name, list) in lists where !list.isEmpty { parts.append("\(name)=\(text(list))") }
        if !weekdays.isEmpty {
            let days = weekdays.map { "\($0.number.map(String.init) ?? "")\(weekdayNames[$0.day - 1])" }
            parts.append("BYDAY=\(days.joined(separator: ","))")
        }
        for (name, list) in [("BYHOUR", hours), ("BYMINUTE", minutes), ("BYSECOND", seconds), ("BYSETPOS", positions)]
        where !list.isEmpty { parts.append("\(name)=\(text(list))") }
        if weekStart != 1 { parts.append("WKST=\(weekdayNames[weekStart - 1])") }
        switch end {
        case .never: break
        case .count(let count): parts.append("COUNT=\(count)")
        case .until(let wall): parts.append("UNTIL=\(wall.basicText)")
        case .untilInstant(let instant): parts.append("UNTIL=\(Zone.utc.wallTime(at: instant).basicText)Z")
        }
        return parts.joined(separator: ";")
    }

    private func text(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: ",") }
}

private let weekdayNames = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]

/// `-7`, `+7`, `07`; nothing else that `Int` would take.
private func plainNumber(_ text: Substring) -> Int? {
    let unsigned = text.first.map { "+-".contains($0) } == true ? text.dropFirst() : text
    guard (1...7).contains(unsigned.utf8.count), unsigned.utf8.allSatisfy(isDigit), let number = Int(unsigned) else {
        return nil
    }
    return text.first == "-" ? -number : number
}

private func digits(_ text: Substring, _ count: Int) -> Int? {
    text.utf8.count == count && text.utf8.allSatisfy(isDigit) ? Int(text) : nil
}

extension WallTime {
    /// `20271224T090000` (RFC 5545 §3.3.5).
    public var basicText: String {
        let parts = day.parts
        let date = parts.year * 10_000 + parts.month * 100 + parts.day
        let time = second / 3600 * 10_000 + second / 60 % 60 * 100 + second % 60
        return "\(padded(date, to: 8))T\(padded(time, to: 6))"
    }
}

private func padded(_ number: Int, to length: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, length - digits.count)) + digits
}

private func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
