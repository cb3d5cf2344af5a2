import Notation
import Scheduling
import Testing

/// A heart clinic on a Monday: two doctors, two rooms, one ultrasound with two lanes of which one is offered.
@Suite struct PlacingTests {
    static let now = at("2026-03-01T12:00:00Z")
    static let nine = at("2026-03-02T08:00:00Z")
    static let doctor: ID<Resource> = id(10)
    static let rooms: [ID<Resource>] = [id(20), id(21)]
    static let ultrasound: ID<Resource> = id(30)
    static let patient: ID<Participant> = id(1)

    static func directory(patientsMaximum: Int = 1, maximumPerDay: Int? = nil, changing: (inout [Resource]) -> Void = { _ in })
        -> Directory
    {
        var resources = [
            Resource(
                id: doctor, kind: .practitioner, name: "Dr. Weber", location: id(100), specialty: "cardiology",
                maximumPerDay: maximumPerDay),
            Resource(id: id(11), kind: .practitioner, name: "Dr. Braun", location: id(100), specialty: "skin"),
            Resource(id: rooms[1], kind: .room, name: "Room 2", location: id(100), tags: ["exam"]),
            Resource(id: rooms[0], kind: .room, name: "Room 1", location: id(100), tags: ["exam"]),
            Resource(id: id(22), kind: .room, name: "Room far away", location: id(101), tags: ["exam"]),
            Resource(
                id: ultrasound, kind: .device, name: "Ultrasound", location: id(100), lanes: 2, lanesOffered: 1,
                tags: ["ultrasound"]),
        ]
        changing(&resources)
        let visitType = VisitType(
            id: id(50), name: "Echo", durationMinutes: 30, bufferBeforeMinutes: 5, bufferAfterMinutes: 10,
            specialty: "cardiology",
            roomTag: "exam", deviceTag: "ultrasound", patientsMaximum: patientsMaximum,
            policy: SchedulingPolicy(latestHorizonDays: 7))
        return Directory(
            locations: [
                Location(id: id(100), name: "Mitte", zone: "Europe/Berlin"),
                Location(id: id(101), name: "Nord", zone: "Europe/Berlin"),
            ],
            resources: resources, visitTypes: [visitType],
            hours: (1...5).map { OpenHoursTests.rule($0, 540, 1020) }.map { rule in
                WorkingHours(
                    id: rule.id, resource: doctor, weekday: rule.weekday, fromMinute: 540, toMinute: 1020, zone: rule.zone,
                    effectiveFrom: rule.effectiveFrom)
            },
            holidays: [Holiday(id: id(60), location: id(100), day: day("2026-03-04"), name: "Feast")])
    }

    static func wish(_ start: Instant = nine, _ change: (inout Wish) -> Void = { _ in }) -> Wish {
        var wish = Wish(visitType: id(50), practitioner: doctor, start: start, patients: [patient])
        change(&wish)
        return wish
    }

    static func placement() -> Placement {
        try! directory().place(wish(at("2026-03-03T08:00:00Z")), in: Taken(), now: now)
    }

    /// Claims and a count, told as they are; counts what it is asked.
    final class Taken: Calendar {
        var claims: [Claim]
        var today: Int
        var load: PatientLoad
        private(set) var questions: [ID<Resource>] = []

        init(_ claims: [Claim] = [], today: Int = 0, load: PatientLoad = PatientLoad()) {
            self.claims = claims
            self.today = today
            self.load = load
        }

        func claims(of holder: ID<Resource>, overlapping range: TimeRange) -> [Claim] {
            questions.append(holder)
            return claims.filter { $0.holder == holder && $0.range.overlaps(range) }
        }

        func appointments(of practitioner: ID<Resource>, startingIn day: TimeRange, besides moving: ID<Appointment>?) -> Int {
            moving == nil ? today : today - 1
        }

        func load(of patient: ID<Participant>, at now: Instant, lapsedSince since: Instant?) -> PatientLoad { load }
    }

