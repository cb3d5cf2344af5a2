import Notation
import Scheduling
import TestKit

/// A small clinic nobody would design: every rule it may have, at the worst time of the year.
struct RandomClinic {
    struct Booked {
        var id: ID<Appointment>
        var practitioner: ID<Resource>
        var start: Instant
        var claims: [Claim]
    }

    /// Around changes of the clock in the zones below, and a leap day.
    static let nights = [
        "2026-03-06", "2026-03-27", "2026-04-03", "2026-10-02", "2026-10-23", "2026-10-30", "2018-11-02", "2018-02-15",
        "2028-02-27",
        "2026-09-25", "2019-11-01",
    ]
    static let zones = [
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Chatham",
        "Pacific/Kiritimati", "America/St_Johns", "UTC",
    ]

    private(set) var chance: Chance
    let now: Instant
    private(set) var locations: [Location] = []
    private(set) var resources: [Resource] = []
    private(set) var visitTypes: [VisitType] = []
    private(set) var hours: [WorkingHours] = []
    private(set) var exceptions: [ScheduleException] = []
    private(set) var holidays: [Holiday] = []
    private(set) var booked: [Booked] = []

    init(seed: Int) {
        chance = Chance(seed: seed)
        let night = Zone.utc.instant(of: day(chance.one(of: Self.nights)), minute: 0)
        now = night + .minutes(chance.number(0...1440)) + Span(microseconds: Int64(chance.number(0...2)) * 17_000_001)
        addLocations()
        addResources()
        addVisitTypes()
        for resource in resources { addWeek(of: resource) }
        addHolidays()
        for _ in 0..<chance.one(of: [0, 5, 15, 40]) { book() }
    }

    var directory: Directory {
        Directory(
            locations: locations, resources: resources, visitTypes: visitTypes, hours: hours, exceptions: exceptions,
            holidays: holidays)
    }

    /// The clinic before somebody changed a few of its rules.
    mutating func earlierDirectory() -> Directory {
        var earlier = self
        earlier.hours.removeAll { _ in chance.happens(oneIn: 4) }
        earlier.exceptions.removeAll { _ in chance.happens(oneIn: 3) }
        earlier.holidays.removeAll { _ in chance.happens(oneIn: 3) }
        earlier.resources.removeAll { _ in chance.happens(oneIn: 5) }
        for index in earlier.resources.indices where chance.happens(oneIn: 4) { earlier.resources[index].lanesOffered = 1 }
        return earlier.directory
    }

    private mutating func addLocations() {
        for number in 0..<chance.number(1...2) {
            locations.append(Location(id: id(100 + number), name: "House \(number)", zone: chance.one(of: Self.zones)))
        }
    }

    private mutating func addResources() {
        for number in 0..<chance.number(1...4) {
            add(.practitioner, 200 + number, specialty: chance.one(of: ["a", "a", "b"]), tags: [])
        }
        for number in 0..<chance.number(0...5) {
            add(.room, 300 + number, specialty: nil, tags: [chance.one(of: ["x", "x", "y"])])
        }
        for number in 0..<chance.number(0...3) { add(.device, 400 + number, specialty: nil, tags: ["z"]) }
    }

    private mutating func add(_ kind: Resource.Kind, _ number: Int, specialty: String?, tags: Set<String>) {
        let lanes = chance.one(of: [1, 1, 2, 3])
        resources.append(
            Resource(
                id: id(number), kind: kind, name: "\(number)", location: chance.one(of: locations).id, lanes: lanes,
                lanesOffered: chance.number(1...lanes), specialty: specialty, tags: tags,
                maximumPerDay: kind == .practitioner && chance.happens(oneIn: 3) ? chance.number(0...6) : nil,
                active: !chance.happens(oneIn: 12)))
    }

