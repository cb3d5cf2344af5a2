import Notation
import Scheduling
import Testing

@Suite struct OpenHoursTests {
    static let doctor = Resource(id: id(1), kind: .practitioner, name: "Dr. Weber", location: id(100))
    static let room = Resource(id: id(2), kind: .room, name: "Room 1", location: id(100), tags: ["exam"])

    static func rule(
        _ weekday: Int, _ from: Int, _ to: Int, from first: String = "2020-01-01", until last: String? = nil,
        zone: String = "Europe/Berlin"
    ) -> WorkingHours {
        WorkingHours(
            id: id(1000 + weekday * 7 + from), resource: doctor.id, weekday: weekday, fromMinute: from, toMinute: to, zone: zone,
            effectiveFrom: day(first), effectiveUntil: last.map(day))
    }

    static func directory(
        hours: [WorkingHours] = [], exceptions: [(ScheduleException.Kind, TimeRange)] = [], of resource: Resource = doctor,
        holidays: [String] = []
    ) -> Directory {
        Directory(
            locations: [Location(id: id(100), name: "Mitte", zone: "Europe/Berlin")], resources: [doctor, room], hours: hours,
            exceptions: exceptions.enumerated().map { number, exception in
                ScheduleException(id: id(2000 + number), resource: resource.id, kind: exception.0, range: exception.1)
            },
            holidays: holidays.map { Holiday(id: id(3000), location: id(100), day: day($0), name: "Holiday") })
    }

    /// Monday, 2 March 2026, is an ordinary day: Berlin is an hour ahead.
    static let monday = range("2026-03-01T23:00:00Z", "2026-03-02T23:00:00Z")
    static let nineToFive = rule(1, 540, 1020)