    static func claim(_ holder: ID<Resource>, lane: Int = 0, _ from: String, _ to: String, of appointment: Int = 900) -> Claim {
        Claim(
            appointment: id(appointment), holder: holder, lane: lane,
            range: range("2026-03-02T\(from):00Z", "2026-03-02T\(to):00Z"))
    }

    // MARK: What it becomes

    @Test func `a wish takes the first room and device, with buffers around the visit`() throws {
        let placement = try Self.directory().place(Self.wish(), in: Taken(), now: Self.now)
        #expect(placement.room == Self.rooms[0] && placement.device == Self.ultrasound && placement.location == id(100))
        #expect(placement.visit == range("2026-03-02T08:00:00Z", "2026-03-02T08:30:00Z"))
        #expect(placement.occupied == range("2026-03-02T07:55:00Z", "2026-03-02T08:40:00Z"))
        #expect(placement.overridden.isEmpty)
    }

    @Test func `claims are sorted by holder, and the patient has no buffers`() throws {
        let claims = try Self.directory().place(Self.wish(), in: Taken(), now: Self.now).claims(for: id(7))
        #expect(claims.map(\.holder) == [Self.patient.of(), Self.doctor, Self.rooms[0], Self.ultrasound])
        #expect(claims[0].range == range("2026-03-02T08:00:00Z", "2026-03-02T08:30:00Z"))
        #expect(claims[1...].allSatisfy { $0.range == range("2026-03-02T07:55:00Z", "2026-03-02T08:40:00Z") && $0.lane == 0 })
    }

    @Test func `a taken room is passed over, a closed one too`() throws {
        let taken = Taken([Self.claim(Self.rooms[0], "07:00", "07:56")])
        #expect(try Self.directory().place(Self.wish(), in: taken, now: Self.now).room == Self.rooms[1])
        #expect(taken.questions == [Self.doctor, Self.patient.of(), Self.rooms[0], Self.rooms[1], Self.ultrasound])
    }

    @Test func `an appointment that ends when the buffer starts is a neighbour, not an obstacle`() throws {
        let neighbours = Taken([Self.claim(Self.doctor, "07:00", "07:55"), Self.claim(Self.doctor, "08:40", "09:00")])
        #expect(throws: Never.self) { try Self.directory().place(Self.wish(), in: neighbours, now: Self.now) }
    }

    // MARK: Refusals

    struct Case: Sendable, CustomTestStringConvertible {
        var refusal: Refusal
        var wish = PlacingTests.wish()
        var directory = PlacingTests.directory()
        var taken: [Claim] = []
        var today = 0
        var load = PatientLoad()
        var testDescription: String { refusal.rawValue }
    }

    private static func limited(isHold: Bool) -> Wish {
        wish {
            $0.limits = PatientLimits(holds: 2, appointments: 5, lapses: 4)
            $0.isHold = isHold
        }
    }

