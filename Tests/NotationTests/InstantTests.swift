import Notation
import Testing

@Suite struct InstantTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.000001Z", 1), ("1969-12-31T23:59:59.999999Z", -1),
            ("1969-12-31T23:59:59Z", -1_000_000), ("2026-03-01T09:00:00Z", 1_772_355_600_000_000),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000), ("1900-03-01T00:00:00Z", -2_203_891_200_000_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999), ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ] as [(String, Int64)])
    func `an instant is written as it is read`(text: String, microseconds: Int64) throws {
        let instant = try #require(Instant(text))
        #expect(instant.microseconds == microseconds)
        #expect(instant.description == text)
    }

    @Test(arguments: [
        ("2026-03-01T10:00:00+01:00", "2026-03-01T09:00:00Z"), ("2026-02-28T23:30:00-09:30", "2026-03-01T09:00:00Z"),
        ("2026-03-01t09:00:00z", "2026-03-01T09:00:00Z"), ("2026-03-01T09:00:00.5Z", "2026-03-01T09:00:00.500000Z"),
        ("2026-03-01T09:00:00.000000Z", "2026-03-01T09:00:00Z"),
        ("2026-03-01T09:00:00.1234567899Z", "2026-03-01T09:00:00.123456Z"),
        ("1969-12-31T23:59:59.25-00:00", "1969-12-31T23:59:59.250000Z"), ("2026-03-01T09:00:00-00:00", "2026-03-01T09:00:00Z"),
    ])
    func `offsets and fractions become UTC and microseconds`(text: String, expected: String) {
        #expect(Instant(text)?.description == expected)
    }

    @Test(arguments: [
        "", "2026-03-01", "2026-03-01T09:00:00", "2026-03-01 09:00:00Z", "2026-03-01T09:00Z", "2026-03-01T24:00:00Z",
        "2026-03-01T09:60:00Z",
        "2026-12-31T23:59:60Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-03-01T09:00:00.Z",
        "2026-03-01T09:00:00+1:00", "2026-03-01T09:00:00+24:00", "2026-03-01T09:00:00+01:60", "2026-03-01T09:00:00+0100",
        "2026-03-01T09:00:00ZZ", " 2026-03-01T09:00:00Z", "2026-3-1T09:00:00Z", "+2026-03-01T09:00:00Z", "٢٠٢٦-03-01T09:00:00Z",
    ])
    func `a time that could mean two things, or nothing, is refused`(text: String) { #expect(Instant(text) == nil) }

    @Test func `whole seconds are rounded down, also before 1970`() {
        #expect(Instant(microseconds: -1).secondsSince1970 == -1)
        #expect(Instant(microseconds: -1_000_000).secondsSince1970 == -1)
        #expect(Instant(microseconds: 1_999_999).secondsSince1970 == 1)
    }

    @Test func `spans add, subtract and compare`() {
        let noon = Instant("2026-03-01T12:00:00Z")!
        #expect(noon + .hours(24) == noon + .days(1) && noon - .minutes(90) == Instant("2026-03-01T10:30:00Z"))
        #expect((noon + .seconds(3)) - noon == .milliseconds(3000) && .seconds(2) * 30 == .minutes(1))
        #expect(
            Span.minutes(1).seconds == 60 && Span.milliseconds(1).duration == .milliseconds(1) && Span.zero < .milliseconds(1))
    }
}

@Suite struct CalendarDayTests {
    @Test(arguments: [
        ("1970-01-01", 0, 4), ("1969-12-31", -1, 3), ("2000-02-29", 11016, 2), ("2024-02-29", 19782, 4),
        ("1900-02-28", -25509, 3),
        ("1900-03-01", -25508, 4), ("2026-03-01", 20513, 7), ("0001-01-01", -719162, 1), ("9999-12-31", 2_932_896, 5),
    ])
    func `a day has its number and its weekday`(text: String, number: Int, weekday: Int) throws {
        let day = try #require(CalendarDay(text))
        #expect(day.number == number && day.weekday == weekday && day.description == text)
    }

    @Test(arguments: [
        "2025-02-29", "1900-02-29", "2100-02-29", "2026-04-31", "2026-00-10", "2026-01-00", "2026-1-1", "2026-01-01x",
        "0000-01-01", "",
    ])
    func `a day that does not exist is refused`(text: String) { #expect(CalendarDay(text) == nil) }

    /// Counts every day of twelve hundred years on the fingers.
    @Test func `days follow each other without a hole`() {
        var (year, month, day) = (1600, 1, 1)
        var number = CalendarDay(year: year, month: month, day: day)!.number
        while year < 2800 {
            let today = CalendarDay(number: number)
            guard today.parts == (year, month, day), CalendarDay(year: year, month: month, day: day) == today else {
                Issue.record("\(year)-\(month)-\(day) is not \(today)")
                return
            }
            number += 1
            day += 1
            if CalendarDay(year: year, month: month, day: day) == nil { (month, day) = (month + 1, 1) }
            if month == 13 { (year, month) = (year + 1, 1) }
        }
    }
}
