import Notation
import TestKit
import Testing

import Resilience

/// MC-2: whatever is spent on the way is spent for everybody.
@Suite struct DeadlineTests {
    @Test func `a step may take no more than is left of the whole`() {
        let whole = Deadline(after: .seconds(5), from: start)
        #expect(whole.allowing(.seconds(2), from: start).at == start + .seconds(2))
        #expect(whole.allowing(.seconds(9), from: start) == whole)
        #expect(whole.remaining(at: start + .seconds(4)) == .seconds(1))
        #expect(whole.hasPassed(at: start + .seconds(5)) && whole.remaining(at: start + .seconds(6)) == .zero)
    }

    @Test(arguments: 0..<8) func `a million histories go as the obvious deadline says`(part: Int) {
        for seed in part * 125_000..<(part + 1) * 125_000 {
            if let difference = Steps.difference(seed: seed) {
                Issue.record("history \(seed): \(difference)")
                return
            }
        }
    }

    @Test(arguments: Steps.Mistake.allCases) func `a planted mistake is found`(mistake: Steps.Mistake) {
        #expect((0..<5_000).contains { Steps.difference(seed: $0, mistake: mistake) != nil })
    }
}

private let start = Instant(secondsSince1970: 1_800_000_000)

/// Steps within steps, each with a length of its own, and time that passes between them.
struct Steps {
    enum Mistake: CaseIterable { case forgetsTheWhole, countsFromTheStart, lastsAMomentLonger, owesTime }

    static func difference(seed: Int, mistake: Mistake? = nil) -> String? {
        let random = SeededRandom(seed: UInt64(seed))
        var now = start
        let whole = Span.milliseconds(Int(random.next() % 10_000))
        var deadline = Deadline(after: whole, from: now)
        // Every length that was ever set, and since when.
        var lengths: [(from: Instant, span: Span)] = [(now, whole)]
        for step in 0..<12 {
            if random.next() % 2 == 0 {
                let span = Span.milliseconds(Int(random.next() % 12_000))
                deadline = deadline.allowing(span, from: now)
                if mistake == .forgetsTheWhole { lengths = [] }
                lengths.append((mistake == .countsFromTheStart ? start : now, span))
            } else {
                now = now + .milliseconds(Int(random.next() % 1_500))
            }
            let left = lengths.map { $0.span - (now - $0.from) }.min()!
            let isOver = mistake == .lastsAMomentLonger ? left < .zero : left <= .zero
            let remaining = mistake == .owesTime ? left : max(.zero, left)
            if deadline.hasPassed(at: now) != isOver { return "step \(step): over or not" }
            if deadline.remaining(at: now) != remaining {
                return "step \(step): \(deadline.remaining(at: now)), not \(remaining)"
            }
        }
        return nil
    }
}
