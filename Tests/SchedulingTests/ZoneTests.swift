import Notation
import Scheduling
import Testing

@Suite struct ZoneTests {
    /// A wall time and the instant it stands for, at changes of the clock that took place or are decided.
    @Test(
        arguments: [
            // New York, 8 March 2026: 02:00 becomes 03:00.
            ("America/New_York", "2026-03-08", 119, "2026-03-08T06:59:00Z"),
            ("America/New_York", "2026-03-08", 120, "2026-03-08T07:00:00Z"),
            ("America/New_York", "2026-03-08", 150, "2026-03-08T07:00:00Z"),
            ("America/New_York", "2026-03-08", 180, "2026-03-08T07:00:00Z"),
            ("America/New_York", "2026-03-08", 181, "2026-03-08T07:01:00Z"),
            // New York, 1 November 2026: 02:00 becomes 01:00 again.
            ("America/New_York", "2026-11-01", 60, "2026-11-01T05:00:00Z"),
            ("America/New_York", "2026-11-01", 119, "2026-11-01T05:59:00Z"),
            ("America/New_York", "2026-11-01", 120, "2026-11-01T07:00:00Z"),
            // Berlin, 29 March and 25 October 2026.
            ("Europe/Berlin", "2026-03-29", 120, "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29", 179, "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29", 540, "2026-03-29T07:00:00Z"),
            ("Europe/Berlin", "2026-10-25", 120, "2026-10-25T00:00:00Z"),
            ("Europe/Berlin", "2026-10-25", 180, "2026-10-25T02:00:00Z"),
            // São Paulo, 4 November 2018: midnight did not exist. A year later there was no change any more.
            ("America/Sao_Paulo", "2018-11-04", 0, "2018-11-04T03:00:00Z"),
            ("America/Sao_Paulo", "2018-11-04", 60, "2018-11-04T03:00:00Z"),
            ("America/Sao_Paulo", "2018-11-04", 90, "2018-11-04T03:30:00Z"),
            ("America/Sao_Paulo", "2019-11-03", 0, "2019-11-03T03:00:00Z"),
            ("America/Sao_Paulo", "2026-11-01", 0, "2026-11-01T03:00:00Z"),
            // Lord Howe moves by half an hour.
            ("Australia/Lord_Howe", "2026-10-04", 120, "2026-10-03T15:30:00Z"),
            ("Australia/Lord_Howe", "2026-10-04", 149, "2026-10-03T15:30:00Z"),
            ("Australia/Lord_Howe", "2026-10-04", 150, "2026-10-03T15:30:00Z"),
            ("Australia/Lord_Howe", "2026-04-05", 90, "2026-04-04T14:30:00Z"),
            ("Australia/Lord_Howe", "2026-04-05", 120, "2026-04-04T15:30:00Z"),
            // The ends of the earth, and quarters of an hour.
            ("Pacific/Kiritimati", "2026-06-01", 0, "2026-05-31T10:00:00Z"),
            ("Pacific/Chatham", "2026-06-01", 0, "2026-05-31T11:15:00Z"),
            ("Pacific/Chatham", "2026-01-01", 0, "2025-12-31T10:15:00Z"),
            ("Asia/Kathmandu", "2026-06-01", 0, "2026-05-31T18:15:00Z"),
            // The next day's small hours, as a night shift counts them.
            ("Europe/Berlin", "2026-03-28", 1440, "2026-03-28T23:00:00Z"),
            ("Europe/Berlin", "2026-03-28", 1440 + 150, "2026-03-29T01:00:00Z"),
        ] as [(String, String, Int, String)])
    func `a wall time is the instant the rule says`(zone: String, date: String, minute: Int, expected: String) throws {
        #expect(try #require(Zone.named(zone)).instant(of: day(date), minute: minute) == at(expected))
    }

