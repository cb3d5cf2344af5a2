import Notation
import TestKit
import Testing

import Resilience

@Suite struct BulkheadTests {
    @Test func `so many are inside, so many wait, and the next is turned away`() {
        var bulkhead = Bulkhead(.init(atOnce: 2, waiting: 1, patience: .seconds(1)))
        #expect(bulkhead.enter(1, at: start) == .enter)
        #expect(bulkhead.enter(2, at: start) == .enter)
        #expect(bulkhead.enter(3, at: start) == .wait(until: start + .seconds(1)))
        #expect(bulkhead.enter(4, at: start) == .turnedAway)
        #expect(bulkhead.leave(1, at: start) == .init(enter: [3]))
    }

    @Test func `nobody waits longer than their patience, though nobody leaves`() {
        var bulkhead = Bulkhead(.init(atOnce: 1, waiting: 2, patience: .seconds(1)))
        _ = bulkhead.enter(1, at: start)
        _ = bulkhead.enter(2, at: start)
        _ = bulkhead.enter(3, at: start + .milliseconds(500))
        #expect(bulkhead.pass(to: start + .seconds(1)) == .init(turnedAway: [2]))
        #expect(bulkhead.leave(1, at: start + .milliseconds(1_499)) == .init(enter: [3]))
    }

    @Test(arguments: 0..<8) func `a million histories go as a list on paper says`(part: Int) {
        for seed in part * 125_000..<(part + 1) * 125_000 {
            if let difference = Visits.difference(seed: seed) {
                Issue.record("history \(seed): \(difference)")
                return
            }
        }
    }

    @Test(arguments: Visits.Mistake.allCases) func `a planted mistake is found`(mistake: Visits.Mistake) {
        #expect((0..<20_000).contains { Visits.difference(seed: $0, mistake: mistake) != nil })
    }
}

private let start = Instant(secondsSince1970: 1_800_000_000)

/// Who comes and goes in an order that a seed decides, told to the bulkhead and written on a list.
struct Visits {
    enum Mistake: CaseIterable { case lastComeFirstServed, waitsForEver, oneTooMany }

    private struct Line { let caller: Int, until: Instant }

    private let random: SeededRandom
    private let mistake: Mistake?
    private var bulkhead: Bulkhead
    private var inside: [Int] = []
    private var waiting: [Line] = []
    private var now = start

    private init(seed: Int, mistake: Mistake?) {
        random = SeededRandom(seed: UInt64(seed))
        self.mistake = mistake
        bulkhead = Bulkhead(
            .init(atOnce: 1 + Int(random.next() % 3), waiting: Int(random.next() % 4), patience: .milliseconds(800)))
    }

    static func difference(seed: Int, mistake: Mistake? = nil) -> String? {
        var told = Visits(seed: seed, mistake: mistake)
        return told.difference()
    }

    private mutating func difference() -> String? {
        for step in 0..<24 {
            let known = inside + waiting.map(\.caller)
            switch random.next() % 8 {
            case 0..<4:
                let expected = enterOnPaper(step)
                if bulkhead.enter(step, at: now) != expected { return "step \(step): \(expected) expected" }
            case 4..<6 where !known.isEmpty:
                let caller = known[Int(random.next() % UInt64(known.count))]
                inside.removeAll { $0 == caller }
                waiting.removeAll { $0.caller == caller }
                if bulkhead.leave(caller, at: now) != passOnPaper() { return "step \(step): leaving \(caller)" }
            default:
                now = now + .milliseconds(Int(random.next() % 400))
                if bulkhead.pass(to: now) != passOnPaper() { return "step \(step): time passes" }
            }
            if bulkhead.inside.count != inside.count || !inside.allSatisfy(bulkhead.inside.contains)
                || bulkhead.waiting != waiting.count
            {
                return "step \(step): who is where"
            }
            if inside.count > bulkhead.settings.atOnce && mistake == nil { return "step \(step): too many inside" }
        }
        return nil
    }

    private mutating func enterOnPaper(_ caller: Int) -> Bulkhead.Entry {
        let room = bulkhead.settings.atOnce + (mistake == .oneTooMany ? 1 : 0)
        if inside.count < room && waiting.isEmpty {
            inside.append(caller)
            return .enter
        }
        if waiting.count == bulkhead.settings.waiting { return .turnedAway }
        waiting.append(Line(caller: caller, until: now + bulkhead.settings.patience))
        return .wait(until: now + bulkhead.settings.patience)
    }

    private mutating func passOnPaper() -> Bulkhead.Calls {
        var calls = Bulkhead.Calls()
        if mistake != .waitsForEver {
            calls.turnedAway = waiting.filter { $0.until <= now }.map(\.caller)
            waiting.removeAll { $0.until <= now }
        }
        while inside.count < bulkhead.settings.atOnce, !waiting.isEmpty {
            let next = waiting.remove(at: mistake == .lastComeFirstServed ? waiting.count - 1 : 0).caller
            inside.append(next)
            calls.enter.append(next)
        }
        return calls
    }
}
