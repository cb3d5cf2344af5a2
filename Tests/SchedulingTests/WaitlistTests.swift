import Notation
import Scheduling
import TestKit
import Testing

/// MC-9.
@Suite struct WaitlistTests {
    @Test func `the urgent come first, then who missed fewer offers, who can come less often, who waited longer`() {
        let patient = entry(1, waitingDays: 30)
        var missed = entry(2, waitingDays: 90)
        missed.missedOffers = 1
        var tuesdays = entry(3, waitingDays: 2)
        tuesdays.weekdays = [2]
        var urgent = entry(4, waitingDays: 1)
        urgent.urgency = .urgent
        var asked: [Int] = []
        var history = OfferHistory()
        for _ in 0..<4 {
            guard case .offer(let one, _) = offering([patient, missed, tuesdays, urgent], history, manyOffers).next else { break }
            asked.append(number(one))
            history.offered.insert(one)
        }
        #expect(asked == [4, 3, 1, 2])
    }

    @Test(arguments: [(60, 5), (119, 5), (120, 15), (1_439, 15), (1_440, 60), (4_319, 60), (4_320, 240), (50_000, 240)])
    func `how long one may think is a matter of how soon the visit is`(leadMinutes: Int, patienceMinutes: Int) {
        let freed = time(in: .minutes(leadMinutes))
        let offering = freed.offering(to: [entry(1)], after: OfferHistory(), at: now, in: berlin)
        #expect(offering.next == .offer(entry(1).id, until: now + .minutes(patienceMinutes)))
    }

    @Test func `nobody is asked twice, and after three offers everybody may have it`() {
        var history = OfferHistory()
        let entries = (1...9).map { entry($0) }
        for _ in 0..<3 {
            guard case .offer(let one, _) = offering(entries, history).next else { break }
            #expect(history.offered.insert(one).inserted)
        }
        #expect(history.offered.count == 3)
        #expect(offering(entries, history).next == .nobody)
    }

    @Test func `who thinks about one time is not asked about another`() {
        let offering = offering([entry(1), entry(2)], OfferHistory(thinking: [entry(1).id]))
        #expect(offering.passedOver[entry(1).id] == .hasAnOffer)
        #expect(offering.next == .offer(entry(2).id, until: now + .hours(4)))
    }

    @Test func `who sleeps is waited for when there is time, and passed over when there is none`() {
        var sleeper = entry(1, waitingDays: 30)
        sleeper.quietHours = QuietHours(from: 11 * 60, to: 14 * 60)
        let end = at("2026-11-02T13:00:00Z")
        let far = time(in: .hours(60)).offering(to: [sleeper, entry(2)], after: OfferHistory(), at: now, in: berlin)
        #expect(far.next == .lookAgain(at: end))
        #expect(far.passedOver == [sleeper.id: .quiet(until: end), entry(2).id: .behind(sleeper.id)])
        let soon = time(in: .hours(5)).offering(to: [sleeper, entry(2)], after: OfferHistory(), at: now, in: berlin)
        #expect(soon.next == .offer(entry(2).id, until: now + .minutes(15)))
        let alone = time(in: .hours(5)).offering(to: [sleeper], after: OfferHistory(), at: now, in: berlin)
        #expect(alone.next == .lookAgain(at: end))
        let tooLate = time(in: .minutes(70)).offering(to: [sleeper], after: OfferHistory(), at: now, in: berlin)
        #expect(tooLate.next == .nobody)
    }

    @Test func `who has a night of their own sleeps by their own clock, and through hours they chose besides`() throws {
        var sleeper = entry(1)
        let tokyo = try #require(Zone.named("Asia/Tokyo"))
        // Half past eight in the evening there, half past twelve in Berlin.
        sleeper.night = Night(hours: try #require(QuietHours(from: 20 * 60, to: 21 * 60)), zone: tokyo)
        let freed = time(in: .hours(60))
        let asleep = freed.offering(to: [sleeper], after: OfferHistory(), at: now, in: berlin)
        #expect(asleep.next == .lookAgain(at: at("2026-11-02T12:00:00Z")))
        sleeper.quietHours = QuietHours(from: 12 * 60, to: 14 * 60)
        let both = freed.offering(to: [sleeper], after: OfferHistory(), at: now, in: berlin)
        #expect(both.next == .lookAgain(at: at("2026-11-02T13:00:00Z")))
        sleeper.quietHours = nil
        sleeper.night = Night(hours: sleeper.night!.hours, zone: nil)
        #expect(
            freed.offering(to: [sleeper], after: OfferHistory(), at: now, in: berlin).next
                == .offer(sleeper.id, until: now + .hours(1)))
    }

    @Test func `quiet ends the first time a clock shows its end, and is not begun again when it shows it twice`() throws {
        let quiet = try #require(QuietHours(from: 22 * 60, to: 2 * 60 + 30))
        // Clocks go back at 01:00 UTC: half past two comes at 00:30 and at 01:30.
        #expect(quiet.end(at: at("2026-10-25T00:10:00Z"), in: berlin) == at("2026-10-25T00:30:00Z"))
        #expect(quiet.end(at: at("2026-10-25T01:10:00Z"), in: berlin) == nil)
    }