    @Test(arguments: [
        ("America/New_York", "2026-03-08T06:59:59Z", -18000), ("America/New_York", "2026-03-08T07:00:00Z", -14400),
        ("Europe/Berlin", "2026-10-25T00:59:59Z", 7200), ("Europe/Berlin", "2026-10-25T01:00:00Z", 3600),
        ("Australia/Lord_Howe", "2026-07-01T00:00:00Z", 37800), ("Australia/Lord_Howe", "2026-12-01T00:00:00Z", 39600),
        ("Pacific/Kiritimati", "2026-07-01T00:00:00Z", 50400), ("Asia/Kathmandu", "2026-07-01T00:00:00Z", 20700),
        ("Pacific/Chatham", "2026-07-01T00:00:00Z", 45900), ("Pacific/Chatham", "2026-01-01T00:00:00Z", 49500),
        ("America/Sao_Paulo", "2018-12-01T00:00:00Z", -7200), ("America/Sao_Paulo", "2019-12-01T00:00:00Z", -10800),
        ("Europe/Berlin", "2079-07-01T00:00:00Z", 7200), ("Europe/Berlin", "1970-01-01T00:00:00Z", 3600),
    ])
    func `the offset is what the zone's clocks show`(zone: String, instant: String, seconds: Int) throws {
        #expect(try #require(Zone.named(zone)).offset(at: at(instant)) == seconds)
    }

    @Test(arguments: [
        ("Europe/Berlin", "2026-03-29", 23), ("Europe/Berlin", "2026-10-25", 25), ("Europe/Berlin", "2026-06-01", 24),
        ("America/Sao_Paulo", "2018-11-04", 23), ("America/Sao_Paulo", "2018-02-17", 25), ("America/Sao_Paulo", "2019-11-03", 24),
        ("Pacific/Apia", "2011-12-30", 0), ("Pacific/Apia", "2011-12-31", 24),
    ])
    func `a day has as many hours as its people live`(zone: String, date: String, hours: Int) throws {
        let range = try #require(Zone.named(zone)).dayRange(day(date))
        #expect(range.to - range.from == .hours(hours))
    }

    @Test func `day and minute are what the wall clock shows, before and after a change`() throws {
        let berlin = try #require(Zone.named("Europe/Berlin"))
        #expect(berlin.day(at: at("2026-03-28T22:59:59.999999Z")) == day("2026-03-28"))
        #expect(berlin.day(at: at("2026-03-28T23:00:00Z")) == day("2026-03-29"))
        #expect(berlin.minuteOfDay(at: at("2026-03-29T00:59:59Z")) == 119)
        #expect(berlin.minuteOfDay(at: at("2026-03-29T01:00:00Z")) == 180)
        #expect(berlin.minuteOfDay(at: at("1969-12-31T23:30:00Z")) == 30)
        #expect(berlin.day(at: at("1969-12-31T23:30:00Z")) == day("1970-01-01"))
    }

    @Test(arguments: [
        "", "Europe/Atlantis", "europe/berlin", "GMT+5", "CEST", "../../etc/passwd", String(repeating: "x", count: 10_000),
    ])
    func `an unknown zone is nil`(name: String) { #expect(Zone.named(name) == nil) }

    @Test(arguments: ["UTC", "GMT", "Etc/UTC", "US/Eastern", "Asia/Calcutta", "Europe/Berlin"])
    func `a known zone is read once`(name: String) throws {
        #expect(try #require(Zone.named(name)) === Zone.named(name))
    }

    /// Every wall time of a day falls on the day or on its end, and later times never come earlier.
    @Test(arguments: RandomClinic.zones, RandomClinic.nights)
    func `wall times ascend through a change of the clock`(name: String, night: String) throws {
        let zone = try #require(Zone.named(name))
        let range = zone.dayRange(day(night))
        let instants = (0...1440).map { zone.instant(of: day(night), minute: $0) }
        #expect(instants == instants.sorted())
        #expect(instants.allSatisfy { range.from <= $0 && $0 <= range.to })
        for instant in instants.dropLast() where instant < range.to { #expect(zone.day(at: instant) == day(night)) }
    }
}