    @Test func `a weekly rule opens its weekday and no other`() {
        let directory = Self.directory(hours: [Self.nineToFive])
        #expect(
            directory.openRanges(of: Self.doctor, in: range("2026-02-28T00:00:00Z", "2026-03-10T00:00:00Z")) == [
                range("2026-03-02T08:00:00Z", "2026-03-02T16:00:00Z"), range("2026-03-09T08:00:00Z", "2026-03-09T16:00:00Z"),
            ])
    }

    @Test func `a rule holds from its first day to its last, both included`() {
        let directory = Self.directory(hours: [Self.rule(1, 540, 1020, from: "2026-03-02", until: "2026-03-09")])
        let open = directory.openRanges(of: Self.doctor, in: range("2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z"))
        #expect(open.map(\.from) == [at("2026-03-02T08:00:00Z"), at("2026-03-09T08:00:00Z")])
    }

    @Test func `shifts that touch or overlap are one`() {
        let directory = Self.directory(hours: [Self.rule(1, 720, 1020), Self.rule(1, 540, 720), Self.rule(1, 600, 780)])
        #expect(directory.openRanges(of: Self.doctor, in: Self.monday) == [range("2026-03-02T08:00:00Z", "2026-03-02T16:00:00Z")])
        #expect(directory.isOpen(Self.doctor, during: range("2026-03-02T08:00:00Z", "2026-03-02T16:00:00Z")))
    }

    @Test func `a night shift runs into the next day, and belongs to the day it starts`() {
        let night = Self.rule(7, 1320, 360)
        #expect(
            Self.directory(hours: [night]).openRanges(of: Self.doctor, in: Self.monday) == [
                range("2026-03-01T23:00:00Z", "2026-03-02T05:00:00Z")
            ])
        #expect(Self.directory(hours: [night], holidays: ["2026-03-02"]).openRanges(of: Self.doctor, in: Self.monday).count == 1)
        #expect(Self.directory(hours: [night], holidays: ["2026-03-01"]).openRanges(of: Self.doctor, in: Self.monday).isEmpty)
    }

    @Test func `a night shift is an hour shorter when the clocks go forward, and longer when they go back`() {
        let hours = Self.directory(hours: [Self.rule(6, 1320, 360)])
        let march = hours.openRanges(of: Self.doctor, in: range("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"))
        let october = hours.openRanges(of: Self.doctor, in: range("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"))
        #expect(march == [range("2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z")])
        #expect(october == [range("2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z")])
    }

    @Test func `a shift that lies in the hour that does not exist does not exist`() {
        #expect(
            Self.directory(hours: [Self.rule(7, 120, 180)]).openRanges(
                of: Self.doctor, in: range("2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z")
            ).isEmpty)
    }

    @Test func `a rule counts in its own zone`() {
        let directory = Self.directory(hours: [Self.rule(1, 540, 1020, zone: "America/New_York")])
        #expect(
            directory.openRanges(of: Self.doctor, in: range("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")) == [
                range("2026-03-02T14:00:00Z", "2026-03-02T22:00:00Z")
            ])
        #expect(
            Self.directory(hours: [Self.rule(1, 540, 1020, zone: "Europe/Atlantis")]).openRanges(of: Self.doctor, in: Self.monday)
                .isEmpty)
    }

    @Test func `extra opens a holiday, leave closes also that`() {
        let directory = Self.directory(
            hours: [Self.nineToFive],
            exceptions: [
                (.extra, range("2026-03-02T10:00:00Z", "2026-03-02T20:00:00Z")),
                (.leave, range("2026-03-02T12:00:00Z", "2026-03-02T12:00:00.000001Z")),
            ],
            holidays: ["2026-03-02"])
        #expect(
            directory.openRanges(of: Self.doctor, in: Self.monday) == [
                range("2026-03-02T10:00:00Z", "2026-03-02T12:00:00Z"),
                range("2026-03-02T12:00:00.000001Z", "2026-03-02T20:00:00Z"),
            ])
        #expect(!directory.isOpen(Self.doctor, during: range("2026-03-02T11:00:00Z", "2026-03-02T13:00:00Z")))
        #expect(directory.isOpen(Self.doctor, during: range("2026-03-02T11:00:00Z", "2026-03-02T12:00:00Z")))
    }

    @Test func `a room without hours is always open but for holidays, leave and blocks`() {
        let directory = Self.directory(
            exceptions: [(.blocked, range("2026-03-03T10:00:00Z", "2026-03-03T11:00:00Z"))], of: Self.room,
            holidays: ["2026-03-02"])
        #expect(
            directory.openRanges(of: Self.room, in: range("2026-03-01T00:00:00Z", "2026-03-04T00:00:00Z")) == [
                range("2026-03-01T00:00:00Z", "2026-03-01T23:00:00Z"), range("2026-03-02T23:00:00Z", "2026-03-03T10:00:00Z"),
                range("2026-03-03T11:00:00Z", "2026-03-04T00:00:00Z"),
            ])
        #expect(directory.openRanges(of: Self.doctor, in: Self.monday).isEmpty)
    }

    @Test func `the reasons for being closed come in order of precedence`() {
        let directory = Self.directory(
            hours: [Self.nineToFive, Self.rule(2, 540, 1020)],
            exceptions: [(.leave, range("2026-03-03T10:00:00Z", "2026-03-03T18:00:00Z"))],
            holidays: ["2026-03-02"])
        func reasons(_ from: String, _ to: String) -> [Refusal] { directory.reasonsClosed(Self.doctor, during: range(from, to)) }
        #expect(reasons("2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z") == [.holiday])
        #expect(reasons("2026-03-02T07:30:00Z", "2026-03-02T08:30:00Z") == [.holiday, .outsideWorkingHours])
        #expect(reasons("2026-03-02T05:00:00Z", "2026-03-02T06:00:00Z") == [.outsideWorkingHours])
        #expect(reasons("2026-03-03T09:30:00Z", "2026-03-03T10:30:00Z") == [.practitionerAway])
        #expect(reasons("2026-03-03T15:30:00Z", "2026-03-03T16:30:00Z") == [.practitionerAway, .outsideWorkingHours])
        #expect(reasons("2026-03-03T09:00:00Z", "2026-03-03T10:00:00Z").isEmpty)
    }
}
