import Notation

/// A time as mail has it: `Mon, 02 Mar 2026 09:00:00 +0000` (RFC 5322 §3.3).
enum MailTime {
    private static let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func text(_ seconds: Int64) -> String {
        let day = CalendarDay(number: Int(seconds / 86_400))
        let (year, month, number) = day.parts
        let time = Instant(secondsSince1970: seconds).description.dropFirst(11).prefix(8)
        return "\(days[day.weekday - 1]), \(number < 10 ? "0" : "")\(number) \(months[month - 1]) \(year) \(time) +0000"
    }
}