    @Test func `what a patient has already counts only where somebody counts it, and holds only for holds`() throws {
        let much = Taken([], load: PatientLoad(holds: 9, appointments: 4, lapses: 99))
        #expect(throws: Never.self) { try Self.directory().place(Self.wish(), in: much, now: Self.now) }
        #expect(throws: Never.self) { try Self.directory().place(Self.limited(isHold: false), in: much, now: Self.now) }
        #expect(
            try Self.directory().objections(to: Self.limited(isHold: true), in: much, now: Self.now) == [
                .holdsSuspended, .tooManyHolds,
            ])
    }

    static let cases: [Case] = [
        Case(refusal: .patientUnknown, wish: wish { $0.patients = [] }),
        Case(refusal: .patientUnknown, wish: wish { $0.patients = [doctor.of()] }),
        Case(refusal: .visitTypeUnknown, wish: wish { $0.visitType = id(51) }),
        Case(refusal: .practitionerUnknown, wish: wish { $0.practitioner = id(12) }),
        Case(refusal: .practitionerUnknown, wish: wish { $0.practitioner = rooms[0] }),
        Case(refusal: .practitionerUnknown, directory: directory { $0[0].active = false }),
        Case(refusal: .roomUnknown, wish: wish { $0.room = ultrasound }),
        Case(refusal: .deviceUnknown, wish: wish { $0.device = id(31) }),
        Case(refusal: .practitionerUnsuitable, wish: wish { $0.practitioner = id(11) }),
        Case(refusal: .roomUnsuitable, wish: wish { $0.room = id(22) }),
        Case(refusal: .roomUnsuitable, wish: wish { $0.room = rooms[0] }, directory: directory { $0[3].tags = ["store"] }),
        Case(refusal: .deviceUnsuitable, wish: wish { $0.device = ultrasound }, directory: directory { $0[5].tags = [] }),
        Case(refusal: .tooManyPatients, wish: wish { $0.patients = [id(1), id(2)] }),
        Case(refusal: .tooManyPatients, wish: wish { $0.patients = [id(1), id(1)] }, directory: directory(patientsMaximum: 2)),
        Case(refusal: .holdsSuspended, wish: limited(isHold: true), load: PatientLoad(lapses: 4)),
        Case(refusal: .tooManyHolds, wish: limited(isHold: true), load: PatientLoad(holds: 2, appointments: 2, lapses: 3)),
        Case(
            refusal: .tooManyAppointments, wish: limited(isHold: false), load: PatientLoad(holds: 2, appointments: 5, lapses: 9)),
        Case(refusal: .startIsInThePast, wish: wish(at("2026-02-27T09:00:00Z"))),
        Case(refusal: .startOffGrid, wish: wish(nine + .minutes(5))),
        Case(refusal: .startOffGrid, wish: wish(nine + Span(microseconds: 1))),
        Case(refusal: .noticeTooShort, wish: wish(at("2026-03-01T12:45:00Z"))),
        Case(refusal: .beyondHorizon, wish: wish(at("2026-03-08T23:00:00Z"))),
        Case(refusal: .holiday, wish: wish(at("2026-03-04T09:00:00Z"))),
        Case(refusal: .outsideWorkingHours, wish: wish(at("2026-03-02T15:45:00Z"))),
        Case(refusal: .dayIsFull, directory: directory(maximumPerDay: 3), today: 3),
        Case(refusal: .practitionerTaken, taken: [claim(doctor, "08:39", "09:00")]),
        Case(refusal: .patientTaken, taken: [claim(patient.of(), "08:29", "09:00")]),
        Case(refusal: .roomTaken, taken: [claim(rooms[0], "08:00", "09:00"), claim(rooms[1], "07:00", "08:00")]),
        Case(refusal: .roomTaken, wish: wish { $0.room = rooms[0] }, taken: [claim(rooms[0], "08:00", "09:00")]),
        Case(refusal: .deviceTaken, taken: [claim(ultrasound, "08:00", "09:00")]),
    ]

    @Test(arguments: cases) func `every obstacle has its refusal`(example: Case) throws {
        let calendar = Taken(example.taken, today: example.today, load: example.load)
        #expect(throws: example.refusal) { try example.directory.place(example.wish, in: calendar, now: Self.now) }
        #expect(try example.directory.objections(to: example.wish, in: calendar, now: Self.now).first == example.refusal)
    }

    @Test func `every refusal a wish can meet has an example`() {
        let inTheWay = Refusal.allCases.drop { $0 != .practitionerUnsuitable }
        let unknown: Set<Refusal> = [.patientUnknown, .visitTypeUnknown, .practitionerUnknown, .roomUnknown, .deviceUnknown]
        // Leave is in OpenHoursTests; who overrides without a reason, or asks for a series that is none, never gets as far as a wish.
        let elsewhere: Set<Refusal> = [
            .practitionerAway, .overrideNeedsReason, .seriesEmpty, .seriesTooLong, .bookedElsewhere, .notReadyToSwitch,
        ]
        #expect(Set(Self.cases.map(\.refusal)) == unknown.union(inTheWay).subtracting(elsewhere))
    }

    @Test func `objections are all named, in order of precedence`() throws {
        let taken = Taken([Self.claim(Self.doctor, "02:00", "04:00"), Self.claim(Self.patient.of(), "02:00", "04:00")])
        let wish = Self.wish(at("2026-03-02T03:05:00Z")) { $0.room = id(22) }
        #expect(
            try Self.directory().objections(to: wish, in: taken, now: Self.now) == [
                .roomUnsuitable, .startOffGrid, .outsideWorkingHours, .practitionerTaken, .patientTaken,
            ])
    }

    @Test func `a calendar that fails is a fault, not a refusal`() {
        struct Broken: Calendar, Error {
            func claims(of holder: ID<Resource>, overlapping range: TimeRange) throws -> [Claim] { throw self }
            func appointments(of practitioner: ID<Resource>, startingIn day: TimeRange, besides moving: ID<Appointment>?) throws
                -> Int
            { throw self }
        }
        #expect(throws: Broken.self) { try Self.directory().place(Self.wish(), in: Broken(), now: Self.now) }
    }

    // MARK: Moving

    @Test func `an appointment is never in the way of its own move`() throws {
        let own = [Self.claim(Self.doctor, "07:55", "08:40", of: 7), Self.claim(Self.patient.of(), "08:00", "08:30", of: 7)]
        let calendar = Taken(own, today: 3)
        let directory = Self.directory(maximumPerDay: 3)
        #expect(throws: Never.self) {
            try directory.place(Self.wish(Self.nine + .minutes(15)), in: calendar, now: Self.now, moving: id(7))
        }
        #expect(throws: Refusal.dayIsFull) {
            try directory.place(Self.wish(Self.nine + .minutes(15)), in: calendar, now: Self.now)
        }
    }

    // MARK: Overriding

    @Test func `staff set aside the clinic's rules and are told which`() throws {
        let wish = Self.wish(at("2026-03-08T03:05:00Z")) { $0.isOverride = true }
        let placement = try Self.directory(maximumPerDay: 0).place(wish, in: Taken(), now: Self.now)
        #expect(placement.overridden == [.startOffGrid, .outsideWorkingHours, .dayIsFull])
    }

    @Test func `staff may use the lanes that are kept for them, and no more`() throws {
        let wish = Self.wish { $0.isOverride = true }
        let one = Taken([Self.claim(Self.ultrasound, "08:00", "09:00")])
        let claims = try Self.directory().place(wish, in: one, now: Self.now).claims(for: id(7))
        #expect(claims.last?.holder == Self.ultrasound && claims.last?.lane == 1)
        let both = Taken(one.claims + [Self.claim(Self.ultrasound, lane: 1, "08:00", "09:00")])
        #expect(throws: Refusal.deviceTaken) { try Self.directory().place(wish, in: both, now: Self.now) }
    }

    @Test func `staff cannot book the past, nor a person who is elsewhere`() {
        #expect(throws: Refusal.startIsInThePast) {
            try Self.directory().place(Self.wish(at("2026-02-27T09:05:00Z")) { $0.isOverride = true }, in: Taken(), now: Self.now)
        }
        #expect(throws: Refusal.patientTaken) {
            try Self.directory().place(
                Self.wish { $0.isOverride = true }, in: Taken([Self.claim(Self.patient.of(), "08:00", "08:10")]), now: Self.now)
        }
    }

    @Test func `staff who work on a holiday also get a room that is closed for it`() throws {
        let wish = Self.wish(at("2026-03-04T09:00:00Z")) { $0.isOverride = true }
        let placement = try Self.directory().place(wish, in: Taken(), now: Self.now)
        #expect(placement.room == Self.rooms[0] && placement.overridden == [.holiday])
    }
}
