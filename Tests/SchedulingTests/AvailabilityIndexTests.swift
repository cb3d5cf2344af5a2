import Notation
import Scheduling
import Testing

/// What the owner of the index may rely on, told with the clinic of `PlacingTests`.
@Suite struct AvailabilityIndexTests {
    typealias Clinic = PlacingTests
    static let monday = range("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")

    static func index(_ directory: Directory = Clinic.directory()) -> AvailabilityIndex {
        AvailabilityIndex(directory: directory, now: Clinic.now)
    }

    static func starts(_ index: AvailabilityIndex, in range: TimeRange = monday, limit: Int = 1000) -> [Instant] {
        index.freeStarts(visitType: id(50), practitioner: Clinic.doctor, in: range, now: Clinic.now, limit: limit).map(\.start)
    }

    static let morning = Claim(
        appointment: id(900), holder: Clinic.doctor, lane: 0, range: range("2026-03-02T08:00:00Z", "2026-03-02T11:00:00Z"))

    @Test func `an empty day offers every start on the grid that ends in time`() {
        let starts = Self.starts(Self.index())
        #expect(starts.first == Clinic.nine && starts.last == at("2026-03-02T15:30:00Z") && starts.count == 31)
    }

    @Test func `a free time names the room and device booking would take`() throws {
        let time = try #require(Self.index().firstFree(visitType: id(50), in: Self.monday, now: Clinic.now, limit: 1).first)
        let placement = try Clinic.directory().place(Clinic.wish(time.start), in: Clinic.Taken(), now: Clinic.now)
        #expect(time.room == placement.room && time.device == placement.device && time.location == placement.location)
        #expect(time.end == placement.visit.to && time.practitioner == placement.practitioner)
    }

    @Test func `a hint that comes twice is taken back by one`() {
        var index = Self.index()
        index.insert(Self.morning)
        index.insert(Self.morning)
        #expect(Self.starts(index).first == at("2026-03-02T11:15:00Z"))
        index.remove(Self.morning)
        #expect(Self.starts(index) == Self.starts(Self.index()))
        index.remove(Self.morning)
        #expect(Self.starts(index) == Self.starts(Self.index()))
    }

    @Test func `taking one claim back leaves another in the same five minutes`() {
        var index = Self.index()
        let early = Claim(
            appointment: id(901), holder: Clinic.doctor, lane: 0, range: range("2026-03-02T08:00:00Z", "2026-03-02T08:31:00Z"))
        let late = Claim(
            appointment: id(902), holder: Clinic.doctor, lane: 0, range: range("2026-03-02T08:31:00Z", "2026-03-02T09:00:00Z"))
        index.insert(early)
        index.insert(late)
        index.remove(late)
        #expect(Self.starts(index).first == at("2026-03-02T08:45:00Z"))
    }

    @Test func `reloading replaces what was believed`() {
        var index = Self.index()
        index.insert(Self.morning)
        let truth = Claim(
            appointment: id(903), holder: Clinic.doctor, lane: 0, range: range("2026-03-02T08:00:00Z", "2026-03-02T08:15:00Z"))
        index.reload(Clinic.doctor, claims: [truth], in: Self.monday)
        #expect(Self.starts(index).first == at("2026-03-02T08:30:00Z"))
    }

    @Test func `patients are not in it`() {
        var index = Self.index()
        index.insert(Claim(appointment: id(900), holder: Clinic.patient.of(), lane: 0, range: Self.monday))
        #expect(Self.starts(index) == Self.starts(Self.index()))
    }

    @Test func `a full day is not offered, however often each appointment is told`() {
        var index = Self.index(Clinic.directory(maximumPerDay: 2))
        for number in [1, 1, 1, 2] {
            #expect(!Self.starts(index).isEmpty)
            index.insertAppointment(id(number), of: Clinic.doctor, startingAt: at("2026-03-02T10:00:00Z"))
        }
        #expect(Self.starts(index).isEmpty)
        #expect(!Self.starts(index, in: range("2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z")).isEmpty)
        index.removeAppointment(id(1), of: Clinic.doctor, startingAt: at("2026-03-02T10:00:00Z"))
        #expect(!Self.starts(index).isEmpty)
    }

    @Test func `a new directory opens and closes, and names whom it did not know`() {
        var index = Self.index(Clinic.directory { $0.removeAll { $0.kind == .device } })
        #expect(Self.starts(index).isEmpty)
        #expect(index.replaceDirectory(Clinic.directory()) == [Clinic.ultrasound])
        #expect(Self.starts(index).count == 31)
        #expect(index.replaceDirectory(Clinic.directory { $0[0].active = false }).isEmpty)
        #expect(Self.starts(index).isEmpty)
    }

    @Test func `rolling on keeps what lies ahead, also what lay beyond the end`() {
        var index = AvailabilityIndex(directory: Clinic.directory(), from: at("2026-02-01T00:00:00Z"), days: 20)
        index.insert(Self.morning)
        #expect(Self.starts(index).isEmpty)
        index.roll(to: Clinic.now)
        #expect(Self.starts(index).first == at("2026-03-02T11:15:00Z"))
        index.roll(to: at("2026-01-01T00:00:00Z"))
        #expect(index.covered.from <= at("2026-02-27T00:00:00Z") && index.covered.from > at("2026-02-26T00:00:00Z"))
    }

    @Test func `at work it reaches as far as the longest policy`() {
        let covered = Self.index().covered
        #expect(covered.from <= Clinic.now - .days(2) && covered.to >= Clinic.now + .days(402))
    }

    @Test func `nobody is found for a visit nobody does, at a place nobody works`() {
        let index = Self.index()
        #expect(index.firstFree(visitType: id(51), in: Self.monday, now: Clinic.now, limit: 5).isEmpty)
        #expect(index.firstFree(visitType: id(50), location: id(101), in: Self.monday, now: Clinic.now, limit: 5).isEmpty)
        #expect(index.firstFree(visitType: id(50), practitioners: [id(11)], in: Self.monday, now: Clinic.now, limit: 5).isEmpty)
        #expect(index.firstFree(visitType: id(50), in: Self.monday, now: Clinic.now, limit: 0).isEmpty)
        #expect(
            index.firstFree(
                visitType: id(50), in: range("1990-01-01T00:00:00Z", "2090-01-01T00:00:00Z"), now: Clinic.now, limit: 5
            ).count == 5)
        #expect(
            index.firstFree(
                visitType: id(50), in: TimeRange(from: Self.monday.to, to: Self.monday.from), now: Clinic.now, limit: 5
            ).isEmpty)
    }

    @Test func `a copy does not see what is written to the original`() {
        var index = Self.index()
        let copy = index
        index.insert(Self.morning)
        #expect(Self.starts(copy) == Self.starts(Self.index()))
    }
}