    @Test func `quiet hours reach over midnight, by the wall clock`() throws {
        let quiet = try #require(QuietHours(from: 21 * 60, to: 7 * 60))
        #expect(quiet.end(at: at("2026-11-02T20:30:00Z"), in: berlin) == at("2026-11-03T06:00:00Z"))
        #expect(quiet.end(at: at("2026-11-03T05:59:00Z"), in: berlin) == at("2026-11-03T06:00:00Z"))
        #expect(quiet.end(at: at("2026-11-03T06:00:00Z"), in: berlin) == nil)
        #expect(quiet.end(at: at("2026-11-02T19:59:00Z"), in: berlin) == nil)
        #expect(QuietHours(from: 60, to: 60) == nil && QuietHours(from: 0, to: 1440) == nil)
    }

    @Test func `everybody who is not asked has a reason that staff can read`() {
        func with(_ number: Int, _ change: (inout WaitlistEntry) -> Void) -> WaitlistEntry {
            var entry = entry(number)
            change(&entry)
            return entry
        }
        let entries = [
            WaitlistEntry(id: id(1), patient: id(1), visitType: id(99), since: now),
            with(2) { $0.wantsOffers = false }, entry(3), with(4) { $0.missedOffers = 3 },
            with(5) { $0.practitioners = [id(77)] }, with(13) { $0.specialty = "surgery" }, with(6) { $0.locations = [id(77)] },
            with(7) { $0.earliest = day("2027-01-01") }, with(8) { $0.latest = day("2026-11-03") }, with(9) { $0.weekdays = [1] },
            with(10) { $0.minutes = 12 * 60..<13 * 60 + 15 }, entry(11), with(12) { $0.urgency = .stat },
        ]
        let offering = offering(entries, OfferHistory(offered: [entry(3).id]))
        #expect(offering.next == .offer(entry(12).id, until: now + .hours(4)))
        #expect(
            Dictionary(uniqueKeysWithValues: offering.passedOver.map { (number($0), $1) }) == [
                13: .specialty, 1: .anotherVisit, 2: .noConsent, 3: .hadThisOffer, 4: .missedTooMany, 5: .practitioner,
                6: .location,
                7: .tooEarly,
                8: .tooLate, 9: .weekday, 10: .hours, 11: .behind(entry(12).id),
            ])
    }

    @Test func `a visit that is about to begin is offered to nobody`() {
        #expect(time(in: .minutes(29)).offering(to: [entry(1)], after: OfferHistory(), at: now, in: berlin).next == .nobody)
    }

    /// Whatever the waitlist looks like: one offer at a time, to somebody it suits, none twice, and an end.
    @Test(arguments: 0..<4) func `ten thousand waitlists come to an end`(part: Int) {
        for seed in part * 2_500..<(part + 1) * 2_500 {
            var chance = Chance(seed: seed)
            let entries = (1...chance.number(1...8)).map { random($0, &chance) }
            let freed = time(in: .minutes(chance.number(10...8_000)))
            var (history, time, steps) = (OfferHistory(), now, 0)
            while true {
                let offering = freed.offering(to: entries, after: history, at: time, in: berlin)
                steps += 1
                let asked = entries.filter { offering.passedOver[$0.id] == nil }
                switch offering.next {
                case .offer(let one, let until):
                    #expect(asked.map(\.id) == [one] && history.offered.insert(one).inserted && until > time)
                    #expect(until <= freed.visit.from)
                    time = until
                case .lookAgain(let later):
                    #expect(asked.isEmpty && later > time)
                    time = later
                case .nobody: break
                }
                guard offering.next != .nobody, steps < 40 else { break }
            }
            #expect(steps < 40 && history.offered.count <= 3)
        }
    }

    // Monday, noon at one; the freed times are on the Thursday after unless they say otherwise.
    private let now = at("2026-11-02T11:30:00Z")
    private let berlin = Zone.named("Europe/Berlin")!
    private var manyOffers: OfferRules {
        var rules = OfferRules()
        rules.offersPerTime = 9
        return rules
    }

    private func entry(_ number: Int, waitingDays: Int = 10) -> WaitlistEntry {
        WaitlistEntry(id: id(number), patient: id(number), visitType: id(1), since: now - .days(waitingDays))
    }

    private func time(in lead: Span) -> FreedTime {
        FreedTime(
            visitType: id(1), practitioner: id(2), location: id(3),
            visit: TimeRange(from: now + lead, to: now + lead + .minutes(30)))
    }

    private func offering(
        _ entries: [WaitlistEntry], _ history: OfferHistory, _ rules: OfferRules = OfferRules()
    ) -> Offering {
        // Tuesday, eight days on, at 13:30.
        time(in: .hours(8 * 24 + 1)).offering(to: entries, after: history, at: now, in: berlin, rules: rules)
    }

    private func random(_ number: Int, _ chance: inout Chance) -> WaitlistEntry {
        var entry = entry(number, waitingDays: chance.number(0...60))
        entry.urgency = chance.one(of: Urgency.allCases)
        entry.missedOffers = chance.number(0...3)
        entry.wantsOffers = !chance.happens(oneIn: 8)
        if chance.happens(oneIn: 3) { entry.weekdays = [chance.number(1...7), chance.number(1...7)] }
        if chance.happens(oneIn: 3) { entry.minutes = 8 * 60..<chance.number(9...20) * 60 }
        if chance.happens(oneIn: 2) {
            entry.quietHours = QuietHours(from: chance.number(0...1439), to: chance.number(0...1439))
        }
        return entry
    }

    private func number(_ id: ID<WaitlistEntry>) -> Int { Int(id.low & 0xFFFF) }
}