    private mutating func addVisitTypes() {
        for number in 0..<3 {
            visitTypes.append(
                VisitType(
                    id: id(500 + number), name: "Visit \(number)",
                    durationMinutes: chance.one(of: [5, 15, 30, 30, 55, 120, 400]),
                    bufferBeforeMinutes: chance.one(of: [0, 0, 5, 20, 330]), bufferAfterMinutes: chance.one(of: [0, 0, 10, 45]),
                    specialty: chance.happens(oneIn: 6) ? nil : "a", practitioners: [id(200)],
                    roomTag: chance.one(of: [nil, nil, "x", "y"]), deviceTag: chance.one(of: [nil, nil, nil, "z"]),
                    policy: SchedulingPolicy(
                        earliestNoticeMinutes: chance.one(of: [0, 1, 60, 60, 1440]),
                        latestHorizonDays: chance.one(of: [0, 1, 2, 90, 90]),
                        startGridMinutes: chance.one(of: [5, 5, 15, 20, 60, 360, 1440])),
                    active: !chance.happens(oneIn: 20)))
        }
    }

    private mutating func addWeek(of resource: Resource) {
        let rules = resource.kind == .practitioner ? chance.one(of: [0, 3, 6, 9]) : chance.one(of: [0, 0, 3, 7])
        for _ in 0..<rules {
            let from = chance.number(0...287) * 5
            let zone =
                chance.happens(oneIn: 8) ? chance.one(of: Self.zones) : locations.first { $0.id == resource.location }!.zone
            hours.append(
                WorkingHours(
                    id: id(1000 + hours.count), resource: resource.id,
                    weekday: (today + chance.one(of: [0, 0, 1, 2, -1, 4])).weekday,
                    fromMinute: chance.one(of: [from, 0, 120, 1320]),
                    toMinute: chance.one(of: [chance.number(1...288) * 5, 1440, 150, 360]),
                    zone: zone, effectiveFrom: chance.happens(oneIn: 6) ? today + 1 : day("2010-01-01"),
                    effectiveUntil: chance.happens(oneIn: 6) ? today + 1 : nil))
        }
        for _ in 0..<chance.one(of: [0, 0, 1, 3]) { addException(of: resource) }
    }

    private mutating func addException(of resource: Resource) {
        // Leave need not start on the minute.
        let from = now + .minutes(chance.number(-600...4000)) + Span(microseconds: Int64(chance.number(0...1)) * 123_456_789)
        let range = TimeRange(from: from, to: from + .minutes(chance.one(of: [5, 30, 90, 600, 2000])))
        exceptions.append(
            ScheduleException(
                id: id(2000 + exceptions.count), resource: resource.id, kind: chance.one(of: [.leave, .blocked, .extra, .extra]),
                range: range))
    }

    private mutating func addHolidays() {
        for _ in 0..<chance.one(of: [0, 1, 2]) {
            holidays.append(
                Holiday(
                    id: id(3000 + holidays.count), location: chance.one(of: locations).id, day: today + chance.number(-1...3),
                    name: "Feast"))
        }
    }

    private var today: CalendarDay { Zone.utc.day(at: now) }

    /// Takes what it likes, as an import might: also off the ticks, on lanes that are not offered, over others.
    private mutating func book() {
        let practitioner = chance.one(of: resources.filter { $0.kind == .practitioner })
        let start = now + .minutes(chance.number(-60...900) * 5) + Span(microseconds: Int64(chance.number(0...3)) * 40_000_000)
        let visit = TimeRange(from: start, to: start + .minutes(chance.number(1...60) * 3))
        let appointment: ID<Appointment> = ID(high: chance.next(), low: chance.next())
        var claims = [
            Claim(
                appointment: appointment, holder: practitioner.id, lane: chance.number(0...practitioner.lanes - 1), range: visit)
        ]
        for resource in resources where resource.kind != .practitioner && chance.happens(oneIn: 3) {
            claims.append(
                Claim(appointment: appointment, holder: resource.id, lane: chance.number(0...resource.lanes - 1), range: visit))
        }
        booked.append(Booked(id: appointment, practitioner: practitioner.id, start: start, claims: claims))
    }

    mutating func withChance<Value>(_ body: (inout Chance) -> Value) -> Value { body(&chance) }
}

/// The clinic's appointments as the database would tell them.
struct BookedCalendar: Calendar {
    var booked: [RandomClinic.Booked]

    func claims(of holder: ID<Resource>, overlapping range: TimeRange) -> [Claim] {
        booked.flatMap(\.claims).filter { $0.holder == holder && $0.range.overlaps(range) }
    }

    func appointments(of practitioner: ID<Resource>, startingIn day: TimeRange, besides moving: ID<Appointment>?) -> Int {
        booked.count { $0.practitioner == practitioner && day.contains($0.start) && $0.id != moving }
    }
}
