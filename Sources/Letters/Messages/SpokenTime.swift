public import Notation

/// Day and time as a clock on the patient's wall shows them, in words.
public struct SpokenTime: Sendable, Equatable {
    public let day: CalendarDay
    /// Since midnight.
    public let minute: Int

    public init(day: CalendarDay, minute: Int) {
        self.day = day
        self.minute = minute
    }

    /// `Tuesday 3 March 2026`
    public func day(in language: WrittenLanguage) -> String {
        let (year, month, number) = day.parts
        let words = CalendarWords(language)
        let (weekday, monthName) = (words.weekdays[day.weekday - 1], words.months[month - 1])
        return switch language {
        case .english: "\(weekday) \(number) \(monthName) \(year)"
        case .german: "\(weekday), \(number). \(monthName) \(year)"
        case .french: "\(weekday) \(number == 1 ? "1er" : "\(number)") \(monthName) \(year)"
        }
    }

    /// `09:30`
    public var time: String {
        let (hour, rest) = (minute / 60, minute % 60)
        return (hour < 10 ? "0" : "") + "\(hour):" + (rest < 10 ? "0" : "") + "\(rest)"
    }
}

private struct CalendarWords {
    let weekdays: [String]
    let months: [String]

    init(_ language: WrittenLanguage) {
        func list(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
        switch language {
        case .english:
            weekdays = list("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
            months = list("January February March April May June July August September October November December")
        case .german:
            weekdays = list("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag")
            months = list("Januar Februar März April Mai Juni Juli August September Oktober November Dezember")
        case .french:
            weekdays = list("lundi mardi mercredi jeudi vendredi samedi dimanche")
            months = list("janvier février mars avril mai juin juillet août septembre octobre novembre décembre")
        }
    }
}
