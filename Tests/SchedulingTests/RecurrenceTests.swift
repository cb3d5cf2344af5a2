import Foundation
import Notation
import Scheduling
import Testing

/// RFC 5545 §3.3.10, §3.8.5.3.
@Suite struct RecurrenceTests {
    @Test func `two thousand rules name the times that another program names, the standard's examples among them`() throws {
        let vectors = try Vector.all()
        #expect(vectors.count { $0.expected.isEmpty } < vectors.count / 10)
        #expect(vectors.count == 1983)
        for vector in vectors {
            let found = try vector.found()
            if found != vector.expected {
                Issue.record(
                    "\(vector.rule) from \(vector.start): \(found.joined(separator: " ")), not \(vector.expected.joined(separator: " "))"
                )
            }
        }
    }

    @Test func `a week without a weekday means the weekday of the start`() throws {
        #expect(
            try times("FREQ=YEARLY;BYWEEKNO=20;COUNT=3", from: "19970512T090000")
                == ["19970512T090000", "19980511T090000", "19990517T090000"])
    }

    @Test func `plain days and numbered ones stand side by side`() throws {
        #expect(
            try times("FREQ=MONTHLY;BYDAY=1MO,FR;COUNT=5", from: "20260101T090000")
                == ["20260102T090000", "20260105T090000", "20260109T090000", "20260116T090000", "20260123T090000"])
    }

    @Test func `a rule that names no day at all ends with the last day that is looked at`() throws {
        #expect(try times("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", from: "20260101T090000") == [])
        #expect(try times("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", from: "20260101T090000") == [])
    }

    @Test func `at nine stays at nine across daylight saving`() throws {
        let zone = try #require(Zone.named("Europe/Berlin"))
        let rule = try RecurrenceRule("FREQ=WEEKLY;COUNT=3")
        let instants = Array(rule.instants(from: wall("20260322T090000"), in: zone, through: at("2027-01-01T00:00:00Z")))
        #expect(instants == [at("2026-03-22T08:00:00Z"), at("2026-03-29T07:00:00Z"), at("2026-04-05T07:00:00Z")])
    }

    /// RFC 5545 §3.3.5: the offset from before the gap; of two, the first.
    @Test func `half past two is half past three in the night that has none, and the first in the night that has two`() throws {
        let zone = try #require(Zone.named("Europe/Berlin"))
        #expect(zone.instant(of: wall("20260329T023000")) == at("2026-03-29T01:30:00Z"))
        #expect(zone.wallTime(at: at("2026-03-29T01:30:00Z")) == wall("20260329T033000"))
        #expect(zone.instant(of: wall("20261025T023000")) == at("2026-10-25T00:30:00Z"))
        for hour in 0..<48 {
            let instant = at("2026-03-28T12:00:00Z") + .hours(hour)
            #expect(zone.instant(of: zone.wallTime(at: instant)) == instant)
        }
    }

    @Test func `an end in UTC is one instant wherever the clinic is`() throws {
        let rule = try RecurrenceRule("FREQ=DAILY;UNTIL=20260103T140000Z")
        let newYork = try #require(Zone.named("America/New_York"))
        let start = wall("20260101T090000")
        #expect(Array(rule.instants(from: start, in: newYork, through: at("2027-01-01T00:00:00Z"))).count == 3)
        let losAngeles = try #require(Zone.named("America/Los_Angeles"))
        #expect(Array(rule.instants(from: start, in: losAngeles, through: at("2027-01-01T00:00:00Z"))).count == 2)
    }

    @Test(arguments: try Vector.all().map(\.rule).filter { $0.utf8.count % 7 == 0 })
    func `a rule reads as it is written`(text: String) throws {
        let rule = try RecurrenceRule(text)
        #expect(try RecurrenceRule(rule.description) == rule)
    }

    @Test(arguments: [
        ("", ""), ("FREQ", "FREQ"), ("FREQ=", "FREQ"), ("FREQ=OFTEN", "FREQ"), ("INTERVAL=2", "FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ"), ("FREQ=DAILY;", ""), ("FREQ=DAILY;BYEASTER=1", "BYEASTER"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"), ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"), ("FREQ=DAILY;INTERVAL=1e3", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"), ("FREQ=DAILY;COUNT=99999999999999999999", "COUNT"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260101", "UNTIL"), ("FREQ=DAILY;UNTIL=20260230", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20260101Z", "UNTIL"), ("FREQ=DAILY;UNTIL=20260101T250000", "UNTIL"),
        ("FREQ=DAILY;UNTIL=2026-01-01", "UNTIL"), ("FREQ=DAILY;BYHOUR=24", "BYHOUR"), ("FREQ=DAILY;BYHOUR=1,,2", "BYHOUR"),
        ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY"), ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO"), ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY"), ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "BYDAY"), ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY"), ("FREQ=MONTHLY;BYDAY=MON", "BYDAY"), ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=DAILY;WKST=1MO", "WKST"), ("FREQ=DAILY;BYMONTH=٣", "BYMONTH"),
    ])
    func `what is no rule is told which part is wrong`(text: String, part: String) {
        #expect { try RecurrenceRule(text) } throws: { ($0 as? RecurrenceFault)?.part == part }
    }

    private func times(_ rule: String, from start: String) throws -> [String] {
        try Vector(start: start, rule: rule, expected: []).found()
    }
}

/// One line of `Vectors/recurrence.txt`, which `scripts/recurrence-vectors` writes.
private struct Vector {
    let start: String
    let rule: String
    let expected: [String]

    static func all() throws -> [Vector] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Vectors/recurrence.txt")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            let parts = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            return Vector(start: parts[0], rule: parts[1], expected: parts[2].split(separator: ",").map(String.init))
        }
    }

    func found() throws -> [String] {
        let through = CalendarDay(year: 2030, month: 12, day: 31)!
        return Occurrences(of: try RecurrenceRule(rule), from: wall(start), through: through).prefix(12).map(\.basicText)
    }
}

/// `20260329T023000`
private func wall(_ text: String) -> WallTime {
    let date = Int(text.prefix(8))!
    let time = Int(text.suffix(6))!
    return WallTime(
        day: CalendarDay(year: date / 10_000, month: date / 100 % 100, day: date % 100)!,
        second: time / 10_000 * 3600 + time / 100 % 100 * 60 + time % 100)
}
