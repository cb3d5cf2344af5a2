import Notation
import Scheduling
import TestKit
import Testing

/// Ten thousand clinics, three ways to ask: the index, the decision, and the rules read aloud.
@Suite struct AvailabilityPropertyTests {
    @Test(arguments: 0..<8) func `the index, the decision and the rules agree on every free time`(part: Int) {
        for seed in part * 1250..<(part + 1) * 1250 {
            if let difference = Comparison(seed: seed).difference() {
                Issue.record("clinic \(seed): \(difference)")
                return
            }
        }
    }

    @Test func `a third of the clinics have times to compare, the others have none to find`() {
        let open = (0..<300).count { Comparison(seed: $0).hasTimes }
        #expect((100..<300).contains(open))
    }

    /// Without this, a comparison that compares nothing would look just as green.
    @Test(arguments: PlantedMistake.allCases) func `a planted mistake is found`(mistake: PlantedMistake) {
        #expect((0..<600).contains { Comparison(seed: $0, mistake: mistake).difference() != nil })
    }
}

/// One clinic, asked in every way.
private struct Comparison {
    private var clinic: RandomClinic
    private let directory: Directory
    private var index: AvailabilityIndex
    private var booked: [RandomClinic.Booked]
    private let reference: ReferenceAvailability
    private let range: TimeRange

    init(seed: Int, mistake: PlantedMistake? = nil) {
        clinic = RandomClinic(seed: seed)
        directory = clinic.directory
        booked = clinic.booked
        (index, booked) = Self.index(&clinic, directory)
        reference = ReferenceAvailability(clinic, booked: booked, mistake: mistake)
        let from = Instant(microseconds: clinic.now.microseconds / 300_000_000 * 300_000_000) - .minutes(30)
        range = TimeRange(from: from, to: from + .minutes(clinic.withChance { $0.number(6...60) } * 60))
    }

    /// An index with a past: made from older rules on an earlier day, told everything, some of it twice, some of it taken
    /// back, and rolled on to today.
    private static func index(_ clinic: inout RandomClinic, _ directory: Directory) -> (AvailabilityIndex, [RandomClinic.Booked])
    {
        let earlier = clinic.earlierDirectory()
        var index = AvailabilityIndex(
            directory: earlier, from: clinic.now - .days(clinic.withChance { $0.number(2...4) }), days: 9)
        let booked = clinic.booked
        for appointment in booked { index.note(appointment) }
        let cancelled = booked.filter { _ in clinic.withChance { $0.happens(oneIn: 4) } }
        for appointment in cancelled {
            index.note(appointment)
            index.forget(appointment)
        }
        let kept = booked.filter { appointment in !cancelled.contains { $0.id == appointment.id } }
        if clinic.withChance({ $0.happens(oneIn: 2) }) { index.roll(to: clinic.now) }
        let unknown = index.replaceDirectory(directory)
        for appointment in kept
        where unknown.contains(appointment.practitioner) || appointment.claims.contains(where: { unknown.contains($0.holder) }) {
            index.note(appointment)
        }
        index.roll(to: clinic.now)
        return (index, kept)
    }

    var hasTimes: Bool { clinic.visitTypes.contains { !reference.freeTimes($0, in: range).isEmpty } }

    func difference() -> String? {
        for visitType in clinic.visitTypes {
            let expected = reference.freeTimes(visitType, in: range)
            if let difference = differenceInPages(visitType, expected) ?? differenceByPractitioner(visitType, expected) {
                return difference
            }
        }
        return differenceInDecisions()
    }

    private func differenceInPages(_ visitType: VisitType, _ expected: [FreeTime]) -> String? {
        var clinic = clinic
        let limit = clinic.withChance { $0.one(of: [1, 3, 7, 50, 5000]) }
        var rest = expected[...]
        var cursor: FreeTimeCursor?
        // Pages of one over a thousand times would be a test of patience.
        for _ in 0..<60 {
            let page = index.firstFree(visitType: visitType.id, in: range, now: clinic.now, after: cursor, limit: limit)
            if page != Array(rest.prefix(limit)) {
                return "page after \(String(describing: cursor)): \(page) instead of \(rest.prefix(limit))"
            }
            guard let last = page.last else { return nil }
            rest = rest.dropFirst(limit)
            cursor = FreeTimeCursor(after: last)
        }
        return nil
    }

    private func differenceByPractitioner(_ visitType: VisitType, _ expected: [FreeTime]) -> String? {
        for practitioner in clinic.resources where practitioner.kind == .practitioner {
            let theirs = expected.filter { $0.practitioner == practitioner.id }
            let found = index.freeStarts(
                visitType: visitType.id, practitioner: practitioner.id, in: range, now: clinic.now, limit: 5000)
            if found != theirs { return "starts of \(practitioner.name): \(found) instead of \(theirs)" }
        }
        for location in clinic.locations {
            let there = expected.filter { $0.location == location.id }
            let found = index.firstFree(visitType: visitType.id, location: location.id, in: range, now: clinic.now, limit: 5000)
            if found != there { return "at \(location.name): \(found) instead of \(there)" }
        }
        return nil
    }

    private func differenceInDecisions() -> String? {
        var clinic = clinic
        let calendar = BookedCalendar(booked: booked)
        for _ in 0..<25 {
            let visitTypes = clinic.visitTypes
            let visitType = clinic.withChance { $0.one(of: visitTypes) }
            let able = clinic.resources.filter { $0.kind == .practitioner && visitType.suits($0) }
            guard visitType.active, !able.isEmpty else { continue }
            let practitioner = clinic.withChance { $0.one(of: able) }
            let wish = Wish(
                visitType: visitType.id, practitioner: practitioner.id, start: clinic.withChance { start(&$0) },
                patients: [id(9999)])
            let expected = reference.objections(visitType, practitioner, wish.start)
            guard let found = try? directory.objections(to: wish, in: calendar, now: clinic.now), found == expected else {
                return "objections to \(wish) are not \(expected)"
            }
            if outcome(wish, calendar) != expected.first {
                return "decision about \(wish) is not \(String(describing: expected.first))"
            }
        }
        return nil
    }

    private func start(_ chance: inout Chance) -> Instant {
        range.from + .minutes(chance.number(0...700) * 5) + Span(microseconds: chance.happens(oneIn: 9) ? 1 : 0)
    }

    private func outcome(_ wish: Wish, _ calendar: BookedCalendar) -> Refusal? {
        do {
            _ = try directory.place(wish, in: calendar, now: clinic.now)
            return nil
        } catch { return error as? Refusal }
    }
}

extension AvailabilityIndex {
    fileprivate mutating func note(_ appointment: RandomClinic.Booked) {
        for claim in appointment.claims { insert(claim) }
        insertAppointment(appointment.id, of: appointment.practitioner, startingAt: appointment.start)
    }

    fileprivate mutating func forget(_ appointment: RandomClinic.Booked) {
        for claim in appointment.claims { remove(claim) }
        removeAppointment(appointment.id, of: appointment.practitioner, startingAt: appointment.start)
    }
}
